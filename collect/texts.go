package collect

import (
	"strings"

	"github.com/jeongsan/jeongsan/collect/expression"
	"github.com/jeongsan/jeongsan/collect/format"
)

// texts maps the named texts of a record: the parties by role, the attributes. It
// belongs to one goroutine.
type texts struct {
	path   string   // of what stands before the name
	names  []string // sorted
	list   []*expression.Evaluator
	values []string
	shared map[string]map[string]string // by all their values
	key    []byte
}

// mostShared bounds the sets that are remembered.
const mostShared = 16384

func newTexts(path string, names []string, expressions map[string]*expression.Expression) texts {
	t := texts{path: path, names: names, values: make([]string, len(names)), shared: map[string]map[string]string{}}
	for _, name := range names {
		t.list = append(t.list, expression.NewEvaluator(expressions[name]))
	}
	return t
}

// eval evaluates the texts; an empty one is left out. Equal sets share one map,
// which nobody changes; a set of nothing is nil.
func (t *texts) eval(it *item, record *format.Record) map[string]string {
	t.key = t.key[:0]
	given := 0
	for i, e := range t.list {
		result, fault := e.Eval(record)
		it.note(fault, t.path+t.names[i])
		t.values[i] = result.Text
		t.key = appendText(t.key, result.Text)
		if result.Text != "" {
			given++
		}
	}
	if given == 0 {
		return nil
	}
	if set, ok := t.shared[string(t.key)]; ok {
		return set
	}
	set := make(map[string]string, given)
	for i, name := range t.names {
		if t.values[i] != "" {
			set[name] = strings.Clone(t.values[i])
		}
	}
	if len(t.shared) >= mostShared {
		clear(t.shared)
	}
	t.shared[string(t.key)] = set
	return set
}
