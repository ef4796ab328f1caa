package expression

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// functions declares what the language has beyond CEL and the methods of texts.
func (l *Language) functions() []cel.EnvOption {
	dec, text := decimalType, cel.StringType
	binary := func(operator, name string, result *cel.Type) cel.EnvOption {
		return cel.Function(operator, cel.Overload(name+"_decimal_decimal", []*cel.Type{dec, dec}, result))
	}
	return []cel.EnvOption{
		binary(operators.Add, "add", dec),
		binary(operators.Subtract, "subtract", dec),
		binary(operators.Multiply, "multiply", dec),
		binary(operators.Less, "less", cel.BoolType),
		binary(operators.LessEquals, "less_equals", cel.BoolType),
		binary(operators.Greater, "greater", cel.BoolType),
		binary(operators.GreaterEquals, "greater_equals", cel.BoolType),
		cel.Function(operators.Negate, cel.Overload("negate_decimal", []*cel.Type{dec}, dec)),
		cel.Function("decimal",
			cel.Overload("decimal_string", []*cel.Type{text}, dec, cel.UnaryBinding(toDecimal)),
			cel.Overload("decimal_int", []*cel.Type{cel.IntType}, dec, cel.UnaryBinding(toDecimal)),
			cel.Overload("decimal_decimal", []*cel.Type{dec}, dec, cel.UnaryBinding(toDecimal)),
		),
		cel.Function("int", cel.Overload("decimal_to_int", []*cel.Type{dec}, cel.IntType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return v.(number).whole() }))),
		cel.Function("string", cel.Overload("decimal_to_string", []*cel.Type{dec}, text,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(v.(number).String()) }))),
		cel.Function("abs", cel.Overload("abs_decimal", []*cel.Type{dec}, dec,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return number{v.(number).Abs()} }))),
		cel.Function("round", cel.Overload("round_decimal_int", []*cel.Type{dec, cel.IntType}, dec,
			cel.BinaryBinding(func(v, digits ref.Val) ref.Val { return v.(number).round(int64(digits.(types.Int))) }))),
		cel.Function("time",
			cel.Overload("time_layout", []*cel.Type{text, text}, cel.TimestampType,
				cel.BinaryBinding(func(s, layout ref.Val) ref.Val { return l.instant(s, layout, types.String("")) })),
			cel.Overload("time_layout_zone", []*cel.Type{text, text, text}, cel.TimestampType,
				cel.FunctionBinding(func(args ...ref.Val) ref.Val { return l.instant(args[0], args[1], args[2]) })),
		),
	}
}

func toDecimal(v ref.Val) ref.Val {
	switch v := v.(type) {
	case number:
		return v
	case types.Int:
		return number{decimalFromInt(int64(v))}
	case types.String:
		d, err := parseDecimal(string(v))
		if err != nil {
			return types.WrapErr(err)
		}
		return number{d}
	}
	return types.MaybeNoSuchOverloadErr(v)
}

// instant binds time(); layout and zone are constants that Compile has checked.
func (l *Language) instant(s, layout, zone ref.Val) ref.Val {
	text, ok := s.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(s)
	}
	reader, ok := l.layouts[[2]string{string(layout.(types.String)), string(zone.(types.String))}]
	if !ok {
		return fault("layout and zone of time() must be constant texts", "")
	}
	t, err := reader.read(string(text))
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Timestamp{Time: t}
}
