package verify_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/internal/terms"
	"github.com/jeongsan/jeongsan/internal/verify"
)

// The published schedules, with what their worked cases bring, must hold before the
// second opinion as well: every sale, and refunds of a third of it and of the rest.
func TestExamplesAreVerified(t *testing.T) {
	files, err := filepath.Glob("../../examples/schedules/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	settled := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		documents, err := terms.ParseSchedules(filepath.Base(file), text)
		require.NoError(t, err)
		for _, d := range documents {
			t.Run(fmt.Sprint(d.Schedule, " ", d.Version), func(t *testing.T) {
				r := newRig(t, 1)
				n := r.example(d)
				t.Log(n, "settlements")
				settled += n
				_, err := verify.Verify(t.Context(), verify.Config{Store: r.store})
				require.NoError(t, err)
			})
		}
	}
	require.Greater(t, settled, 100)
}

// example publishes a schedule and settles the transactions of its cases; it
// returns how many settled. Some schedules ask for what no book posts yet.
func (r *rig) example(d fee.Document) (settled int) {
	r.t.Helper()
	compiled, err := fee.Compile(d)
	require.NoError(r.t, err)
	d.Version = 1 // alone in its log
	if refused := r.do(schedule.PublishSchedule{Document: d.Published()}); refused != nil {
		r.t.Log("not published: ", refused.Message)
		return 0
	}
	registered := map[string]bool{"bank": true, "house": true, "office": true, "s-1": true, "s-2": true, "s-9": true}
	holder := func(id string) string {
		if !registered[id] {
			registered[id] = true
			r.must(party.RegisterParty{Party: id, Kind: party.Seller, Country: "KR"})
		}
		return id
	}
	for i, c := range d.Cases {
		if c.Transaction == nil {
			continue
		}
		parties := map[string]string{}
		for _, role := range compiled.Roles() {
			parties[role] = holder("p-" + role)
		}
		name := fmt.Sprintf("case-%d", i)
		r.must(contract.SignContract{Terms: contract.Terms{
			Contract: name, Book: "main", Schedule: d.Schedule, Zone: "UTC", From: "2000-01-01", Priority: 9, Parameters: c.Parameters, Parties: parties,
			Applies: contract.Applies{Products: []string{name}},
		}})
		sale := *c.Transaction
		if c.RefundOf != nil {
			sale = c.RefundOf.Transaction
		}
		for id := range sale.Parties {
			holder(sale.Parties[id])
		}
		settled += r.sell(d, name, sale)
	}
	return settled
}

// sell settles a sale, gives a third of it back, and then the rest.
func (r *rig) sell(d fee.Document, name string, sale fee.CaseTransaction) (settled int) {
	r.t.Helper()
	on := sale.On
	if on == "" {
		on = d.EffectiveFrom
	}
	at, err := time.Parse(time.DateOnly, string(max(on, d.EffectiveFrom)))
	require.NoError(r.t, err)
	t := book.Transaction{
		Key: book.Key{Source: "pg", ExternalID: name}, Book: "main", ContentHash: "1:00", Type: sale.Type, Method: sale.Method, Product: name,
		Parties: sale.Parties, Attributes: sale.Attributes, OccurredAt: at.Add(12 * time.Hour), Currency: sale.Currency, Amount: sale.Amount,
	}
	if t.Type == "" {
		t.Type = "sale"
	}
	take := func(t book.Transaction) {
		refused := r.do(book.SettleTransaction{Transaction: t, Policy: book.Policy{SettleUnmatched: true, SubMinor: true}})
		if refused == nil {
			settled++
			return
		}
		require.NotEqual(r.t, domain.CodeInternal, refused.Code, refused.Error())
		r.t.Log(t.ExternalID, "refused: ", refused.Error())
	}
	take(t)
	third := money.New(t.Amount.Units()/3, t.Amount.Scale())
	rest, err := t.Amount.Sub(third)
	require.NoError(r.t, err)
	for i, amount := range []money.Amount{third, rest} {
		back := t
		back.Key.ExternalID, back.OriginalID, back.Type, back.Amount = fmt.Sprint(name, "-back-", i), name, "refund", amount.Neg()
		back.OccurredAt = back.OccurredAt.AddDate(0, 0, 20*i)
		take(back)
	}
	return settled
}
