package verify

import (
	"math/big"
	"slices"
	"time"
)

// period is what a schedule posts and carries when a window of an accumulator ends.
type period struct {
	id, of  string
	grace   uint64
	when    formula
	values  []named
	entries []periodEntry
	bounds  map[string]*bounds
	carry   []carry
}

// periodEntry is one entry of a period: how its amount is computed, and between
// which accounts it moves.
type periodEntry struct {
	id                  string
	from, to            target
	when, of            formula
	percent, amount     formula
	flat, price         map[string]figure
	units, priceIs      formula
	tiered              bool
	marginal, exclusive bool
	start, by           formula
	steps               []tierStep
}

type tierStep struct {
	upTo, percent formula
	flat          map[string]figure
}

type carry struct {
	accumulator string
	is          formula
}

func (f *fold) decodePeriod(p *program) error {
	var one period
	s := &f.scan
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "id":
			one.id, err = f.kept()
		case "of":
			one.of, err = f.kept()
		case "grace_days":
			one.grace, err = s.natural()
		case "when":
			one.when, err = f.decodeFormula()
		case "values":
			err = s.array(func() (err error) {
				var v named
				v.name, v.is, err = f.decodeNamed()
				one.values = append(one.values, v)
				return err
			})
		case "entries":
			err = s.array(func() error { return f.decodePeriodEntry(&one) })
		case "carry":
			err = s.array(func() error {
				var c carry
				err := s.object(func(key []byte) (err error) {
					switch string(key) {
					case "accumulator":
						c.accumulator, err = f.kept()
					case "is":
						c.is, err = f.decodeFormula()
					default:
						err = s.skip()
					}
					return err
				})
				one.carry = append(one.carry, c)
				return err
			})
		default:
			err = s.skip()
		}
		return err
	})
	p.periods = append(p.periods, one)
	return err
}

func (f *fold) decodePeriodEntry(p *period) error {
	var one periodEntry
	var b bounds
	s := &f.scan
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "id":
			one.id, err = f.kept()
		case "from":
			one.from, err = f.decodeTarget(purposePayable)
		case "to":
			one.to, err = f.decodeTarget(purposePayable)
		case "when":
			one.when, err = f.decodeFormula()
		case "of":
			one.of, err = f.decodeFormula()
		case "percent":
			one.percent, err = f.decodeFormula()
		case "amount":
			one.amount, err = f.decodeFormula()
		case "flat":
			one.flat, err = f.decodeAmounts()
		case "per_unit":
			err = f.decodePerUnit(&one)
		case "tiers":
			err = f.decodeTiers(&one)
		default:
			err = f.decodeBound(key, &b)
		}
		return err
	})
	p.entries = append(p.entries, one)
	if b.minimum != nil || b.maximum != nil || b.atLeast != nil || b.atMost != nil {
		if p.bounds == nil {
			p.bounds = map[string]*bounds{}
		}
		p.bounds[one.id] = &b
	}
	return err
}

func (f *fold) decodePerUnit(one *periodEntry) error {
	if f.scan.null() {
		return nil
	}
	return f.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "units":
			one.units, err = f.decodeFormula()
		case "price":
			one.price, err = f.decodeAmounts()
		case "price_is":
			one.priceIs, err = f.decodeFormula()
		default:
			err = f.scan.skip()
		}
		return err
	})
}

func (f *fold) decodeTiers(one *periodEntry) error {
	s := &f.scan
	if s.null() {
		return nil
	}
	one.tiered = true
	return s.object(func(key []byte) (err error) {
		var text string
		switch string(key) {
		case "mode":
			text, err = f.word()
			one.marginal = text == "marginal"
		case "edge":
			text, err = f.word()
			one.exclusive = text == "exclusive"
		case "from":
			one.start, err = f.decodeFormula()
		case "by":
			one.by, err = f.decodeFormula()
		case "steps":
			err = s.array(func() error {
				var step tierStep
				err := s.object(func(key []byte) (err error) {
					switch string(key) {
					case "up_to":
						step.upTo, err = f.decodeFormula()
					case "percent":
						step.percent, err = f.decodeFormula()
					case "flat":
						step.flat, err = f.decodeAmounts()
					default:
						err = s.skip()
					}
					return err
				})
				one.steps = append(one.steps, step)
				return err
			})
		default:
			err = s.skip()
		}
		return err
	})
}

// exact works out what an entry of a period comes to before it is bound and
// rounded. It is nil where the entry is not worked out here: tiers by a stretch of
// nothing.
func (one *periodEntry) exact(sc *scene) (*big.Rat, error) {
	if one.amount != nil {
		return sc.number(one.amount)
	}
	sum, base := new(big.Rat), new(big.Rat)
	var err error
	if one.of != nil {
		if base, err = sc.number(one.of); err != nil {
			return nil, err
		}
	}
	if one.percent != nil {
		percent, err := sc.number(one.percent)
		if err != nil {
			return nil, err
		}
		sum.Add(sum, hundredths(base, percent))
	}
	if len(one.flat) > 0 {
		flat, ok := one.flat[sc.n.currency]
		if !ok {
			return nil, wrong("no flat amount in " + sc.n.currency)
		}
		sum.Add(sum, flat.ratio())
	}
	if one.units != nil {
		units, err := sc.number(one.units)
		if err != nil {
			return nil, err
		}
		var price *big.Rat
		if amount, ok := one.price[sc.n.currency]; ok {
			price = amount.ratio()
		} else if one.priceIs == nil {
			return nil, wrong("no price in " + sc.n.currency)
		} else if price, err = sc.number(one.priceIs); err != nil {
			return nil, err
		}
		sum.Add(sum, new(big.Rat).Mul(units, price)) // constants are shared
	}
	if one.tiered {
		tiered, err := one.tiers(sc, base)
		if err != nil || tiered == nil {
			return nil, err
		}
		sum.Add(sum, tiered)
	}
	return sum, nil
}

func hundredths(base, percent *big.Rat) *big.Rat {
	part := new(big.Rat).Mul(base, percent)
	return part.Quo(part, big.NewRat(100, 1))
}

// tiers rates a base by the table: as a whole by the step that it lies in, or every
// part by its own.
func (one *periodEntry) tiers(sc *scene, base *big.Rat) (*big.Rat, error) {
	by, low := base, new(big.Rat)
	var err error
	if one.by != nil {
		if by, err = sc.number(one.by); err != nil {
			return nil, err
		}
	}
	if one.start != nil && one.marginal {
		if low, err = sc.number(one.start); err != nil {
			return nil, err
		}
	}
	if one.marginal && by.Sign() == 0 {
		return nil, nil
	}
	sum, at := new(big.Rat), low
	high := new(big.Rat).Add(low, by)
	direction := int64(by.Sign())
	if one.marginal && direction < 0 {
		at, high = high, low
	}
	for i := range one.steps {
		s := &one.steps[i]
		var limit *big.Rat
		if s.upTo != nil {
			if limit, err = sc.number(s.upTo); err != nil {
				return nil, err
			}
		}
		if !one.marginal {
			if limit != nil && (by.Cmp(limit) > 0 || one.exclusive && by.Cmp(limit) == 0) {
				continue
			}
			return s.of(sc, base, 1)
		}
		if limit != nil && limit.Cmp(at) <= 0 {
			continue
		}
		edge := high
		if limit != nil && limit.Cmp(high) < 0 {
			edge = limit
		}
		width := new(big.Rat).Sub(edge, at)
		width.Mul(width, big.NewRat(direction, 1))
		portion := width.Mul(width, new(big.Rat).Quo(base, by))
		part, err := s.of(sc, portion, direction)
		if err != nil {
			return nil, err
		}
		sum.Add(sum, part)
		if at = edge; edge.Cmp(high) >= 0 {
			break
		}
	}
	return sum, nil
}

// of is what one step makes of its part of the base.
func (s *tierStep) of(sc *scene, base *big.Rat, direction int64) (*big.Rat, error) {
	sum := new(big.Rat)
	if s.percent != nil {
		percent, err := sc.number(s.percent)
		if err != nil {
			return nil, err
		}
		sum = hundredths(base, percent)
	}
	if len(s.flat) > 0 {
		flat, ok := s.flat[sc.n.currency]
		if !ok {
			return nil, wrong("no flat amount in " + sc.n.currency)
		}
		sum.Add(sum, flat.ratio().Mul(flat.ratio(), big.NewRat(direction, 1)))
	}
	return sum, nil
}

// closedBy lists the periods that end the windows of an accumulator.
func (p *program) closedBy(accumulator string) (list []*period) {
	for i := range p.periods {
		if p.periods[i].of == accumulator {
			list = append(list, &p.periods[i])
		}
	}
	return list
}

// accumulator finds an accumulator by its name.
func (p *program) accumulator(name string) *accumulator {
	i := slices.IndexFunc(p.accumulators, func(a accumulator) bool { return a.name == name })
	if i < 0 {
		return nil
	}
	return &p.accumulators[i]
}

// span is the window that a day lies in: its first day, and the first of the next;
// ok is false where it rolls or never ends.
func (a *accumulator) span(day time.Time) (first, next time.Time, ok bool) {
	months := 0
	switch {
	case a.days > 0:
		return first, next, false
	case a.window == "day":
		return day, day.AddDate(0, 0, 1), true
	case a.window == "calendar_month":
		months = 1
	case a.window == "calendar_quarter":
		months = 3
	case a.window == "calendar_year":
		months = 12
	default:
		return first, next, false
	}
	starts := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	if a.starts != "" {
		var err error
		if starts, err = time.Parse(time.DateOnly, a.starts); err != nil {
			return first, next, false
		}
	}
	// One window early at first, so that the day lies in it or after.
	passed := ((day.Year()-starts.Year())*12+int(day.Month())-int(starts.Month()))/months - 2
	for !after(starts, (passed+1)*months).After(day) {
		passed++
	}
	return after(starts, passed*months), after(starts, (passed+1)*months), true
}

// closes is the first business date on which the window of a day may be closed;
// empty where no period closes it.
func (p *program) closes(a *accumulator, day time.Time) string {
	periods := p.closedBy(a.name)
	_, next, ok := a.span(day)
	if len(periods) == 0 || !ok {
		return ""
	}
	grace := uint64(0)
	for _, one := range periods {
		grace = max(grace, one.grace)
	}
	return next.AddDate(0, 0, int(grace)).Format(time.DateOnly)
}
