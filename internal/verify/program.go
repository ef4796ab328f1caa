package verify

// program is what a version of a schedule says about counting and bounding: what
// the second opinion works out again.
type program struct {
	inputs       []inputSpec
	parameters   []parameter
	accumulators []accumulator
	values       []named
	bounds       map[string]*bounds // by rule
	onRefund     map[string]bool    // rules that charge for refunding
	funds        target
	difference   target            // takes what is finer than the minor unit
	routes       map[string]*route // by rule, of a split by "<rule>.<part>"
	recourse     []recourse
	periods      []period
}

// inputSpec is an attribute that the schedule declares.
type inputSpec struct {
	name, kind string
	standard   string // where the transaction brings none
	optional   bool
}

// parameter is a constant by name: a formula, or amounts per currency.
type parameter struct {
	name    string
	is      string
	amounts map[string]figure
}

type named struct {
	name string
	is   formula
}

// accumulator is a sum over transactions of a book.
type accumulator struct {
	name, scope   string // scope is "contract" or "schedule"
	measure, when formula
	key           []string
	window        string // "" where it rolls
	days          uint64 // of a rolling window
	starts        string // date or ""
	all           bool   // currencies count together
}

// bounds are those of one rule.
type bounds struct {
	minimum, maximum map[string]figure
	atLeast, atMost  formula
}

// decodeProgram reads one member of a schedule's document.
func (f *fold) decodeProgram(key []byte, p *program) (err error) {
	s := &f.scan
	switch string(key) {
	case "inputs":
		return s.array(func() error { return f.decodeInput(p) })
	case "parameters":
		return s.array(func() error { return f.decodeParameter(p) })
	case "accumulators":
		return s.array(func() error { return f.decodeAccumulator(p) })
	case "values":
		return s.array(func() (err error) {
			var v named
			v.name, v.is, err = f.decodeNamed()
			p.values = append(p.values, v)
			return err
		})
	case "rules":
		return s.array(func() error { return f.decodeRule(p) })
	case "periods":
		return s.array(func() error { return f.decodePeriod(p) })
	case "recourse":
		return s.array(func() error { return f.decodeRecourse(p) })
	case "funds":
		p.funds, err = f.decodeTarget(purposeReceivable)
		return err
	case "rounding_difference":
		p.difference, err = f.decodeTarget(purposeRounding)
		return err
	}
	return s.skip()
}

// kept reads a string that is kept.
func (f *fold) kept() (string, error) {
	text, err := f.scan.str()
	return string(text), err
}

// decodeFormula reads a formula; an empty one is nil.
func (f *fold) decodeFormula() (formula, error) {
	text, err := f.kept()
	if err != nil || text == "" {
		return nil, err
	}
	return parseFormula(text)
}

func (f *fold) decodeInput(p *program) error {
	var in inputSpec
	err := f.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "name":
			in.name, err = f.kept()
		case "type":
			in.kind, err = f.kept()
		case "default":
			if !f.scan.null() {
				in.optional = true
				in.standard, err = f.kept()
			}
		default:
			err = f.scan.skip()
		}
		return err
	})
	p.inputs = append(p.inputs, in)
	return err
}

func (f *fold) decodeParameter(p *program) error {
	var one parameter
	err := f.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "name":
			one.name, err = f.kept()
		case "is":
			one.is, err = f.kept()
		case "amounts":
			one.amounts, err = f.decodeAmounts()
		default:
			err = f.scan.skip()
		}
		return err
	})
	p.parameters = append(p.parameters, one)
	return err
}

// decodeAmounts reads amounts by currency.
func (f *fold) decodeAmounts() (map[string]figure, error) {
	if f.scan.null() {
		return nil, nil
	}
	amounts := map[string]figure{}
	err := f.scan.object(func(key []byte) (err error) {
		currency := f.intern(key)
		amounts[currency], _, err = f.scan.decimal()
		return err
	})
	return amounts, err
}

func (f *fold) decodeNamed() (name string, is formula, err error) {
	err = f.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "name":
			name, err = f.kept()
		case "is":
			is, err = f.decodeFormula()
		default:
			err = f.scan.skip()
		}
		return err
	})
	return name, is, err
}

func (f *fold) decodeAccumulator(p *program) error {
	a := accumulator{scope: "contract"}
	s := &f.scan
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "name":
			a.name, err = f.kept()
		case "scope":
			a.scope, err = f.kept()
		case "measure":
			a.measure, err = f.decodeFormula()
		case "when":
			a.when, err = f.decodeFormula()
		case "starts":
			a.starts, err = f.kept()
		case "key":
			err = s.array(func() error {
				name, err := f.kept()
				a.key = append(a.key, name)
				return err
			})
		case "window":
			err = f.decodeWindow(&a)
		case "per_currency":
			var word []byte
			word, err = s.word()
			a.all = string(word) == "false"
		default:
			err = s.skip()
		}
		return err
	})
	if err == nil && (a.measure == nil || a.window == "" && a.days == 0) {
		err = s.fail("an accumulator without a measure or a window: " + a.name)
	}
	p.accumulators = append(p.accumulators, a)
	return err
}

// decodeWindow reads the name of a window, or {"rolling_days": 30}.
func (f *fold) decodeWindow(a *accumulator) (err error) {
	if f.scan.peek() == '"' {
		a.window, err = f.kept()
		return err
	}
	return f.scan.object(func(key []byte) (err error) {
		if string(key) != "rolling_days" {
			return f.scan.skip()
		}
		a.days, err = f.scan.natural()
		return err
	})
}

func (f *fold) decodeRule(p *program) error {
	var id, on string
	var b bounds
	var r route
	var parts map[string]target
	err := f.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "id":
			id, err = f.kept()
		case "on":
			on, err = f.kept()
		case "to":
			r.to, err = f.decodeTarget(purposePayable)
		case "hold":
			r.hold, err = f.decodeHolding()
		case "convert":
			r.exchange, err = f.decodeExchange()
		case "split":
			parts, err = f.decodeParts()
		default:
			err = f.decodeBound(key, &b)
		}
		return err
	})
	if b.minimum != nil || b.maximum != nil || b.atLeast != nil || b.atMost != nil {
		if p.bounds == nil {
			p.bounds = map[string]*bounds{}
		}
		p.bounds[id] = &b
	}
	r.onRefund = on == "refund"
	p.routed(id, r, parts)
	if r.onRefund {
		if p.onRefund == nil {
			p.onRefund = map[string]bool{}
		}
		p.onRefund[id] = true
	}
	return err
}

// decodeBound reads one member of a rule that bounds its result.
func (f *fold) decodeBound(key []byte, b *bounds) (err error) {
	switch string(key) {
	case "minimum":
		b.minimum, err = f.decodeAmounts()
	case "maximum":
		b.maximum, err = f.decodeAmounts()
	case "at_least":
		b.atLeast, err = f.decodeFormula()
	case "at_most":
		b.atMost, err = f.decodeFormula()
	default:
		err = f.scan.skip()
	}
	return err
}
