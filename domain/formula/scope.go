package formula

import (
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// MinorUnit is the name that every scope declares first, as number in slot 0: the
// minor unit of the transaction's currency, to which round rounds where it names
// no unit. Whoever evaluates a formula puts it there, as
// NumberOf(FromAmount(currency.MinorUnit())).
const MinorUnit = "minor_unit"

// SlotMinorUnit is where MinorUnit stands.
const SlotMinorUnit = 0

// MaxNames bounds the names of one scope.
const MaxNames = 1000

const longestName = 130 // two names of domain.CheckName and the point between them

// Scope says which names formulas may use, each with a kind and a slot: the index
// of its value among those that Eval is given. Names may be declared between two
// calls of Compile; a formula knows those declared before it. Not safe for
// concurrent use; compiled formulas do not hold on to it.
type Scope struct {
	names []string
	kinds []Kind
	slots map[string]int
}

// NewScope returns a scope that knows MinorUnit alone.
func NewScope() *Scope {
	return &Scope{names: []string{MinorUnit}, kinds: []Kind{KindNumber}, slots: map[string]int{MinorUnit: SlotMinorUnit}}
}

// Declare adds a name and returns its slot: slots count up by one. A name is
// lower_snake, or several of them joined by points, as lines.fee. The error is
// CodeInvalid where the name is malformed, a word of the language, or already
// declared, or where the kind is KindAny. Names of functions and of rounding modes
// may be declared: what stands before '(' is a function, and the second argument
// of round a mode.
func (s *Scope) Declare(name string, kind Kind) (slot int, err error) {
	switch _, taken := s.slots[name]; {
	case !isName(name):
		return 0, nameFault(name, "not a name that a formula can use", "use a-z, 0-9 and '_', beginning with a letter, as vat_rate")
	case reserved(name):
		return 0, nameFault(name, "this is a word of the language of formulas", "choose another name")
	case taken:
		return 0, nameFault(name, "this name stands for something else already", "give everything its own name")
	case len(s.names) >= MaxNames:
		return 0, nameFault(name, "too many names", "declare at most "+strconv.Itoa(MaxNames))
	case kind == KindAny || int(kind) >= len(kinds):
		return 0, nameFault(name, "this name has no type", "use one of "+strings.Join(kinds[1:], ", "))
	}
	slot = len(s.names)
	s.names, s.kinds = append(s.names, name), append(s.kinds, kind)
	s.slots[name] = slot
	return slot, nil
}

// Lookup returns the slot and the kind of a declared name.
func (s *Scope) Lookup(name string) (slot int, kind Kind, ok bool) {
	slot, ok = s.slots[name]
	if ok {
		kind = s.kinds[slot]
	}
	return slot, kind, ok
}

// Len is the number of slots: how many values Eval wants.
func (s *Scope) Len() int { return len(s.names) }

// Names lists the declared names by slot.
func (s *Scope) Names() []string { return append([]string(nil), s.names...) }

func nameFault(name, message, remedy string) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: "name", Value: name, Message: message, Remedy: remedy}
}

func isName(s string) bool {
	if len(s) > longestName {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if domain.CheckName("name", part) != nil {
			return false
		}
	}
	return true
}

// reserved reports whether a word has a meaning of its own wherever it stands.
func reserved(word string) bool {
	switch word {
	case "and", "or", "not", "in", "true", "false", "if":
		return true
	}
	return false
}
