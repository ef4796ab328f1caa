package expression

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/collect/format"
)

func decimalFromInt(i int64) decimal.Decimal { return decimal.NewFromInt(i) }

// row is the record as the variable row. It is both the activation that resolves
// the name and the map behind it. Expressions reach it by constant field names
// only, so the parts of traits.Mapper that walk a map serve the interface alone.
type row struct{ record *format.Record }

// ResolveName implements interpreter.Activation.
func (r *row) ResolveName(name string) (any, bool) {
	if name == "row" {
		return r, true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (r *row) Parent() interpreter.Activation { return nil }

// Find implements traits.Mapper.
func (r *row) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	v, ok := r.record.Field(string(name))
	if !ok {
		return nil, false
	}
	return toCEL(v), true
}

// Get implements traits.Indexer.
func (r *row) Get(key ref.Val) ref.Val {
	if v, ok := r.Find(key); ok {
		return v
	}
	return types.NewErr("no such key")
}

// Contains implements traits.Container.
func (r *row) Contains(key ref.Val) ref.Val {
	_, ok := r.Find(key)
	return types.Bool(ok)
}

// Size implements traits.Sizer.
func (r *row) Size() ref.Val { return types.Int(len(r.record.Values)) }

// Iterator implements traits.Iterable.
func (r *row) Iterator() traits.Iterator {
	names := make([]ref.Val, len(r.record.Names))
	for i, name := range r.record.Names {
		names[i] = types.String(name)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, names).Iterator()
}

// ConvertToNative implements ref.Val.
func (r *row) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a row cannot become %v", t)
}

// ConvertToType implements ref.Val.
func (r *row) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("a row cannot become %s", t.TypeName())
}

// Equal implements ref.Val.
func (r *row) Equal(other ref.Val) ref.Val { return types.Bool(ref.Val(r) == other) }

// Type implements ref.Val.
func (r *row) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (r *row) Value() any { return r.record }

func toCEL(v format.Value) ref.Val {
	switch v.Kind {
	case format.Number:
		d, err := parseNumber(v.Text)
		if err != nil {
			return types.WrapErr(err)
		}
		return number{d}
	case format.Bool:
		return types.Bool(v.Text == "true")
	case format.Null:
		return types.NullValue
	case format.List:
		items := make([]ref.Val, len(v.Items))
		for i, item := range v.Items {
			items[i] = toCEL(item)
		}
		return types.NewRefValList(types.DefaultTypeAdapter, items)
	case format.Object:
		entries := make(map[ref.Val]ref.Val, len(v.Items))
		for i, item := range v.Items {
			entries[types.String(v.Names[i])] = toCEL(item)
		}
		return types.NewRefValMap(types.DefaultTypeAdapter, entries)
	default:
		return types.String(v.Text)
	}
}

var _ traits.Mapper = (*row)(nil)
