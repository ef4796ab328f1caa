package clause

import (
	"strconv"
	"strings"
)

// Where collects conditions that must all hold. Its zero value has none. It
// belongs to one goroutine.
type Where struct {
	conditions []string
	args       []any
}

// Arg adds a value and returns its placeholder, as "$3".
func (w *Where) Arg(value any) string {
	w.args = append(w.args, value)
	return "$" + strconv.Itoa(len(w.args))
}

// And adds a condition in which every "?" stands for the next of the values.
func (w *Where) And(condition string, values ...any) {
	for _, v := range values {
		condition = strings.Replace(condition, "?", w.Arg(v), 1)
	}
	w.conditions = append(w.conditions, condition)
}

// AndText adds "column = value" where the value is not empty.
func (w *Where) AndText(column, value string) {
	if value != "" {
		w.And(column+" = ?", value)
	}
}

// String is the clause with its leading " WHERE ", or empty without conditions.
func (w *Where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// Args returns the values in the order of their placeholders.
func (w *Where) Args() []any { return w.args }
