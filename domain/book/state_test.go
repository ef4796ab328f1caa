package book_test

import (
	"encoding/json"
	"maps"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

func sale(t testing.TB, id, gross string) book.SettleTransaction {
	return book.SettleTransaction{
		Transaction: book.Transaction{
			Key: key(id), Book: "main", ContentHash: "1:00112233445566778899aabbccddeeff", Type: "sale", Method: "card", Product: "game-pass",
			Parties: map[string]string{"studio": "studio-7", "affiliate": "kim"}, OccurredAt: start, Currency: "USD", Amount: amount(t, gross),
		},
		Terms: terms(t, standard, parties), RecordedAt: start,
	}
}

// decide demands one event and folds it.
func decide(t testing.TB, s *book.State, command domain.Command) domain.Event {
	t.Helper()
	events, err := book.Decider.Decide(s, command)
	require.NoError(t, err)
	require.Len(t, events, 1)
	book.Decider.Evolve(s, events[0])
	require.NoError(t, s.Err())
	return events[0]
}

func TestSettlementTellsAll(t *testing.T) {
	s := book.Decider.Initial()
	command := sale(t, "s1", "12.5")
	command.Transaction.OccurredAt = time.Date(2026, 11, 22, 18, 0, 0, 123, time.FixedZone("KST", 9*3600))
	command.RecordedAt = start.Add(1234567 * time.Nanosecond)
	event := decide(t, s, command).(book.TransactionSettled)
	require.Equal(t, "12.50", event.Amount.String())
	require.Equal(t, "2026-11-22T09:00:00.000000123Z", event.OccurredAt.Format(time.RFC3339Nano))
	require.Equal(t, "2026-11-22T09:00:00.001234Z", event.RecordedAt.Format(time.RFC3339Nano), "microseconds, UTC")
	require.Equal(t, []any{"c-1", "standard", 2, 1, domain.Date("2026-11-22")}, []any{event.Contract, event.Schedule, event.Version, event.Engine, event.EffectiveOn})
	require.Equal(t, parties, maps.Collect(event.Parties.All()), "the contract's parties are part of it")
	require.Len(t, event.Explanation, 4)
	require.Len(t, event.Postings, 5)
	require.Equal(t, []book.Revision{0, 1, 3}, []book.Revision{event.ContractRevision, event.ScheduleRevision, event.Parties[0].Revision})

	text, err := json.Marshal(event)
	require.NoError(t, err)
	require.Less(t, len(text), 1550, "five postings stay near 1 KB: %s", text)

	zero, err := json.Marshal(decide(t, s, sale(t, "s2", "0")))
	require.NoError(t, err)
	require.Contains(t, string(zero), `"postings":[],"explanation":[]`)
}

func TestRecordedTimeNeverGoesBack(t *testing.T) {
	s := book.Decider.Initial()
	first := sale(t, "s1", "1.00")
	first.RecordedAt = start.Add(time.Hour)
	decide(t, s, first)
	event := decide(t, s, sale(t, "s2", "1.00")).(book.TransactionSettled)
	require.Equal(t, start.Add(time.Hour), event.RecordedAt)
	require.Equal(t, start.Add(time.Hour), s.Recorded())
}

func TestTheDoorMustFillIn(t *testing.T) {
	s := book.Decider.Initial()
	for name, c := range map[string]struct {
		field   string
		command func() domain.Command
	}{
		"terms":     {"terms", func() domain.Command { c := sale(t, "s1", "1"); c.Terms = nil; return c }},
		"date":      {"effective_on", func() domain.Command { c := sale(t, "s1", "1"); c.Terms.EffectiveOn = ""; return c }},
		"time":      {"recorded_at", func() domain.Command { c := sale(t, "s1", "1"); c.RecordedAt = time.Time{}; return &c }},
		"settled":   {"reversed", func() domain.Command { c := reversal(t, s, "x1", "s0"); c.Reversed = nil; return &c }},
		"date of x": {"effective_on", func() domain.Command { c := reversal(t, s, "x1", "s0"); c.EffectiveOn = ""; return c }},
		"time of x": {"recorded_at", func() domain.Command { c := reversal(t, s, "x1", "s0"); c.RecordedAt = time.Time{}; return c }},
		"other":     {"reversed", func() domain.Command { c := reversal(t, s, "x1", "s0"); c.Reversed.ExternalID = "s9"; return c }},
	} {
		t.Run(name, func(t *testing.T) {
			if s.Count() == 0 {
				decide(t, s, sale(t, "s0", "1"))
			}
			_, err := book.Decider.Decide(s, c.command())
			require.Equal(t, domain.CodeInternal, domain.CodeOf(err))
			requireField(t, c.field, err)
		})
	}
	_, err := book.Decider.Decide(s, otherCommand{})
	require.ErrorContains(t, err, "OtherCommand")
}

// reversal is filled in as by the door, for a sale of 1 USD.
func reversal(t testing.TB, s *book.State, id, target string) book.ReverseEntry {
	event, err := book.Decider.Decide(book.Decider.Initial(), sale(t, target, "1"))
	require.NoError(t, err)
	settled := event[0].(book.TransactionSettled)
	return book.ReverseEntry{
		Key: key(id), Book: "main", ContentHash: "1:ab", Target: key(target), Reason: "entered twice", OccurredAt: start,
		Reversed: &settled, EffectiveOn: "2026-11-22", RecordedAt: start,
	}
}

func requireField(t testing.TB, field string, err error) {
	t.Helper()
	var fault *domain.Error
	require.ErrorAs(t, err, &fault)
	require.Equal(t, field, fault.Field, err.Error())
}

func TestBadInputNamesItsField(t *testing.T) {
	s := book.Decider.Initial()
	decide(t, s, sale(t, "s0", "1"))
	long := string(make([]byte, 600))
	for field, change := range map[string]func(*book.Transaction){
		"source":           func(x *book.Transaction) { x.Source = "My Source" },
		"external_id":      func(x *book.Transaction) { x.ExternalID = "" },
		"book":             func(x *book.Transaction) { x.Book = "a/b" },
		"content_hash":     func(x *book.Transaction) { x.ContentHash = "abc" },
		"type":             func(x *book.Transaction) { x.Type = "" },
		"method":           func(x *book.Transaction) { x.Method = "a\nb" },
		"product":          func(x *book.Transaction) { x.Product = "\xff" },
		"original_id":      func(x *book.Transaction) { x.OriginalID = long },
		"parties.studio":   func(x *book.Transaction) { x.Parties = map[string]string{"studio": "-"} },
		"occurred_at":      func(x *book.Transaction) { x.OccurredAt = time.Time{} },
		"occurred_at far":  func(x *book.Transaction) { x.OccurredAt = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"occurred_at east": func(x *book.Transaction) { x.OccurredAt = time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC) },
		"occurred_at west": func(x *book.Transaction) { x.OccurredAt = time.Date(1, 1, 1, 1, 0, 0, 0, time.UTC) },
		"currency":         func(x *book.Transaction) { x.Currency = "" },
		"external_id long": func(x *book.Transaction) { x.ExternalID = long },
		"content_hash hex": func(x *book.Transaction) { x.ContentHash = "1:ABC" },
		"parties":          func(x *book.Transaction) { x.Parties = many(book.MaxParties + 1) },
	} {
		command := sale(t, "s1", "1")
		change(&command.Transaction)
		_, err := book.Decider.Decide(s, command)
		require.Error(t, err, field)
		require.Contains(t, []domain.Code{domain.CodeInvalid, domain.CodeUnknownCurrency}, domain.CodeOf(err))
		var fault *domain.Error
		require.ErrorAs(t, err, &fault)
		require.Contains(t, field, fault.Field)
		require.NotEmpty(t, fault.Remedy)
	}
	for field, change := range map[string]func(*book.ReverseEntry){
		"book":               func(c *book.ReverseEntry) { c.Book = "" },
		"content_hash":       func(c *book.ReverseEntry) { c.ContentHash = "" },
		"target.source":      func(c *book.ReverseEntry) { c.Target.Source = "" },
		"target.external_id": func(c *book.ReverseEntry) { c.Target.ExternalID = "" },
		"reason":             func(c *book.ReverseEntry) { c.Reason = "" },
		"occurred_at":        func(c *book.ReverseEntry) { c.OccurredAt = time.Time{} },
		"external_id":        func(c *book.ReverseEntry) { c.ExternalID = "a\x00b" },
	} {
		command := reversal(t, s, "x1", "s0")
		change(&command)
		_, err := book.Decider.Decide(s, command)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), field)
		requireField(t, field, err)
	}
}

func many(n int) map[string]string {
	parties := map[string]string{}
	for i := range n {
		parties["role_"+string(rune('a'+i/26))+string(rune('a'+i%26))] = "p"
	}
	return parties
}

func TestKeysMustBeLoaded(t *testing.T) {
	s := book.Decider.Initial()
	decide(t, s, sale(t, "s1", "5"))
	changes := s.Commit()
	s.Drop()
	for _, command := range []domain.Command{sale(t, "s1", "5"), sale(t, "s2", "5")} {
		_, err := book.Decider.Decide(s, command)
		require.Equal(t, domain.CodeInternal, domain.CodeOf(err), "a state that has dropped keys does not guess")
	}
	_, _, known := s.Record(key("s1"))
	require.False(t, known)

	s.Load(key("s1"), changes.Keys[0].Record, true)
	revision, replay, err := book.Lookup(s, sale(t, "s1", "5"))
	require.NoError(t, err)
	require.True(t, replay)
	require.Zero(t, revision)

	refund := sale(t, "r1", "-5")
	refund.Transaction.OriginalID = "s1"
	s.Load(key("r1"), book.KeyRecord{}, false)
	decide(t, s, refund)
	s.Load(key("s1"), changes.Keys[0].Record, true) // the index is older than the state
	s.Drop()
	record, found, known := s.Record(key("s1"))
	require.True(t, found && known, "what has changed since the commit is kept")
	require.Equal(t, "5.00", record.Refunded.String())
}

func TestCommitListsEachChangeOnce(t *testing.T) {
	s := book.Decider.Initial()
	decide(t, s, sale(t, "s1", "5"))
	decide(t, s, sale(t, "s2", "5"))
	refund := sale(t, "r1", "-5")
	refund.Transaction.OriginalID = "s1"
	decide(t, s, refund)
	changes := s.Commit()
	require.Equal(t, uint64(3), changes.Count)
	require.Equal(t, start, changes.Recorded)
	var names []string
	for _, change := range changes.Keys {
		names = append(names, change.Key.ExternalID)
		require.True(t, change.New)
	}
	require.Equal(t, []string{"s1", "s2", "r1"}, names)
	require.Equal(t, "5.00", changes.Keys[0].Record.Refunded.String(), "the newest record")
	require.Len(t, changes.Accounts, 5)
	require.Equal(t, ledger.AccountID("pg/receivable/USD"), changes.Accounts[0].Account)
	require.True(t, ledger.Balance{Debits: money.New(10, 0), Credits: money.New(5, 0)}.Equal(changes.Accounts[0].Balance))

	require.Empty(t, s.Commit().Keys)
	refund = sale(t, "r2", "-1")
	refund.Transaction.OriginalID = "s2"
	decide(t, s, refund)
	changes = s.Commit()
	require.Equal(t, []bool{true, false}, []bool{changes.Keys[0].New, changes.Keys[1].New})
}

func TestEventsThatDoNotFitBreakTheState(t *testing.T) {
	fresh := func() *book.State {
		s := book.Decider.Initial()
		decide(t, s, sale(t, "s1", "5"))
		return s
	}
	settled := func(id string) book.TransactionSettled {
		events, err := book.Decider.Decide(book.Decider.Initial(), sale(t, id, "1"))
		require.NoError(t, err)
		return events[0].(book.TransactionSettled)
	}
	lost, twice, huge := settled("r1"), settled("s1"), settled("s2")
	lost.Original = &book.Original{Key: key("s9")}
	huge.Postings = []ledger.Posting{{Account: "pg/receivable/USD", Side: ledger.Debit, Amount: money.New(math.MaxInt64, 2)}}
	reversed := book.EntryReversed{Key: key("x1"), Reverses: book.Original{Key: key("s1")}}
	for name, events := range map[string][]domain.Event{
		"a key settled twice":               {twice},
		"an original that is not there":     {lost},
		"a target that is not there":        {book.EntryReversed{Key: key("x1"), Reverses: book.Original{Key: key("s9")}}},
		"a target reversed twice":           {reversed, book.EntryReversed{Key: key("x2"), Reverses: book.Original{Key: key("s1")}}},
		"a balance that does not fit":       {huge},
		"an unknown event":                  {otherEvent{}},
		"more refunds reversed than made":   {book.EntryReversed{Key: key("x1"), Reverses: book.Original{Key: key("s1")}, Original: &book.Original{Key: key("s1")}, Amount: money.New(1, 0)}},
		"a lost original of a reversed one": {book.EntryReversed{Key: key("x1"), Reverses: book.Original{Key: key("s1")}, Original: &book.Original{Key: key("s9")}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := fresh()
			hash := s.Hash()
			s.Mark()
			book.Decider.Fold(s, events...)
			require.Error(t, s.Err())
			require.ErrorContains(t, s.Err(), "revision")
			count := s.Count()
			book.Decider.Evolve(s, settled("s7"))
			require.Equal(t, count, s.Count(), "a broken state folds nothing more")
			_, err := book.Decider.Decide(s, sale(t, "s8", "1"))
			require.Equal(t, s.Err(), err, "nor decides")
			s.Rollback()
			require.NoError(t, s.Err(), "rolling back heals it")
			require.Equal(t, hash, s.Hash())
			decide(t, s, sale(t, "s8", "1"))
		})
	}
	s := fresh()
	s.Commit()
	s.Drop()
	book.Decider.Evolve(s, reversed)
	require.ErrorContains(t, s.Err(), "not loaded")
}

func TestHashTellsHistoriesApart(t *testing.T) {
	base := map[ledger.AccountID]ledger.Balance{"a/payable/USD": {Debits: money.New(100, 2)}, "b/payable/USD": {Credits: money.New(1, 0)}}
	hash := func(count uint64, recorded time.Time, accounts map[ledger.AccountID]ledger.Balance) [16]byte {
		return book.Restore(book.Snapshot{Count: count, Recorded: recorded, Balances: maps.All(accounts)}).Hash()
	}
	reference := hash(7, start, base)
	require.Equal(t, reference, hash(7, start.In(time.FixedZone("KST", 9*3600)), map[ledger.AccountID]ledger.Balance{
		"b/payable/USD": {Credits: money.New(1000, 3)}, "a/payable/USD": {Debits: money.New(1, 0)},
	}), "the order of accounts, the digits and the zone make no difference")
	other := maps.Clone(base)
	other["a/payable/USD"] = ledger.Balance{Credits: money.New(100, 2)}
	for name, different := range map[string][16]byte{
		"count":   hash(8, start, base),
		"time":    hash(7, start.Add(time.Microsecond), base),
		"no time": hash(7, time.Time{}, base),
		"side":    hash(7, start, other),
		"account": hash(7, start, map[ledger.AccountID]ledger.Balance{"a/payable/USD": base["a/payable/USD"]}),
		"nothing": book.Decider.Initial().Hash(),
	} {
		require.NotEqual(t, reference, different, name)
	}
}
