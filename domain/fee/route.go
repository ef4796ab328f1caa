package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

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
	Rule string `json:"rule"`
	Conversion
	Shares []Share `json:"-"`
}

// route sends a share on by the rule's conversion and hold.
func (r *run) route(c *clause, share *Share, rule string, to posted) error {
	kept, currency := share, r.currency
	if c.exchange != nil && c.exchange.To != r.currency {
		converted, err := r.convert(c.exchange, rule, to)
		if err != nil {
			return err
		}
		share.To = c.exchange.via
		r.result.Conversions = append(r.result.Conversions, converted)
		if converted.Result.IsZero() {
			return nil
		}
		kept, currency = &converted.Shares[0], c.exchange.To
	}
	if c.hold == nil || kept.Amount.IsZero() {
		return nil
	}
	return r.keepBack(c, rule, kept, currency)
}

// keepBack says until when a share of a rule with a hold is held. What gives a sale
// back looks for the money where that was held; a charge for it is of its own date.
func (r *run) keepBack(c *clause, rule string, share *Share, currency money.Currency) error {
	on, sale := r.in.On, r.in.Original
	if sale != nil && (sale.Refund || !c.onRefund) {
		if on = sale.On; on == "" {
			return domain.Unfilled("original.on")
		}
	}
	due, err := r.room.due(c.hold, rule, on, r.in.Calendar)
	if err != nil {
		return err
	}
	held := Held{Into: Target{Role: share.To.Role, Purpose: c.hold.into()}, On: due}
	if c.exchange == nil {
		share.Hold = r.room.hold(held)
	} else {
		share.Hold = &held
	}
	if sale == nil && r.in.Amount.Sign() > 0 && !share.Opposite {
		r.room.releases = append(r.room.releases, Release{Rule: rule, From: share.To, Into: held.Into, Currency: currency, Amount: share.Amount, On: due})
		r.result.Releases = r.room.releases
	}
	return nil
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
