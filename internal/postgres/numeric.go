package postgres

import (
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain/money"
)

// RegisterNumeric teaches a connection's types to exchange numeric and numeric[]
// with decimal.Decimal and money.Amount exactly, both ways. NaN and infinities
// are errors, and so is a value that does not fit in an Amount.
func RegisterNumeric(types *pgtype.Map) {
	element := &pgtype.Type{Name: "numeric", OID: pgtype.NumericOID, Codec: numericCodec{}}
	types.RegisterType(element)
	types.RegisterType(&pgtype.Type{Name: "_numeric", OID: pgtype.NumericArrayOID, Codec: &pgtype.ArrayCodec{ElementType: element}})
	types.RegisterDefaultPgType(decimal.Decimal{}, "numeric")
	types.RegisterDefaultPgType([]decimal.Decimal{}, "_numeric")
	types.RegisterDefaultPgType(money.Amount{}, "numeric")
	types.RegisterDefaultPgType([]money.Amount{}, "_numeric")
}

type numericCodec struct{ pgtype.NumericCodec }

// PlanEncode implements pgtype.Codec.
func (c numericCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	switch value.(type) {
	case money.Amount:
		if format == pgtype.BinaryFormatCode {
			return encodeAmount{}
		}
		return encodeText{}
	case decimal.Decimal:
		if format == pgtype.BinaryFormatCode {
			return encodeDecimal{c.NumericCodec.PlanEncode(m, oid, format, pgtype.Numeric{})}
		}
		return encodeText{}
	}
	return c.NumericCodec.PlanEncode(m, oid, format, value)
}

// PlanScan implements pgtype.Codec.
func (c numericCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	switch target.(type) {
	case *decimal.Decimal, *money.Amount:
		if next := c.NumericCodec.PlanScan(m, oid, format, &pgtype.Numeric{}); next != nil {
			return scanNumeric{next}
		}
	}
	return c.NumericCodec.PlanScan(m, oid, format, target)
}

type encodeText struct{}

func (encodeText) Encode(value any, b []byte) ([]byte, error) {
	switch v := value.(type) {
	case money.Amount:
		return v.Append(b), nil
	case decimal.Decimal:
		return append(b, v.String()...), nil
	}
	return nil, fmt.Errorf("cannot encode %T as numeric", value)
}

type encodeAmount struct{}

func (encodeAmount) Encode(value any, b []byte) ([]byte, error) {
	a := value.(money.Amount)
	return appendNumeric(b, a.Units(), a.Scale()), nil
}

type encodeDecimal struct{ general pgtype.EncodePlan }

func (e encodeDecimal) Encode(value any, b []byte) ([]byte, error) {
	d := value.(decimal.Decimal)
	if exponent := d.Exponent(); exponent <= 0 && exponent >= -maxScale {
		if coefficient := d.Coefficient(); coefficient.IsInt64() {
			return appendNumeric(b, coefficient.Int64(), uint8(-exponent)), nil
		}
	}
	return e.general.Encode(pgtype.Numeric{Int: d.Coefficient(), Exp: d.Exponent(), Valid: true}, b)
}

// The wire format of numeric counts in digits of base 10,000, four decimals each.
const (
	numericBase     = 10_000
	numericDecimals = 4
	numericNegative = 0x4000
	// maxScale is the finest scale of a money.Amount.
	maxScale = 18
)

var powers = [...]uint64{1, 10, 100, 1_000, 10_000}

// appendNumeric appends units × 10^-scale in Postgres' binary format.
func appendNumeric(b []byte, units int64, scale uint8) []byte {
	rest := uint64(units)
	var sign uint16
	if units < 0 {
		rest, sign = -rest, numericNegative
	}
	// Least significant first: 5 digits behind the point at most, 5 before it.
	var digits [12]uint16
	n := 0
	if short := scale % numericDecimals; short != 0 {
		digits[0] = uint16(rest % powers[short] * powers[numericDecimals-short])
		rest /= powers[short]
		n = 1
	}
	behind := (int(scale) + numericDecimals - 1) / numericDecimals
	for n < behind || rest > 0 {
		digits[n] = uint16(rest % numericBase)
		rest /= numericBase
		n++
	}
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	b = binary.BigEndian.AppendUint16(b, uint16(int16(n-behind-1)))
	b = binary.BigEndian.AppendUint16(b, sign)
	b = binary.BigEndian.AppendUint16(b, uint16(scale))
	for n--; n >= 0; n-- {
		b = binary.BigEndian.AppendUint16(b, digits[n])
	}
	return b
}

type scanNumeric struct{ next pgtype.ScanPlan }

func (s scanNumeric) Scan(src []byte, target any) error {
	var n pgtype.Numeric
	if err := s.next.Scan(src, &n); err != nil {
		return err
	}
	if !n.Valid || n.NaN || n.InfinityModifier != pgtype.Finite {
		return fmt.Errorf("cannot scan null, NaN or infinity into %T", target)
	}
	if n.Int == nil {
		n.Int = new(big.Int)
	}
	d := decimal.NewFromBigInt(n.Int, n.Exp)
	switch t := target.(type) {
	case *decimal.Decimal:
		*t = d
	case *money.Amount:
		a, err := money.FromDecimal(d)
		if err != nil {
			return err
		}
		*t = a
	}
	return nil
}
