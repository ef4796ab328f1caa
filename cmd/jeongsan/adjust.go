package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// adjustmentFile is an adjustment as people write it (YAML or JSON).
type adjustmentFile struct {
	Source     string          `yaml:"source"`
	ID         string          `yaml:"id"`
	Book       string          `yaml:"book"`
	Reason     string          `yaml:"reason"`
	Adjusts    *adjustedFile   `yaml:"adjusts"`
	OccurredAt string          `yaml:"occurred_at"` // RFC 3339
	On         string          `yaml:"effective_on"`
	Legs       []adjustmentLeg `yaml:"legs"`
}

// adjustedFile names the transaction that is corrected.
type adjustedFile struct {
	Source string `yaml:"source"`
	ID     string `yaml:"id"`
}

// adjustmentLeg has one of Debit and Credit.
type adjustmentLeg struct {
	Account   string      `yaml:"account"`
	Debit     string      `yaml:"debit"`
	Credit    string      `yaml:"credit"`
	HoldUntil domain.Date `yaml:"hold_until"`
	Into      string      `yaml:"into"`
}

// adjustmentFlags are the same as flags.
type adjustmentFlags struct {
	source, id, book, reason, of, on, at string
	debits, credits                      []string
}

func (f *adjustmentFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.source, "source", "", "`source` of the adjustment; desk where not given")
	flags.StringVar(&f.id, "id", "", "`id` of the adjustment within its source: sent again it is a replay, with other content it is refused")
	flags.StringVar(&f.book, "book", "", "the `book`")
	flags.StringVar(&f.reason, "reason", "", "`why`, for those who read the history")
	flags.StringVar(&f.of, "of", "", "`SOURCE/ID` of the transaction that it corrects")
	flags.StringVar(&f.on, "on", "", "`date` on which it is effective; today where not given")
	flags.StringVar(&f.at, "at", "", "`instant` at which it happened, as 2026-05-01T09:00:00Z; the start of its date in UTC where not given")
	flags.StringArrayVar(&f.debits, "debit", nil, "`account=amount` to debit, as house/payable/KRW=500; may be repeated")
	flags.StringArrayVar(&f.credits, "credit", nil, "`account=amount` to credit; with =DATE/PURPOSE behind it the amount is held until that date; may be repeated")
}

func (p *program) adjustCommand() *cobra.Command {
	var from adjustmentFlags
	var server string
	var preview bool
	cmd := &cobra.Command{
		Use:   "adjust [FILE]",
		Short: "Post a correction with its reason, or see what it would do",
		Long: `Post an entry that no transaction brought: a correction with its reason, given in a
YAML or JSON file or by flags, which stand before what the file says. Debits equal
credits in each currency, and every account belongs to a registered party. With --of
it names the transaction that it corrects.

On an account that holds money back until dates a debit takes what falls due first,
unless it says until when (=DATE/PURPOSE behind the amount, hold_until and into in a
file); a credit that says so is held until then.

With --preview nothing is posted: each account is shown before and after. An
adjustment cannot be reversed: post the opposite one. Sending the same again is
safe.

Beside a running server that uses --data the adjustment goes to that server. With
--server it goes to that one.`,
		Example: `  jeongsan adjust --book main --id 2026-17 --reason "goodwill, ticket 4711" --debit house/payable/KRW=500 --credit seller-jeju/payable/KRW=500 --preview
  jeongsan adjust correction.yaml --data ./ledger`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.adjustment(&from, args)
			if err != nil {
				return errors.Join(errUsage, err)
			}
			if preview {
				return p.previewAdjustment(cmd.Context(), c)
			}
			return p.postAdjustment(cmd.Context(), c, server)
		},
	}
	from.register(cmd.Flags())
	cmd.Flags().StringVar(&server, "server", "", "`URL` of a running server to send to, instead of opening --data")
	cmd.Flags().BoolVar(&preview, "preview", false, "show each account before and after, post nothing")
	p.config.registerBusinessDay(cmd.Flags())
	return cmd
}

// adjustment makes a command of the flags and of the file, if there is one.
func (p *program) adjustment(f *adjustmentFlags, files []string) (book.PostAdjustment, error) {
	var c book.PostAdjustment
	var in adjustmentFile
	var place *yamldoc.Document
	if len(files) > 0 {
		content, err := os.ReadFile(files[0])
		if err != nil {
			return c, &domain.Error{Code: domain.CodeInvalid, Field: "file", Value: files[0], Message: "cannot be read", Remedy: "name a readable YAML or JSON file", Err: err}
		}
		place = yamldoc.Decode(files[0], content, &in)
	}
	if err := f.into(&in); err != nil {
		return c, err
	}
	if in.On == "" {
		day, err := p.config.Business.day()
		if err != nil {
			return c, err
		}
		in.On = string(day.On(time.Now()))
	}
	c, faults := in.command()
	if place == nil {
		for _, fault := range faults {
			return c, fault
		}
	} else {
		for _, fault := range faults {
			place.FaultFrom(fault.Field, fault)
		}
		if err := place.Err(); err != nil {
			return c, err
		}
	}
	var err error
	c.ContentHash, err = c.Content()
	return c, err
}

// into puts the flags that are given over what a file says; legs come behind its own.
func (f *adjustmentFlags) into(in *adjustmentFile) error {
	for _, one := range []struct {
		from string
		to   *string
	}{{f.source, &in.Source}, {f.id, &in.ID}, {f.book, &in.Book}, {f.reason, &in.Reason}, {f.on, &in.On}, {f.at, &in.OccurredAt}} {
		if one.from != "" {
			*one.to = one.from
		}
	}
	if in.Source == "" {
		in.Source = "desk"
	}
	if f.of != "" {
		source, id, ok := strings.Cut(f.of, "/")
		if !ok || source == "" || id == "" {
			return &domain.Error{Code: domain.CodeInvalid, Field: "of", Value: f.of, Message: "not a transaction", Remedy: "write its source and its id, as till/A-1001"}
		}
		in.Adjusts = &adjustedFile{source, id}
	}
	for i, list := range [][]string{f.debits, f.credits} {
		for _, text := range list {
			leg, amount, err := legFlag([]string{"debit", "credit"}[i], text)
			if err != nil {
				return err
			}
			if leg.Debit = amount; i == 1 {
				leg.Debit, leg.Credit = "", amount
			}
			in.Legs = append(in.Legs, leg)
		}
	}
	return nil
}

// legFlag reads account=amount or account=amount=DATE/PURPOSE.
func legFlag(name, text string) (leg adjustmentLeg, amount string, err error) {
	parts := strings.Split(text, "=")
	if len(parts) == 3 {
		on, into, ok := strings.Cut(parts[2], "/")
		leg.HoldUntil, leg.Into = domain.Date(on), into
		if !ok {
			parts = nil
		}
	}
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" {
		return leg, "", &domain.Error{Code: domain.CodeInvalid, Field: name, Value: text, Message: "not a leg", Remedy: "write it as house/payable/KRW=500, or house/reserve/KRW=500=2026-09-01/payable for what is held"}
	}
	leg.Account = parts[0]
	return leg, parts[1], nil
}

// command makes the command that an adjustment says, with all that cannot be read.
func (in *adjustmentFile) command() (c book.PostAdjustment, faults []*domain.Error) {
	fault := func(field, value, message, remedy string) {
		faults = append(faults, &domain.Error{Code: domain.CodeInvalid, Field: field, Value: value, Message: message, Remedy: remedy})
	}
	c = book.PostAdjustment{Key: book.Key{Source: in.Source, ExternalID: in.ID}, Book: in.Book, Reason: in.Reason, EffectiveOn: domain.Date(in.On)}
	if in.ID == "" {
		fault("id", "", "an adjustment needs an id of its own", "choose one: sent again under it, nothing is posted twice")
	}
	if in.Adjusts != nil {
		c.Adjusts = &book.Key{Source: in.Adjusts.Source, ExternalID: in.Adjusts.ID}
	}
	if _, err := domain.ParseDate("effective_on", in.On); err != nil {
		fault("effective_on", in.On, "not a date", "write it as 2026-05-01")
	}
	if in.OccurredAt == "" {
		in.OccurredAt = in.On + "T00:00:00Z"
	}
	at, err := time.Parse(time.RFC3339, in.OccurredAt)
	if err != nil && len(faults) == 0 {
		fault("occurred_at", in.OccurredAt, "not an instant", "write it as 2026-05-01T09:00:00Z")
	}
	c.OccurredAt = at
	for i := range in.Legs {
		leg := &in.Legs[i]
		path := fmt.Sprintf("legs[%d]", i)
		posting := book.AdjustmentPosting{Posting: ledger.Posting{Account: ledger.AccountID(leg.Account), Side: ledger.Debit}, HoldUntil: leg.HoldUntil, Into: leg.Into}
		text, field := leg.Debit, path+".debit"
		if leg.Credit != "" {
			posting.Side, text, field = ledger.Credit, leg.Credit, path+".credit"
		}
		if _, _, _, ok := posting.Account.Parts(); !ok {
			fault(path+".account", leg.Account, "not an account", `write it as party/purpose/currency`)
		}
		if (leg.Debit == "") == (leg.Credit == "") {
			fault(path, leg.Account, "a leg has exactly one of debit and credit", "leave out one of them")
			continue
		}
		if posting.Amount, err = money.Parse(text); err != nil {
			fault(field, text, "not an amount", "write digits with at most one decimal point")
		}
		c.Postings = append(c.Postings, posting)
	}
	return c, faults
}

// adjustmentDone is what adjust has posted.
type adjustmentDone struct {
	Outcome  command.Outcome     `json:"outcome"`
	Event    string              `json:"event"` // "<stream>@<revision>"
	Position eventstore.Position `json:"position"`
}

func (p *program) postAdjustment(ctx context.Context, c book.PostAdjustment, server string) (err error) {
	door, closeDoor, err := p.openDoorBeside(ctx, "adjust", server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDoor()) }()
	reply := door.Do(ctx, command.Request{Command: c, Meta: p.meta("adjust")})[0]
	if reply.Err != nil {
		return reply.Err
	}
	done := adjustmentDone{reply.Outcome, fmt.Sprintf("%s@%d", reply.Ref.Stream, reply.Ref.Revision), reply.Position}
	if p.config.JSON {
		return p.printJSON(done)
	}
	if reply.Outcome == command.Replayed {
		fmt.Fprintf(p.stdout, "adjustment %s was posted before, event %s\n", c.ExternalID, done.Event)
		return nil
	}
	fmt.Fprintf(p.stdout, "adjustment %s is posted, event %s\nsee jeongsan explain %s %s\n", c.ExternalID, done.Event, c.Source, c.ExternalID)
	return nil
}
