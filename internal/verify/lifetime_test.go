package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/rerating"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/internal/restatement"
	"github.com/jeongsan/jeongsan/internal/verify"
)

// sent is a transaction that others may name.
type sent struct {
	id, seller string
	amount     int64
	currency   money.Currency
}

// wander is what has been sent to a book so far, and the date that it comes to.
type wander struct {
	*rig
	date  domain.Date
	days  int
	sales []sent
	taken map[string]int
}

func (r *rig) wanders() *wander {
	return &wander{rig: r, date: "2026-01-28", taken: map[string]int{}}
}

// on sends what may come in any order, day by day, and counts what was taken.
func (w *wander) on(days, perDay int) {
	r, taken := w.rig, w.taken
	r.t.Helper()
	note := func(what string, reply command.Reply) {
		if reply.Err != nil {
			require.NotEqual(r.t, domain.CodeInternal, domain.CodeOf(reply.Err), reply.Err.Error())
			taken["refused as "+string(domain.CodeOf(reply.Err))]++
			return
		}
		taken[what]++
	}
	for range days {
		day := w.days
		w.days++
		for i := range perDay {
			id := fmt.Sprintf("t-%d-%d", day, i)
			on, err := calendar.AddDays(w.date, -r.random.IntN(4))
			require.NoError(r.t, err)
			of := func() sent { return w.sales[r.random.IntN(len(w.sales))] }
			choice := r.random.IntN(20)
			if len(w.sales) < 3 {
				choice = 0
			}
			switch {
			case choice < 9:
				s := sent{id, []string{"s-1", "s-2", "s-9"}[r.random.IntN(3)], r.random.Int64N(90_000), []money.Currency{"USD", "KRW", "KWD"}[r.random.IntN(3)]}
				note("sale", r.send(id, "sale", "", string(on), s.amount, s.currency, s.seller))
				w.sales = append(w.sales, s)
			case choice < 14:
				s := of()
				typ, amount := []string{"refund", "chargeback"}[r.random.IntN(2)], s.amount
				if amount > 1 && r.random.IntN(2) == 0 {
					amount = 1 + r.random.Int64N(amount)
				}
				if s.amount < 0 {
					typ = "won"
				}
				if amount > 0 || s.amount < 0 {
					amount = -amount
				}
				note(typ, r.send(id, typ, s.id, string(on), amount, s.currency, s.seller))
				w.sales = append(w.sales, sent{id, s.seller, amount, s.currency})
			case choice < 16:
				note("reversal", r.undo(id, of().id, string(on)))
			case choice == 16:
				note("early refund", r.send(id, "refund", fmt.Sprintf("t-%d-%d", day, i+1+r.random.IntN(3)), string(on), -1-r.random.Int64N(500), "USD", "s-1"))
			case choice == 17:
				note("early reversal", r.undo(id, fmt.Sprintf("t-%d-%d", day, i+1+r.random.IntN(3)), string(on)))
			default:
				note("adjustment", r.reply(r.adjustment(id, w.date)))
			}
		}
		for r.random.IntN(8) > 0 {
			reply := r.reply(book.AdvanceBusinessDate{Book: "life", Date: w.date})
			require.NoError(r.t, reply.Err)
			if reply.Outcome == command.Replayed {
				next, err := calendar.AddDays(w.date, 1)
				require.NoError(r.t, err)
				w.date = next
				break
			}
			taken["step"]++
		}
	}
}

// adjustment moves something between accounts that may hold money back.
func (r *rig) adjustment(id string, date domain.Date) book.PostAdjustment {
	amount := money.New(1+r.random.Int64N(900), 2)
	from := ledger.Account("s-1", []string{"payable", "reserve", "pending"}[r.random.IntN(3)], "USD")
	debit, credit := book.AdjustmentPosting{Posting: ledger.Posting{Account: from, Side: ledger.Debit, Amount: amount}},
		book.AdjustmentPosting{Posting: ledger.Posting{Account: "house/payable/USD", Side: ledger.Credit, Amount: amount}}
	if r.random.IntN(2) == 0 {
		debit.Account, credit.Account = credit.Account, debit.Account
		if credit.Account != "s-1/payable/USD" {
			credit.Into = "payable"
			credit.HoldUntil, _ = calendar.AddDays(date, r.random.IntN(9)-2)
		}
	}
	return book.PostAdjustment{
		Key: book.Key{Source: "desk", ExternalID: id}, Book: "life", ContentHash: "1:00", Reason: "by hand", OccurredAt: r.now, EffectiveOn: date,
		Postings: []book.AdjustmentPosting{debit, credit},
	}
}

// Whatever comes in whatever order, the second opinion holds.
func TestLivesAgree(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, seed)
			r.live()
			w := r.wanders()
			w.on(50, 5)
			taken := w.taken
			report, err := verify.Verify(t.Context(), verify.Config{Store: r.store})
			t.Log(taken)
			require.NoError(t, err)
			for _, what := range []string{"sale", "refund", "chargeback", "won", "reversal", "early refund", "adjustment", "step"} {
				require.NotZero(t, taken[what], what)
			}
			require.NotZero(t, report.Counts.Closings)
			require.NotZero(t, report.Counts.Releases)
		})
	}
}

// So it does when what was rated wrongly is rated again, by a version that charges
// and holds other parts, and what was restated is given back and reversed.
func TestRestatedLivesAgree(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, seed)
			r.live()
			w := r.wanders()
			w.on(25, 6)
			restated := uint64(0)
			for version, change := range []string{`"percent":"12"`, `"percent":"9.5"`} {
				var d fee.Document
				require.NoError(t, json.Unmarshal([]byte(strings.Replace(lasting, `"percent":"10"`, change, 1)), &d))
				d.Version, d.EffectiveFrom = version+2, "2026-02-03"
				r.must(schedule.PublishSchedule{Document: d})
				outcome, err := restatement.Run(t.Context(), restatement.Config{Store: r.store, Scope: rerating.Scope{Book: "life", From: "2026-01-20", To: "2026-03-10"}}, r.door,
					eventstore.Meta{Actor: "operator:kim", Authenticated: "none"},
					rerating.Operation{ID: fmt.Sprint("again-", version), Reason: "the rate was wrong", OccurredAt: r.now, EffectiveOn: w.date}, nil)
				require.NoError(t, err)
				require.NotZero(t, outcome.Posted)
				w.on(12, 6)
				report, err := verify.Verify(t.Context(), verify.Config{Store: r.store})
				require.NoError(t, err)
				require.Greater(t, report.Counts.Restated, restated)
				restated = report.Counts.Restated
			}
			t.Log(w.taken)
		})
	}
}

// damaged is a log in which one event reads otherwise.
type damaged struct {
	eventstore.Store
	stream   domain.StreamID
	revision uint64
	change   func(map[string]any)
}

func (d damaged) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		for recorded, err := range d.Store.ReadAll(ctx, after) {
			if err == nil && recorded.Stream == d.stream && recorded.Revision == d.revision {
				var content map[string]any
				if err = json.Unmarshal(recorded.Data, &content); err == nil {
					d.change(content)
					recorded.Data, err = json.Marshal(content)
				}
			}
			if !yield(recorded, err) {
				return
			}
		}
	}
}

func item(content map[string]any, list string, at int) map[string]any {
	return content[list].([]any)[at].(map[string]any)
}

// find gives the revision of an event by its type: that of a key, or one by its
// number, as #0.
func (r *rig) find(typ, id string) uint64 {
	nth := 0
	if at, ok := strings.CutPrefix(id, "#"); ok {
		var err error
		nth, err = strconv.Atoi(at)
		require.NoError(r.t, err)
		id = ""
	}
	for revision, event := range r.events() {
		key := ""
		switch e := event.(type) {
		case book.TransactionSettled:
			key = e.ExternalID
		case book.EntryReversed:
			key = e.ExternalID
		case book.AdjustmentPosted:
			key = e.ExternalID
		case book.OriginalAwaited:
			key = e.ExternalID
		}
		if event.EventType() != typ || id != "" && id != key {
			continue
		}
		if nth--; nth < 0 {
			return uint64(revision)
		}
	}
	require.Fail(r.t, "no such event", typ+" "+id)
	return 0
}

// Every check of what lasts beyond an entry must name the event that was damaged.
func TestDamagedLives(t *testing.T) {
	r := newRig(t, 1)
	r.lifetime()
	const settled, reversed, adjusted, awaited = "TransactionSettled.v2", "EntryReversed.v2", "AdjustmentPosted.v1", "OriginalAwaited.v1"
	const released, closed, advanced = "HoldsReleased.v1", "WindowClosed.v1", "BusinessDateAdvanced.v1"
	const posted, converted, holds = "postings follow from the lines", "conversions follow from their rates", "held money follows from the schedule"
	const dates, releases, closings = "business dates in order", "held money released in full, on its date", "windows closed once, as their periods say"
	const adjustments, awaits = "adjustments add up", "what waits is carried out as it was sent"
	type content = map[string]any
	carrying, nth := "", 0
	for _, event := range r.events() {
		if c, ok := event.(book.WindowClosed); ok {
			if len(c.Counts) > 1 && carrying == "" {
				carrying = "#" + strconv.Itoa(nth)
			}
			nth++
		}
	}
	set := func(key string, value any) func(content) { return func(c content) { c[key] = value } }
	in := func(list string, at int, key string, value any) func(content) {
		return func(c content) { item(c, list, at)[key] = value }
	}
	drop := func(list string, at int) func(content) {
		return func(c content) {
			all := c[list].([]any)
			c[list] = append(append([]any{}, all[:at]...), all[at+1:]...)
		}
	}
	for name, test := range map[string]struct {
		typ, id string
		change  func(content)
		check   string
		says    string
	}{
		"posted to another purpose":     {settled, "s1", in("postings", 1, "account", "house/fees/USD"), posted, "house/"},
		"held until another date":       {settled, "s1", in("holds", 0, "on", "2026-03-04"), holds, "until 2026-03-0"},
		"held into another purpose":     {settled, "s1", in("holds", 0, "into", "lost"), holds, "into"},
		"held more than posted":         {adjusted, "a1", in("holds", 0, "change", "5.01"), holds, "at least 5.01"},
		"held more":                     {settled, "s1", in("holds", 0, "change", "20.01"), holds, "20.01"},
		"held less":                     {settled, "s1", in("holds", 0, "change", "19.99"), holds, "20 held"},
		"held nothing":                  {settled, "s1", in("holds", 0, "change", "0.00"), holds, "nothing"},
		"held on no account":            {settled, "s1", in("holds", 0, "account", "s-1/nowhere/USD"), holds, "s-1/nowhere/USD"},
		"hold left out":                 {settled, "s1", drop("holds", 0), holds, "20 held"},
		"calendar not told":             {settled, "s1", set("calendars", nil), holds, "calendar kr"},
		"calendar of a later version":   {settled, "s1", set("calendars", content{"kr": 1}), "references resolve", "calendar-kr@1"},
		"converted at another rate":     {settled, "s1", in("conversions", 0, "rate", "1.25"), converted, "rate"},
		"converted to more":             {settled, "s1", in("conversions", 0, "result", "18.20"), converted, "result"},
		"converted with another spread": {settled, "s1", in("conversions", 0, "spread", "0.50"), converted, "spread"},
		"converted of another amount":   {settled, "s1", in("conversions", 0, "amount", "15.01"), converted, "15.01"},
		"converted to another currency": {settled, "s1", in("conversions", 0, "to", "JPY"), converted, "JPY"},
		"conversion left out":           {settled, "s1", drop("conversions", 0), converted, "abroad"},
		"conversion of another line":    {settled, "s1", in("conversions", 0, "rule", "fee"), converted, "abroad"},
		"window closed on another day":  {settled, "s1", in("counts", 0, "closes", "2026-03-03"), "accumulators equal a recount", "2026-03-02"},
		"refund of what is not held":    {settled, "r1", func(c content) { delete(c, "holds") }, holds, "held on s-1"},
		"dispute pays from the account": {settled, "cb1", drop("holds", 0), holds, "s-1"},
		"restores another sale":         {settled, "won1", func(c content) { c["restores"].(content)["revision"] = 0 }, "references resolve", "sale behind"},
		"reversal restores nothing":     {reversed, "x-won1", func(c content) { delete(c, "restores") }, "references resolve", "restored"},
		"reversal of what held nothing": {reversed, "x-s5", drop("holds", 0), holds, "s-2"},
		"reversal from elsewhere":       {reversed, "x-s5", in("postings", 0, "account", "bank/fx/USD"), "reversals mirror the original", "bank"},
		"date skipped":                  {advanced, "#1", set("to", "2026-03-09"), dates, "2026-03-03"},
		"date from nowhere":             {advanced, "", set("from", "2026-02-01"), dates, "from 2026-02-01"},
		"released twice as much":        {released, "", in("holds", 0, "change", "-0.02"), releases, "-0.02"},
		"released to another":           {released, "", in("postings", 1, "account", "house/payable/KRW"), releases, "payable/KRW"},
		"release left out":              {released, "", drop("holds", 0), releases, ""},
		"released too early":            {released, "#1", set("business_date", "2026-03-02"), dates, "2026-03-03"},
		"closed another window":         {closed, "", set("counter", "contract:life/volume/2026-02/USD/seller=s-2"), closings, "s-2"},
		"closed again": {closed, "#1", func(c content) {
			c["counter"] = r.events()[r.find(closed, "")].(book.WindowClosed).Counter
		}, closings, "once"},
		"carried otherwise":          {closed, carrying, func(c content) { item(c, "counts", 0)["after"] = "-1.00" }, closings, "from 0 to 1"},
		"carried nothing":            {closed, carrying, drop("counts", 0), closings, "from 0 to 1"},
		"carried, not open":          {closed, carrying, func(c content) { delete(item(c, "counts", 1), "closes") }, closings, "to be closed on"},
		"read otherwise":             {closed, carrying, in("read", 0, "before", "7.00"), closings, "volume"},
		"closed by another version":  {closed, "", set("version", 2), "contract and schedule in force", "version 2"},
		"closed by another contract": {closed, "", set("schedule", "plain"), "references resolve", "lasting"},
		"closed with other dates":    {closed, "", set("last", "2026-02-27"), closings, "2026-02-27"},
		"closed as another party":    {closed, "", func(c content) { c["parties"].(content)["office"] = "house@0" }, closings, "house"},
		"closed without a period":    {closed, "", set("periods", []any{}), closings, "1 periods"},
		"closed, and line left out": {closed, "", func(c content) {
			period := item(c, "periods", 0)
			period["lines"] = []any{}
		}, closings, "none"},
		"closed at another amount": {closed, "", func(c content) {
			line := item(item(c, "periods", 0), "lines", 0)["line"].(content)
			line["exact"], line["amount"] = "77", "77.00"
		}, closings, "77"},
		"closed, posted to another": {closed, "", in("postings", 0, "account", "bank/payable/USD"), closings, "house/payable/USD"},
		"adjusted without a reason": {adjusted, "a1", set("reason", ""), adjustments, "a reason"},
		"adjusted another": {adjusted, "a1", func(c content) { c["adjusts"].(content)["revision"] = 1 }, "references resolve",
			"which has another"},
		"restated another amount":          {adjusted, "re-1", func(c content) { item(c["restates"].(content), "postings", 0)["debit"] = "400.01" }, adjustments, "bank/receivable/USD"},
		"restated what stands not":         {adjusted, "re-1", func(c content) { c["restates"].(content)["replaces"] = 0 }, adjustments, "revision 0"},
		"restated after refunds":           {adjusted, "re-1", func(c content) { c["restates"].(content)["refunded"] = "1.00" }, adjustments, "refunds of 0"},
		"restated by nobody":               {adjusted, "re-1", func(c content) { c["restates"].(content)["rerating"] = "" }, adjustments, "re-rating"},
		"restated by no version":           {adjusted, "re-1", func(c content) { c["restates"].(content)["version"] = 2 }, "contract and schedule in force", "version 2"},
		"restated, lines that charge more": {adjusted, "re-1", func(c content) { item(c["restates"].(content), "explanation", 0)["exact"] = "42" }, posted, "house in USD"},
		"restated at another rate":         {adjusted, "re-1", func(c content) { item(c["restates"].(content), "conversions", 0)["mid"] = "1.2" }, converted, "mid rate"},
		"restated, lines that lie":         {adjusted, "re-1", func(c content) { item(c["restates"].(content), "explanation", 0)["amount"] = "1.00" }, "lines follow from what explains them", "line fee"},
		"waits under another key":          {awaited, "r-early", set("external_id", "r-other"), awaits, "r-other"},
		"waits for what is there": {awaited, "r-early", func(c content) {
			c["awaits"].(content)["external_id"] = "s1"
			c["refund"].(content)["transaction"].(content)["original_id"] = "s1"
		}, awaits, "not there"},
		"waits for what is awaited": {awaited, "x-early", func(c content) {
			c["awaits"].(content)["external_id"] = "s-late"
			c["reversal"].(content)["target"].(content)["external_id"] = "s-late"
		}, awaits, "another since"},
		"waits twice":            {awaited, "x-early", func(c content) { c["refund"] = content{"transaction": content{}} }, "events readable", "not one of"},
		"carried out twice":      {settled, "s6", set("external_id", "r-early"), "keys settled once", "carried out before"},
		"carried out otherwise":  {settled, "r-early", set("content_hash", "1:ff"), awaits, "as it was sent"},
		"not said to be awaited": {settled, "s-late", func(c content) { delete(c, "awaited") }, awaits, "which waits for pg/s-late"},
		"said to be awaited":     {settled, "s4", set("awaited", content{"stream": "book-life", "revision": 0}), awaits, "nothing that waits"},
	} {
		t.Run(name, func(t *testing.T) {
			store := damaged{r.store, "book-life", r.find(test.typ, test.id), func(c content) {
				defer func() { require.Nil(t, recover(), "the event has no such part") }()
				test.change(c)
			}}
			report, err := verify.Verify(t.Context(), verify.Config{Store: store})
			require.Error(t, err)
			require.NotNil(t, report.Difference, err.Error())
			require.Equal(t, test.check, report.Difference.Check, err.Error())
			require.Contains(t, report.Difference.Where, fmt.Sprintf("book-life@%d ", store.revision))
			require.Contains(t, err.Error(), test.says)
		})
	}
}
