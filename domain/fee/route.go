package fee

// exchange is a compiled Convert.
type exchange struct {
	*Convert
	mid, rate *expr
	via       Target
	rounding  rounding
}

// Converted is a share that is paid in another currency: the share itself goes to
// the position, and Shares go out of it in the currency To.
type Converted struct {
	Rule string
	Conversion
	Shares []Share
}

// route sends a share on by the rule's conversion and hold. A refund is taken from
// where its sale was posted: it has no release of its own.
func (r *run) route(c *clause, share *Share, rule string, to posted) error {
	held, currency := *share, r.currency
	if c.exchange != nil && c.exchange.To != r.currency {
		converted, err := r.convert(c.exchange, rule, to)
		if err != nil {
			return err
		}
		share.To = c.exchange.via
		held.Amount, currency = converted.Result.Abs(), c.exchange.To
		r.result.Conversions = append(r.result.Conversions, converted)
	}
	if c.hold == nil || held.Opposite || held.Amount.IsZero() || r.in.Original != nil || r.in.Amount.Sign() < 0 {
		return nil
	}
	release, err := c.hold.Release(rule, held, currency, r.in.On, r.in.Calendar)
	if err == nil {
		r.result.Releases = append(r.result.Releases, release)
	}
	return err
}

// convert changes a share into another currency at the rates that this transaction
// sees; a refund that brings none sees those of its sale.
func (r *run) convert(x *exchange, rule string, to posted) (Converted, error) {
	e := Exchange{From: r.currency, To: x.To, Mode: x.rounding.mode}
	e.Unit, _ = x.rounding.in(x.To, x.To.MinorUnit())
	var err error
	if e.Mid, err = r.number(x.mid); err != nil {
		return Converted{}, err
	}
	e.Rate = e.Mid
	if x.rate != nil {
		if e.Rate, err = r.number(x.rate); err != nil {
			return Converted{}, err
		}
	}
	conversion, err := e.ConvertPart(to.earlier, to.signed)
	if err != nil {
		return Converted{}, err
	}
	return Converted{Rule: rule, Conversion: conversion, Shares: conversion.Shares(to.to, x.via, x.SpreadTo)}, nil
}
