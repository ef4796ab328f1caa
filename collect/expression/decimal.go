package expression

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// decimalType is the type of exact decimals. Its operators are CEL's own,
// dispatched by traits; the overloads in functions.go let the checker know.
var decimalType = cel.ObjectType("decimal", traits.AdderType, traits.SubtractorType, traits.MultiplierType, traits.NegatorType, traits.ComparerType)

const (
	longestDecimal  = 64
	highestExponent = 64
	mostDigits      = 18
)

// number is a decimal within an expression.
type number struct{ decimal.Decimal }

func (n number) ConvertToNative(t reflect.Type) (any, error) {
	if t == reflect.TypeFor[decimal.Decimal]() {
		return n.Decimal, nil
	}
	return nil, fmt.Errorf("a decimal cannot become %v", t)
}

func (n number) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case decimalType:
		return n
	case types.StringType:
		return types.String(n.String())
	case types.IntType:
		return n.whole()
	case types.TypeType:
		return decimalType
	}
	return types.NewErr("a decimal cannot become %s", t.TypeName())
}

func (n number) Equal(other ref.Val) ref.Val {
	switch o := other.(type) {
	case number:
		return types.Bool(n.Decimal.Equal(o.Decimal))
	case types.Int:
		return types.Bool(n.Decimal.Equal(decimal.NewFromInt(int64(o))))
	}
	return types.False
}

func (n number) Type() ref.Type { return decimalType }
func (n number) Value() any     { return n.Decimal }

func (n number) Add(other ref.Val) ref.Val {
	if o, ok := other.(number); ok {
		return number{n.Decimal.Add(o.Decimal)}
	}
	return types.MaybeNoSuchOverloadErr(other)
}

func (n number) Subtract(other ref.Val) ref.Val {
	if o, ok := other.(number); ok {
		return number{n.Decimal.Sub(o.Decimal)}
	}
	return types.MaybeNoSuchOverloadErr(other)
}

func (n number) Multiply(other ref.Val) ref.Val {
	if o, ok := other.(number); ok {
		return number{n.Mul(o.Decimal)}
	}
	return types.MaybeNoSuchOverloadErr(other)
}

func (n number) Negate() ref.Val { return number{n.Neg()} }

func (n number) Compare(other ref.Val) ref.Val {
	switch o := other.(type) {
	case number:
		return types.Int(n.Cmp(o.Decimal))
	case types.Int:
		return types.Int(n.Cmp(decimal.NewFromInt(int64(o))))
	}
	return types.MaybeNoSuchOverloadErr(other)
}

func (n number) whole() ref.Val {
	if !n.IsInteger() || n.LessThan(decimal.NewFromInt(math.MinInt64)) || n.GreaterThan(decimal.NewFromInt(math.MaxInt64)) {
		return fault("a decimal is not a whole number of 64 bits", "round it, or check the field")
	}
	return types.Int(n.IntPart())
}

func (n number) round(digits int64) ref.Val {
	if digits < 0 || digits > mostDigits {
		return fault("round takes 0 to 18 digits", "")
	}
	return number{n.Round(int32(digits))}
}

// fault is an error value within an expression. Its message must not repeat
// values of the record.
func fault(message, remedy string) ref.Val {
	return types.WrapErr(&domain.Error{Code: domain.CodeInvalid, Message: message, Remedy: remedy})
}

const decimalRemedy = "write digits with an optional sign and one decimal point, as -1234.50; remove other signs with replace()"

// parseDecimal reads digits with an optional sign and point, nothing else. The
// error does not repeat the text.
func parseDecimal(s string) (decimal.Decimal, *domain.Error) {
	s = strings.TrimPrefix(s, "+")
	if a, err := money.Parse(s); err == nil {
		return a.Decimal(), nil
	}
	message := "the text is not a decimal number"
	switch {
	case s == "":
		message = "an empty text is not a decimal number"
	case len(s) > longestDecimal:
		message = "a decimal number has more than 64 characters"
	case plainDecimal(s):
		if d, err := decimal.NewFromString(s); err == nil {
			return d, nil
		}
	}
	return decimal.Decimal{}, &domain.Error{Code: domain.CodeInvalid, Message: message, Remedy: decimalRemedy}
}

// plainDecimal accepts -?digits(.digits)?
func plainDecimal(s string) bool {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return digits(whole) && (!point || digits(fraction))
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// parseNumber reads a JSON number, exponent included, exactly.
func parseNumber(s string) (decimal.Decimal, *domain.Error) {
	if a, err := money.Parse(s); err == nil {
		return a.Decimal(), nil
	}
	d, err := decimal.NewFromString(s)
	if err != nil || d.Exponent() > highestExponent || d.Exponent() < -highestExponent {
		return decimal.Decimal{}, &domain.Error{Code: domain.CodeOutOfRange, Message: "a number is out of range", Remedy: "send at most 64 digits on either side of the point"}
	}
	return d, nil
}

var (
	_ traits.Adder      = number{}
	_ traits.Subtractor = number{}
	_ traits.Multiplier = number{}
	_ traits.Negater    = number{}
	_ traits.Comparer   = number{}
)
