package auditor

// What the second language of schedules adds. Amounts are in minor units by
// currency where nothing else is said; numbers in formulas are in whole units.

// Condition narrows a rule or an accumulator down: all that is given must hold.
type Condition struct {
	Type, Grade string
	From, Until string // dates; Until is exclusive
	Above       int64  // gross, in whole units of the currency; 0 is none
	Counter     string // an accumulator that is at least
	AtLeast     int64  // in whole units
}

// Tiers rate a base by a table. Where Slab is set the whole base is rated by the
// step in which By lies, otherwise the stretch that begins at From is cut.
type Tiers struct {
	Slab  bool
	From  string // an accumulator; empty: 0
	By    string // an accumulator; empty: the base
	Steps []Step
}

// Step is a row of the table; the last has no edge. An edge belongs to the lower
// step.
type Step struct {
	UpTo       int64 // in whole units
	Millionths int64
}

// Split divides a part of the gross.
type Split struct {
	Millionths int64
	Parts      []Part
	Remainder  string // "largest", "first" or "last"
}

// Part is one share of a Split.
type Part struct {
	ID     string
	To     Target
	Weight int64
}

// Hold keeps a rule's share back: it lies under the purpose of the rule's target and
// moves Into another one some days later.
type Hold struct {
	Days     int
	Calendar string // Days are business days of it; empty: days of any kind
	Into     string
}

// Recourse says which held money of a role pays first what a transaction takes of it.
type Recourse struct {
	Role string
	From []string
	When *Condition
}

// Cap bounds a rule by what is left of a parameter after an accumulator.
type Cap struct{ Parameter, Accumulator string }

// Accumulator sums over transactions.
type Accumulator struct {
	Name    string
	Measure string   // "gross", "one", or the id of a rule
	Key     []string // roles, or "grade"
	Window  string   // "day", "calendar_month", "lifetime"; empty: Days
	Days    int
	Shared  bool // by all contracts with the schedule
	All     bool // currencies together
	When    *Condition
}

// Refund policies of a rule.
const (
	ProRata = ""
	OnFull  = "on_full"
	Kept    = "kept"
	ReRate  = "re_rate"
)

// Second reports whether the version needs the second engine.
func (v *Version) Second() bool { return v.Language == 2 }

// parameters are those of a contract with a version of its schedule.
func (c *Contract) parameters(v *Version) (rate int64, limit map[string]int64) {
	rate, limit = v.Rate, v.Limit
	if c.Rate != nil {
		rate = *c.Rate
	}
	if c.Limit != nil {
		limit = c.Limit
	}
	return rate, limit
}
