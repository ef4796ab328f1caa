package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

func (p *program) scheduleSimulateCommand() *cobra.Command {
	var s simulation
	cmd := &cobra.Command{
		Use:   "simulate FILE|ID[@VERSION]",
		Short: "See what a schedule would make of a transaction; nothing is posted",
		Long: `Rate a transaction by the engine that settles, and explain every rule that was
considered: matched or why not, base, rate, exact value, rounding, and where the
amount would go. Nothing is posted; no party need exist, and a role that is not
named with --party is a party of its own. Accumulators that are not given with
--before are zero.

With --case a worked case of the file is explained instead. With --random so many
transactions are made up from the schedule's inputs and worked cases, the same
for the same --seed, and printed with --json, one a line; what the schedule
refuses is left out.`,
		Example: `  jeongsan schedule simulate google-play.yaml --amount 100.00 --currency USD --attribute grade=small --before ytd=999950
  jeongsan schedule simulate google-play@2 --amount -25.00 --currency USD --refund-of 100.00 --refunded 50.00
  jeongsan schedule simulate google-play.yaml --case "crosses the tier" --json`,
		Args: oneArgument("a schedule file or the id of a schedule"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd.Flags(), p.config.JSON); err != nil {
				return errors.Join(errUsage, err)
			}
			found, err := p.resolve(cmd.Context(), s.wanted, args...)
			if err != nil {
				return err
			}
			return p.simulate(found[0], &s)
		},
	}
	s.register(cmd.Flags())
	return cmd
}

// simulation is what the flags of simulate say.
type simulation struct {
	wanted, named                           string
	amount, currency, on, refundOf, already string
	saleOn                                  string
	transaction                             fee.CaseTransaction
	attributes, parties, parameters, before []string // name=value
	calendars                               []string
	random, seed                            uint32
}

func (s *simulation) register(flags *pflag.FlagSet) {
	t := &s.transaction
	flags.StringVar(&s.amount, "amount", "", "`amount`, negative to give money back")
	flags.StringVar(&s.currency, "currency", "", "`currency` of the amount, as KRW")
	flags.StringVar(&t.Type, "type", "", "`type`; sale, or refund with --refund-of, where not given")
	flags.StringVar(&s.on, "on", "", "`date` in the contract's zone, as 2026-05-01; today in UTC where not given")
	flags.StringVar(&t.Method, "method", "", "payment `method`")
	flags.StringVar(&t.Product, "product", "", "`product`")
	flags.StringVar(&t.Source, "source", "", "`source`")
	flags.StringArrayVar(&s.attributes, "attribute", nil, "`name=value` of an input of the schedule; may be repeated")
	flags.StringArrayVar(&s.parties, "party", nil, "`role=id` of a party; may be repeated")
	flags.StringArrayVar(&s.parameters, "parameter", nil, "`name=value` that a contract would override; may be repeated")
	flags.StringArrayVar(&s.before, "before", nil, "`accumulator=value` before the transaction; may be repeated")
	flags.StringVar(&s.refundOf, "refund-of", "", "`amount` of the sale that is given back")
	flags.StringVar(&s.already, "refunded", "", "`amount` given back of that sale before")
	flags.StringVar(&s.saleOn, "sale-on", "", "`date` of that sale; that of the refund where not given")
	flags.StringArrayVar(&s.calendars, "calendar", nil, "`id=date,date…` of a calendar and its holidays beside weekends; may be repeated")
	flags.StringVar(&s.wanted, "schedule", "", "which `schedule` is meant, ID or ID@VERSION, of a file with several")
	flags.StringVar(&s.named, "case", "", "explain the worked case of this `name` instead")
	flags.Uint32Var(&s.random, "random", 0, "make up so many `transactions`")
	flags.Uint32Var(&s.seed, "seed", 1, "`seed` of --random")
}

// check refuses flags that do not go together.
func (s *simulation) check(flags *pflag.FlagSet, asJSON bool) error {
	var described pflag.FlagSet // the flags that describe a transaction
	new(simulation).register(&described)
	other := ""
	flags.Visit(func(f *pflag.Flag) {
		if described.Lookup(f.Name) != nil && !slices.Contains([]string{"case", "random", "seed", "schedule"}, f.Name) {
			other = f.Name
		}
	})
	invalid := func(field, value, message, remedy string) error {
		return &domain.Error{Code: domain.CodeInvalid, Field: field, Value: value, Message: message, Remedy: remedy}
	}
	switch {
	case s.named != "" && s.random > 0:
		return invalid("random", "", "--case and --random exclude each other", "give one of them")
	case (s.named != "" || s.random > 0) && other != "":
		return invalid(other, "", "the transaction is given by --case or --random already", "leave one of them out")
	case s.random > 0 && !asJSON:
		return invalid("random", "", "made-up transactions are for scripts", "add --json")
	case s.named == "" && s.random == 0 && s.amount == "":
		return invalid("amount", "", "no amount given", "give --amount and --currency, or --case")
	case s.named == "" && s.random == 0 && s.currency == "":
		return invalid("currency", "", "no currency given", "add --currency, as KRW or USD")
	case s.refundOf == "" && (s.already != "" || s.saleOn != ""):
		return invalid("refund-of", "", "no sale is given back", "add --refund-of with the amount of the sale")
	}
	return nil
}

// worked makes a case of the flags.
func (s *simulation) worked() (c fee.Case, err error) {
	t := s.transaction
	if t.Amount, err = amountFlag("amount", s.amount); err != nil {
		return c, err
	}
	if t.Currency, err = money.ParseCurrency(s.currency); err != nil {
		return c, err
	}
	if t.On, err = dateFlag("on", cmp.Or(s.on, time.Now().UTC().Format(time.DateOnly))); err != nil {
		return c, err
	}
	if err := s.pairs(&t, &c); err != nil {
		return c, err
	}
	c.Calendars = map[string][]domain.Date{}
	for _, one := range s.calendars {
		id, dates, _ := strings.Cut(one, "=")
		c.Calendars[id] = []domain.Date{}
		for _, date := range strings.FieldsFunc(dates, func(r rune) bool { return r == ',' }) {
			on, err := dateFlag("calendar", date)
			if err != nil {
				return c, err
			}
			c.Calendars[id] = append(c.Calendars[id], on)
		}
	}
	if s.refundOf != "" {
		if c.RefundOf, err = s.sale(t); err != nil {
			return c, err
		}
		t.Type = cmp.Or(t.Type, "refund")
	}
	c.Transaction = &t
	return c, nil
}

// pairs reads the flags that are name=value.
func (s *simulation) pairs(t *fee.CaseTransaction, c *fee.Case) (err error) {
	if t.Attributes, err = pairsFlag("attribute", s.attributes); err != nil {
		return err
	}
	if t.Parties, err = pairsFlag("party", s.parties); err != nil {
		return err
	}
	if c.Parameters, err = pairsFlag("parameter", s.parameters); err != nil {
		return err
	}
	before, err := pairsFlag("before", s.before)
	if err != nil {
		return err
	}
	c.Before = make(map[string]money.Amount, len(before))
	for name, value := range before {
		if c.Before[name], err = amountFlag("before", value); err != nil {
			return err
		}
	}
	return nil
}

// pairsFlag reads name=value, each name once.
func pairsFlag(flag string, texts []string) (map[string]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	pairs := make(map[string]string, len(texts))
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if _, twice := pairs[name]; !ok || name == "" || twice {
			return nil, errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: flag, Value: text, Message: "not a name and its value, or given twice", Remedy: "write --" + flag + " name=value, once for each name"})
		}
		pairs[name] = value
	}
	return pairs, nil
}

func (s *simulation) sale(refund fee.CaseTransaction) (_ *fee.CaseSale, err error) {
	sold := &fee.CaseSale{Transaction: refund}
	sold.Transaction.Type = ""
	if sold.Transaction.Amount, err = amountFlag("refund-of", s.refundOf); err != nil {
		return nil, err
	}
	if s.saleOn != "" {
		if sold.Transaction.On, err = dateFlag("sale-on", s.saleOn); err != nil {
			return nil, err
		}
	}
	if s.already != "" {
		if sold.Refunded, err = amountFlag("refunded", s.already); err != nil {
			return nil, err
		}
	}
	return sold, nil
}

func amountFlag(name, text string) (money.Amount, error) {
	amount, err := money.Parse(text)
	if err != nil {
		return amount, errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: name, Value: text, Message: "not an amount", Remedy: "write digits with at most one decimal point, as -12.50"})
	}
	return amount, nil
}

func dateFlag(name, text string) (domain.Date, error) {
	date, err := domain.ParseDate(name, text)
	if err != nil {
		return "", errors.Join(errUsage, err)
	}
	return date, nil
}

func (p *program) simulate(d fee.Document, s *simulation) error {
	compiled, err := fee.Compile(d)
	if err != nil {
		return err
	}
	if s.random > 0 {
		return p.simulateAtRandom(compiled, s.random, s.seed)
	}
	var c fee.Case
	if s.named != "" {
		c, err = caseOf(d, s.named)
	} else {
		c, err = s.worked()
	}
	if err != nil {
		return err
	}
	explained, err := compiled.TryCase(c)
	if err != nil {
		if s.named == "" {
			err = byFlag(err)
		}
		return err
	}
	rated := newRating(*c.Transaction, explained)
	if p.config.JSON {
		return p.printJSON(rated)
	}
	t := rated.Transaction
	fmt.Fprintf(p.stdout, "%s of %s %s by schedule %s version %d, engine %d; nothing is posted\n",
		cmp.Or(t.Type, "sale"), t.Amount.Format(t.Currency), t.Currency, explained.Schedule, explained.Version, explained.Engine)
	if s.named == "" && t.On < d.EffectiveFrom {
		fmt.Fprintf(p.stdout, "no transaction of %s is rated by this version: it is effective from %s\n", t.On, d.EffectiveFrom)
	}
	rated.print(p.stdout)
	return nil
}

// byFlag says of what a transaction lacks by which flag it is given.
func byFlag(err error) error {
	var fault *domain.Error
	if !errors.As(err, &fault) {
		return err
	}
	shown := *fault
	if name, found := strings.CutPrefix(fault.Field, "attributes."); found && fault.Value == "" {
		shown.Remedy = "add --attribute " + name + "=VALUE"
	}
	if id, found := strings.CutPrefix(fault.Field, "calendars."); found {
		shown.Message = "no calendar of this id is given"
		shown.Remedy = "add --calendar " + id + "=DATE,DATE… with its holidays, or --calendar " + id + "= where none is near"
	}
	return &shown
}

// caseOf finds the worked case of a name, or the only one whose name contains it.
func caseOf(d fee.Document, name string) (fee.Case, error) {
	var names []string
	var containing []fee.Case
	for _, c := range d.Cases {
		if c.Name == name {
			return c, nil
		}
		if strings.Contains(c.Name, name) {
			containing = append(containing, c)
		}
		names = append(names, fmt.Sprintf("%q", c.Name))
	}
	if len(containing) == 1 {
		return containing[0], nil
	}
	remedy := "the file has no cases"
	if len(names) > 0 {
		remedy = "choose from " + strings.Join(names, ", ")
	}
	return fee.Case{}, errors.Join(errUsage, &domain.Error{Code: domain.CodeNotFound, Field: "case", Value: name, Message: "there is not exactly one such case", Remedy: remedy})
}
