package fee

import "github.com/jeongsan/jeongsan/domain/money"

// Explanation says all that a schedule looked at for one input: derived on demand
// by the engine that rated it, from the same input.
type Explanation struct {
	Schedule string `json:"schedule"`
	Version  int    `json:"version"`
	Engine   int    `json:"engine"`
	Result   Result `json:"-"`
	// Inputs, Parameters and Values are in the order of the document.
	Inputs     []Shown `json:"inputs,omitempty"`
	Parameters []Shown `json:"parameters,omitempty"`
	Values     []Shown `json:"values,omitempty"`
	// Rules holds every rule, in the order considered.
	Rules []Considered `json:"rules"`
	// Accumulators says what each was before, and what it is after.
	Accumulators []Counted `json:"accumulators,omitempty"`
	// Recourse says which held money pays first, for each role from which the
	// transaction takes money.
	Recourse []Reached `json:"recourse,omitempty"`
}

// Reached is a Recourse that the transaction could take, and whether it Holds.
type Reached struct {
	Role  string   `json:"role"`
	From  []string `json:"from"`
	Holds bool     `json:"holds"`
	Why   string   `json:"why,omitempty"` // the condition with its values
}

// Shown is a value by name. Formula is what it comes from, with the values put in.
type Shown struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Formula string `json:"formula,omitempty"`
}

// Considered is one rule and what became of it.
type Considered struct {
	Rule    string `json:"rule"`
	Matched bool   `json:"matched"`
	// Why says what decided: the condition with its values, the group, the policy.
	Why string `json:"why,omitempty"`
	// Steps are the parts of the result in the order computed.
	Steps []Shown `json:"steps,omitempty"`
	// Lines are those of Result.Lines that the rule led to; several for a split.
	Lines []Line `json:"lines,omitempty"`
}

// Counted is one accumulator: Count is empty where nothing was counted.
type Counted struct {
	Name    string       `json:"name"`
	Counter string       `json:"counter"`
	Before  money.Amount `json:"before"`
	After   money.Amount `json:"after"`
	Counts  bool         `json:"counts"` // whether this transaction counts
	Why     string       `json:"why,omitempty"`
	Formula string       `json:"formula,omitempty"` // the measure, with the values put in
}
