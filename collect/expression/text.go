package expression

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// longestText bounds what a function may make of texts, so that no nesting of
// them grows without limit. longestList does so for split.
const (
	longestText = 1 << 20
	longestList = 10_000
)

// texts declares methods on texts, named and defined as in CEL's own extension
// for them, of which they are the part without formatting and unbounded growth.
func texts() []cel.EnvOption {
	text, number := cel.StringType, cel.IntType
	method := func(name, overload string, args []*cel.Type, result *cel.Type, binding cel.OverloadOpt) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload(overload, append([]*cel.Type{text}, args...), result, binding))
	}
	unary := func(f func(string) string) cel.OverloadOpt {
		return cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(f(string(v.(types.String)))) })
	}
	return []cel.EnvOption{
		method("trim", "string_trim", nil, text, unary(strings.TrimSpace)),
		method("lowerAscii", "string_lower_ascii", nil, text, unary(lowerASCII)),
		method("upperAscii", "string_upper_ascii", nil, text, unary(upperASCII)),
		method("indexOf", "string_index_of_string", []*cel.Type{text}, number, cel.BinaryBinding(indexOf)),
		method("split", "string_split_string", []*cel.Type{text}, cel.ListType(text), cel.BinaryBinding(split)),
		method("replace", "string_replace_string_string", []*cel.Type{text, text}, text, cel.FunctionBinding(replace)),
		method("substring", "string_substring_int", []*cel.Type{number}, text, cel.BinaryBinding(func(s, from ref.Val) ref.Val { return substring(s, from) })),
		method("substring", "string_substring_int_int", []*cel.Type{number, number}, text, cel.FunctionBinding(substring)),
	}
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}, s)
}

// indexOf counts characters; -1 is not found.
func indexOf(s, part ref.Val) ref.Val {
	text := string(s.(types.String))
	i := strings.Index(text, string(part.(types.String)))
	if i > 0 {
		i = len([]rune(text[:i]))
	}
	return types.Int(i)
}

func split(s, separator ref.Val) ref.Val {
	parts := strings.SplitN(string(s.(types.String)), string(separator.(types.String)), longestList+1)
	if len(parts) > longestList {
		return fault("split gives too many parts", "split at a longer separator")
	}
	return types.DefaultTypeAdapter.NativeToValue(parts)
}

func replace(args ...ref.Val) ref.Val {
	text, old, by := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
	if len(by) > len(old) && len(text)+(strings.Count(text, old))*(len(by)-len(old)) > longestText {
		return fault("replace makes a text of more than 1 MiB", "simplify the expression")
	}
	return types.String(strings.ReplaceAll(text, old, by))
}

// substring takes characters from a start, included, to an end, excluded.
func substring(args ...ref.Val) ref.Val {
	text := string(args[0].(types.String))
	start := int64(args[1].(types.Int))
	var end int64 = -1
	if len(args) == 3 {
		if end = int64(args[2].(types.Int)); end < start {
			return outside()
		}
	}
	if start < 0 {
		return outside()
	}
	from, to, n := -1, -1, int64(0)
	for i := range text {
		if n == start {
			from = i
		}
		if n == end {
			to = i
			break
		}
		n++
	}
	if n == start && from < 0 { // just behind the last character
		from = len(text)
	}
	if end < 0 || n == end && to < 0 {
		to = len(text)
	}
	if from < 0 || to < 0 {
		return outside()
	}
	return types.String(text[from:to])
}

func outside() ref.Val {
	return fault("the text is shorter than substring asks for", `test its length with size(), or its form with matches()`)
}
