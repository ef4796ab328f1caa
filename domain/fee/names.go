package fee

import (
	"regexp"
	"strings"

	"github.com/jeongsan/jeongsan/domain/formula"
)

// Slots of the names that every formula may use. What a document declares stands
// behind them.
const (
	slotGross = formula.SlotMinorUnit + 1 + iota
	slotExactGross
	slotRemaining
	slotTaken
	slotCurrency
	slotType
	slotMethod
	slotProduct
	slotSource
	slotOn
	slotRefund
	slotLine
	fixedSlots
)

// fixed lists the names in the order of their slots.
var fixed = [...]struct {
	name string
	kind formula.Kind
}{
	{"gross", formula.KindNumber},
	{"exact_gross", formula.KindNumber},
	{"remaining", formula.KindNumber},
	{"taken", formula.KindNumber},
	{"currency", formula.KindText},
	{"type", formula.KindText},
	{"method", formula.KindText},
	{"product", formula.KindText},
	{"source", formula.KindText},
	{"on", formula.KindDate},
	{"refund", formula.KindTruth},
	{"line", formula.KindNumber},
}

// Beginnings of names that belong to a family.
const (
	linesOf = "lines."
	partyOf = "party."
)

var (
	namedLine  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	namedParty = regexp.MustCompile(`\bparty\.([a-z][a-z0-9_]*)`)
)

// sources gives every formula of a document to visit.
func (d *Document) sources(visit func(source string)) {
	for _, a := range d.Accumulators {
		visit(a.Measure)
		visit(a.When)
	}
	for _, v := range d.Values {
		visit(v.Is)
	}
	for i := range d.Rules {
		r := &d.Rules[i]
		for _, source := range []string{r.When, r.Of, r.Percent, r.Amount, r.AtLeast, r.AtMost} {
			visit(source)
		}
		if r.PerUnit != nil {
			visit(r.PerUnit.Units)
			visit(r.PerUnit.PriceIs)
		}
		if r.Tiers != nil {
			visit(r.Tiers.From)
			visit(r.Tiers.By)
			for _, step := range r.Tiers.Steps {
				visit(step.UpTo)
				visit(step.Percent)
			}
		}
		if r.Split != nil {
			visit(r.Split.Of)
			for _, part := range r.Split.Parts {
				visit(part.Weight)
			}
		}
		if r.Refund != nil {
			visit(r.Refund.Keep)
		}
		if r.Convert != nil {
			visit(r.Convert.Mid)
			visit(r.Convert.Rate)
		}
	}
	for i := range d.Recourse {
		visit(d.Recourse[i].When)
	}
}

// partyRoles lists the roles that formulas name as party.<role>, in the order of
// their first use.
func (d *Document) partyRoles() (roles []string) {
	seen := map[string]bool{}
	d.sources(func(source string) {
		if !strings.Contains(source, partyOf) {
			return
		}
		for _, match := range namedParty.FindAllStringSubmatch(source, -1) {
			if !seen[match[1]] {
				seen[match[1]] = true
				roles = append(roles, match[1])
			}
		}
	})
	return roles
}
