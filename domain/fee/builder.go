package fee

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

// builder compiles a document for engine 2 and collects what is wrong with its
// names and formulas. What its fields hold otherwise is checked before.
type builder struct {
	checker
	document *Document
	program  *program
	lines    map[int]int  // slot of a line to the place of its rule in the order applied
	used     map[int]bool // slots that formulas name
	groups   []string
}

// build compiles a document.
func build(d *Document) (*program, []*domain.Error) {
	b := newBuilder(d)
	b.build()
	return b.program, b.faults
}

func newBuilder(d *Document) *builder {
	return &builder{document: d, program: &program{scope: formula.NewScope()}, lines: map[int]int{}, used: map[int]bool{}}
}

func (b *builder) build() {
	b.parts()
	b.finish()
}

// parts compiles the parts of a document in the order in which they see each other.
func (b *builder) parts() {
	for _, name := range fixed {
		b.declare("", name.name, name.kind)
	}
	b.inputs()
	b.parameters()
	b.names()
	b.values()
	b.clauses()
	b.accumulators()
	b.recourses()
}

// finish notes what formulas name.
func (b *builder) finish() {
	b.program.made = b.program.changing()
	b.program.watched = b.used[slotTaken] || b.used[slotRemaining]
	b.program.dated = b.used[slotOn] || slices.ContainsFunc(b.program.clauses, func(c clause) bool { return c.hold != nil })
	for i := range b.program.accumulators {
		a := &b.program.accumulators[i]
		a.named = b.used[a.slot]
		b.program.dated = b.program.dated || a.window.name != WindowLifetime || a.Starts != ""
	}
}

// declare adds a name to the scope. A name that cannot be used has slot 0.
func (b *builder) declare(path, name string, kind formula.Kind) int {
	slot, err := b.program.scope.Declare(name, kind)
	if err != nil {
		b.err(path, err)
		return 0
	}
	return slot
}

// names declares what values and rules may look at: accumulators, parties, lines.
func (b *builder) names() {
	for i := range b.document.Accumulators {
		a := &b.document.Accumulators[i]
		slot := b.declare(at("accumulators", i)+".name", a.Name, formula.KindNumber)
		b.program.accumulators = append(b.program.accumulators, accumulator{Accumulator: a, slot: slot})
	}
	for _, role := range b.document.partyRoles() {
		if slot := b.declare("", partyOf+role, formula.KindText); slot > 0 {
			b.program.roles = append(b.program.roles, roleSlot{role, slot})
		}
	}
	for place, i := range applied(b.document.Rules) {
		r := &b.document.Rules[i]
		b.line(place, r.ID)
		if r.Split != nil {
			for _, part := range r.Split.Parts {
				b.line(place, r.ID+"."+part.ID)
			}
		}
	}
}

// line declares the line of a rule where formulas can write its id. Ids that are
// given twice are a fault of their own.
func (b *builder) line(place int, id string) {
	rule, part, split := strings.Cut(id, ".")
	if !namedLine.MatchString(rule) || split && !namedLine.MatchString(part) {
		return
	}
	if slot, err := b.program.scope.Declare(linesOf+id, formula.KindNumber); err == nil {
		b.lines[slot] = place
	}
}

// slotOf is the slot of a line, 0 where no formula can name it.
func (b *builder) slotOf(id string) int {
	slot, _, _ := b.program.scope.Lookup(linesOf + id)
	return slot
}

// expr compiles a formula; nil where the source is empty or at fault.
func (b *builder) expr(path, source string, want formula.Kind) *expr {
	if source == "" {
		return nil
	}
	compiled, err := formula.Compile(source, b.program.scope, want)
	if err != nil {
		b.err(path, b.better(path, err))
		return nil
	}
	e := &expr{Formula: compiled, path: path}
	for _, name := range compiled.Names() {
		slot, _, _ := b.program.scope.Lookup(name)
		e.read(slot)
		b.used[slot] = true
		if i := slot - b.program.firstValue; b.program.firstValue > 0 && i >= 0 && i < len(b.program.values) {
			for _, v := range b.program.values[i].values {
				e.after(v)
			}
			e.after(i)
			for _, further := range b.program.values[i].slots {
				e.read(further)
			}
		}
	}
	if compiled.Constant() && compiled.Kind() == formula.KindNumber {
		e.number, err = compiled.EvalNumber(nil)
		e.constant = err == nil
		b.err(path, err)
	}
	return e
}

func (e *expr) read(slot int) {
	if !slices.Contains(e.slots, slot) {
		e.slots = append(e.slots, slot)
	}
}

func (e *expr) after(value int) {
	if !slices.Contains(e.values, value) {
		e.values = append(e.values, value)
	}
}

// better explains a name that is declared, but not yet where it is used.
func (b *builder) better(path string, err error) error {
	var fault *domain.Error
	if !errors.As(err, &fault) || fault.Message == "" {
		return err
	}
	for i, v := range b.document.Values {
		if v.Name != fault.Value || fault.Value == "" {
			continue
		}
		clearer := *fault
		clearer.Message = "value " + v.Name + " is defined later"
		clearer.Remedy = "move it up: values are computed in the order written"
		switch self := at("values", i) + ".is"; {
		case self == path:
			clearer.Message, clearer.Remedy = "value "+v.Name+" is defined by itself", "name something else in it"
		case b.leads(i, path):
			clearer.Message, clearer.Remedy = "the values are defined by each other in a circle", "break the circle: "+v.Name+" names this one again"
		}
		return &clearer
	}
	return err
}

// leads reports whether a value names, itself or through others, the value whose
// formula stands at path.
func (b *builder) leads(from int, path string) bool {
	seen := make([]bool, len(b.document.Values))
	var visit func(i int) bool
	visit = func(i int) bool {
		if at("values", i)+".is" == path {
			return true
		}
		seen[i] = true
		for j, v := range b.document.Values {
			if !seen[j] && names(b.document.Values[i].Is, v.Name) && visit(j) {
				return true
			}
		}
		return false
	}
	return visit(from)
}

// names reports whether a formula that may not compile has a word in it.
func names(source, word string) bool {
	return slices.Contains(strings.FieldsFunc(source, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '.'
	}), word)
}

// seen refuses names that are not known yet where a rule is applied: the lines of
// rules from place on, and the amount charged, which `refund` alone knows.
func (b *builder) seen(e *expr, place int) *expr {
	if e == nil {
		return nil
	}
	for _, slot := range e.slots {
		if later, isLine := b.lines[slot]; isLine && later >= place {
			b.refuse(e, slot, "the rule of this line is applied later, or is this one", "name earlier rules only; priority and the order written decide which are earlier")
		}
	}
	return b.without(e, "is known to `keep` under `refund` only", slotLine)
}

// without refuses some names.
func (b *builder) without(e *expr, why string, slots ...int) *expr {
	if e != nil {
		for _, slot := range slots {
			if slices.Contains(e.slots, slot) {
				b.refuse(e, slot, b.program.scope.Names()[slot]+" "+why, "leave it out")
			}
		}
	}
	return e
}

func (b *builder) refuse(e *expr, slot int, message, remedy string) {
	b.invalid(e.path, b.program.scope.Names()[slot], message, remedy)
}

// at is the path of an element of a list.
func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
