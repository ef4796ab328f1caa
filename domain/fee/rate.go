package fee

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Bases of a percentage.
const (
	ofGross     = "gross"
	ofRemaining = "remaining"
)

// Values of Line.Bound.
const (
	BoundMinimum = "minimum"
	BoundMaximum = "maximum"
)

// rateSubMinor is Line.Rate of the rounding difference.
const rateSubMinor = "sub_minor"

var hundred = money.New(100, 0)

// Result is what a schedule makes of an amount. It does not know the direction
// of the transaction: a negative amount gives the result of its absolute value,
// and whoever posts it swaps all sides.
type Result struct {
	// Gross is the exact absolute amount.
	Gross money.Amount
	// Rated is the part in whole minor units that the rules shared out.
	Rated money.Amount
	// Lines explains every rule, in the order applied; lines of nothing included.
	Lines []Line
	// Shares says where the amount of the line with the same index goes. The sum
	// of shares less those that stand opposite is Gross, exactly.
	Shares []Share
	// Engine is the engine that rated.
	Engine int
	// Counts says what became of the accumulators, in the order of the document.
	Counts []Count
	// Releases says which shares are held, and when they fall due; none of a refund.
	Releases []Release
	// Conversions says which shares are paid in another currency.
	Conversions []Converted
	// Values are the exact intermediate results, in the order of Document.Values;
	// absent where no rule needed them.
	Values []formula.Value
}

// Share is the destination of one line.
type Share struct {
	To     Target
	Amount money.Amount // never negative; zero is not posted
	// Opposite says that the share stands on the side of the funds: fees above the
	// amount, which the party of the rest owes.
	Opposite bool
	// Hold is set for every share of a rule with a hold: of a sale it is kept back
	// until Hold.On; what a refund takes back comes from what is still held until
	// Hold.On, the due date of its sale, and else from Hold.Into.
	Hold *Held
	// From names purposes of the same role whose held money pays first, in this
	// order, what the share takes from the party: see Document.Recourse.
	From []string
}

// Held says where a share is held back to, and until when.
type Held struct {
	Into Target
	On   domain.Date
}

// Rate is Apply to an amount in a currency, where nothing else is known of the
// transaction.
func (s *Schedule) Rate(amount money.Amount, currency money.Currency) (Result, error) {
	return s.Apply(Input{Amount: amount, Currency: currency})
}

// rate1 applies the schedule to a signed amount in a currency, as engine version 1
// does. The rules share out the part in whole minor units; what is finer goes to
// the rounding difference. An amount of zero has no lines, and one of less than a
// minor unit only that of the rounding difference.
//
// Errors: CodeInvalid where a flat rule has no amount in the currency,
// CodeTooPrecise where the amount is finer than the minor unit and the schedule
// names no account for it, or has more than money.ExtraDigits beyond it,
// CodeOutOfRange where a result does not fit.
func (s *Schedule) rate1(amount money.Amount, currency money.Currency) (Result, error) {
	gross := amount.Abs().In(currency)
	if gross.IsZero() {
		return Result{Gross: gross, Rated: gross, Engine: Engine1}, nil
	}
	rated, difference, err := s.divide(gross, currency)
	if err != nil {
		return Result{}, err
	}
	result := Result{Gross: gross, Rated: rated, Engine: Engine1}
	result.Lines = make([]Line, 0, len(s.rules)+1)
	result.Shares = make([]Share, 0, len(s.rules)+1)
	if !rated.IsZero() {
		remaining := rated
		for i := range s.rules {
			r := &s.rules[i]
			var line Line
			if r.Rest {
				line = r.takeRest(rated, remaining, currency)
			} else if line, err = r.apply(rated, remaining, currency); err != nil {
				return Result{}, err
			}
			result.Lines = append(result.Lines, line)
			result.Shares = append(result.Shares, Share{To: r.to, Amount: line.Amount, Opposite: r.Rest && remaining.Sign() < 0})
			if remaining, err = remaining.Sub(line.Amount); err != nil {
				return Result{}, err
			}
		}
	}
	if !difference.IsZero() {
		result.Lines = append(result.Lines, Line{
			Rule: RuleRoundingDifference, To: s.rounding.Role, Base: gross, Rate: rateSubMinor,
			Exact: difference.String(), Amount: difference,
		})
		result.Shares = append(result.Shares, Share{To: s.rounding, Amount: difference})
	}
	return result, nil
}

// divide cuts what is finer than the minor unit off a gross amount.
func (s *Schedule) divide(gross money.Amount, currency money.Currency) (rated, difference money.Amount, err error) {
	exponent := currency.Exponent()
	if gross.Scale() <= exponent {
		return gross, money.Zero, nil
	}
	if gross.Scale() > exponent+money.ExtraDigits {
		return rated, difference, &domain.Error{
			Code: domain.CodeTooPrecise, Field: "amount", Value: gross.String(), Message: "too many decimals for " + string(currency),
			Remedy: "send at most " + strconv.Itoa(int(exponent+money.ExtraDigits)) + " decimals",
		}
	}
	if s.rounding.Role == "" {
		return rated, difference, &domain.Error{
			Code: domain.CodeTooPrecise, Field: "amount", Value: gross.String(),
			Message: "the amount is finer than the minor unit of " + string(currency) + " and schedule " + s.document.Schedule + " names no account for the difference",
			Remedy:  "publish a version of the schedule with rounding_difference",
		}
	}
	if rated, err = gross.Round(money.Down, currency.MinorUnit()); err != nil {
		return rated, difference, err
	}
	difference, err = gross.Sub(rated)
	return rated, difference.In(currency), err
}

// takeRest gives what the other rules left. Where they took more than there was,
// Exact is negative and Amount is owed.
func (r *rule) takeRest(gross, remaining money.Amount, currency money.Currency) Line {
	remaining = remaining.In(currency)
	return Line{Rule: r.ID, To: r.to.Role, Base: gross, Rate: r.rate, Exact: remaining.String(), Amount: remaining.Abs()}
}

// apply computes the line of a percent or flat rule.
func (r *rule) apply(gross, remaining money.Amount, currency money.Currency) (Line, error) {
	line := Line{Rule: r.ID, To: r.to.Role, Base: gross, Rate: r.rate}
	unit, explicit := money.Zero, false
	if r.Rounding != nil {
		unit, explicit = r.Rounding.Unit[currency]
	}
	if explicit {
		line.Rounding = r.labels[currency]
	} else {
		unit = currency.MinorUnit()
		line.Rounding = minorLabels[r.mode][currency.Exponent()]
	}
	var err error
	if r.Percent == "" {
		flat, found := r.Flat[currency]
		if !found {
			return Line{}, missing(r.ID, "flat", currency)
		}
		line.Rate = flat.Format(currency)
		line.Exact = line.Rate
		line.Amount, err = flat.Round(r.mode, unit)
	} else {
		if r.Of == ofRemaining {
			line.Base = money.Zero
			if remaining.Sign() > 0 {
				line.Base = remaining
			}
			line.Base = line.Base.In(currency)
		}
		err = r.percentage(&line, unit, currency)
	}
	line.Amount = line.Amount.In(currency)
	return line, err
}

// minorLabels names each mode with the minor unit of each exponent.
var minorLabels = func() (labels [money.Floor + 1][5]string) {
	for mode := range labels {
		for exponent := range labels[mode] {
			labels[mode][exponent] = money.Mode(mode).String() + " " + money.New(1, uint8(exponent)).String()
		}
	}
	return labels
}()
