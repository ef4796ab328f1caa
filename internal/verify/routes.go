package verify

// target names an account by the role of its owner and its purpose.
type target struct{ role, purpose string }

// or fills the purpose in.
func (t target) or(purpose string) target {
	if t.purpose == "" {
		t.purpose = purpose
	}
	return t
}

// Purposes of accounts where a schedule says none.
const (
	purposePayable    = "payable"
	purposeReceivable = "receivable"
	purposeRounding   = "rounding"
	purposeFX         = "fx"
	purposeFXIncome   = "fx_income"
)

// ruleDifference is the line of what is finer than the minor unit.
const ruleDifference = "rounding_difference"

// route says where the amount of a line goes.
type route struct {
	to       target
	hold     *holding
	exchange *exchange
	onRefund bool
}

// holding keeps a share back until a date, into a purpose.
type holding struct {
	valueDate
	into string
}

// exchange pays a share in another currency.
type exchange struct {
	to        string
	mid, rate formula // rate is nil where it is mid
	via       target
	spreadTo  *target
}

// recourse says which held money of a role pays first.
type recourse struct {
	role string
	from []string
	when formula // nil: always
}

func (f *fold) decodeTarget(purpose string) (t target, err error) {
	if f.scan.null() {
		return t, nil
	}
	err = f.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "role":
			t.role, err = f.word()
		case "purpose":
			t.purpose, err = f.word()
		default:
			err = f.scan.skip()
		}
		return err
	})
	return t.or(purpose), err
}

func (f *fold) decodeHolding() (*holding, error) {
	if f.scan.null() {
		return nil, nil
	}
	h := &holding{into: purposePayable}
	err := f.scan.object(func(key []byte) error {
		if string(key) == "into" {
			into, err := f.word()
			if into != "" {
				h.into = into
			}
			return err
		}
		taken, err := f.decodeValueDate(key, &h.valueDate)
		if !taken {
			err = f.scan.skip()
		}
		return err
	})
	return h, err
}

func (f *fold) decodeExchange() (*exchange, error) {
	if f.scan.null() {
		return nil, nil
	}
	x := &exchange{}
	err := f.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "to":
			x.to, err = f.word()
		case "mid":
			x.mid, err = f.decodeFormula()
		case "rate":
			x.rate, err = f.decodeFormula()
		case "via":
			x.via, err = f.decodeTarget(purposeFX)
		case "spread_to":
			var to target
			if to, err = f.decodeTarget(purposeFXIncome); to.role != "" {
				x.spreadTo = &to
			}
		default:
			err = f.scan.skip()
		}
		return err
	})
	return x, err
}

// decodeParts reads where the parts of a split go, by their ids.
func (f *fold) decodeParts() (parts map[string]target, err error) {
	s := &f.scan
	if s.null() {
		return nil, nil
	}
	parts = map[string]target{}
	err = s.object(func(key []byte) error {
		if string(key) != "parts" {
			return s.skip()
		}
		return s.array(func() error {
			var id string
			var to target
			err := s.object(func(key []byte) (err error) {
				switch string(key) {
				case "id":
					id, err = f.kept()
				case "to":
					to, err = f.decodeTarget(purposePayable)
				default:
					err = s.skip()
				}
				return err
			})
			parts[id] = to
			return err
		})
	})
	return parts, err
}

func (f *fold) decodeRecourse(p *program) error {
	var r recourse
	s := &f.scan
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "role":
			r.role, err = f.word()
		case "from":
			err = s.array(func() error {
				purpose, err := f.word()
				r.from = append(r.from, purpose)
				return err
			})
		case "when":
			r.when, err = f.decodeFormula()
		default:
			err = s.skip()
		}
		return err
	})
	p.recourse = append(p.recourse, r)
	return err
}

// routed notes where the lines of a rule go.
func (p *program) routed(id string, r route, parts map[string]target) {
	if p.routes == nil {
		p.routes = map[string]*route{}
	}
	if parts == nil {
		p.routes[id] = &r
		return
	}
	for part, to := range parts {
		one := r
		one.to = to
		p.routes[id+"."+part] = &one
	}
}
