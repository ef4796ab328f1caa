package command

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
)

// seedHeld puts book "main" under a schedule that holds a tenth of what a provider
// gets for five days, and charges 1,000 for every month.
func seedHeld(t testing.TB, door Door) {
	t.Helper()
	var d fee.Document
	require.NoError(t, json.Unmarshal([]byte(`{"schedule":"held","version":1,"effective_from":"2026-01-01","funds":{"role":"supplier"},
	"accumulators":[{"name":"volume","measure":"gross","key":["provider"],"window":"calendar_month"}],
	"rules":[{"id":"reserve","to":{"role":"provider","purpose":"reserve"},"percent":"10","hold":{"days":5}},
	         {"id":"provider","to":{"role":"provider"},"rest":true}],
	"periods":[{"id":"subscription","of":"volume","entries":[{"id":"fee","from":{"role":"provider"},"to":{"role":"operator"},"flat":{"KRW":"1000"}}]}]}`), &d))
	commands := make([]domain.Command, 0, 8)
	for _, p := range parties {
		commands = append(commands, p)
	}
	applied(t, do(door, append(commands, schedule.PublishSchedule{Document: d})...)...)
	signed := terms("held-2026", "main")
	signed.Schedule = "held"
	applied(t, do(door, contract.SignContract{Terms: signed})...)
}

// come takes book "main" to a date, step by step.
func come(t testing.TB, door Door, date domain.Date) {
	t.Helper()
	for range 1000 {
		reply := do(door, book.AdvanceBusinessDate{Book: "main", Date: date})[0]
		require.NoError(t, reply.Err)
		if reply.Outcome == Replayed {
			return
		}
	}
	require.Fail(t, "the date does not come")
}

func heldBy(s *book.State) map[string]string {
	texts := map[string]string{}
	for h := range s.Holds() {
		texts[string(holdName(&h))] = h.Change.String()
	}
	return texts
}

// TestHeldMoneyOutlivesTheProcess: what is held, open and closed windows and the
// business date are in the index, and compared with the log.
func TestHeldMoneyOutlivesTheProcess(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	l := r.open(dir)
	seedHeld(t, l)
	for day := range 12 {
		c := sale(fmt.Sprint("A-", day))
		c.Transaction.OccurredAt = noon.AddDate(0, 0, day)
		applied(t, do(l, c)...)
		if day >= 3 {
			come(t, l, domain.DateOf(noon.AddDate(0, 0, day-3), noon.Location()))
		}
		if day%4 == 3 {
			require.NoError(t, l.Close())
			l = r.open(dir)
		}
	}
	applied(t, do(l, reversal("X-1", "A-11"))...)
	want := r.fold()
	require.Equal(t, domain.Date("2026-11-30"), want.BusinessDate())
	require.Len(t, heldBy(want), 8-1, "four have been released, one was reversed")
	header := r.header(l)
	require.EqualValues(t, len(heldBy(want)), header.Holds)
	require.Equal(t, want.BusinessDate(), header.BusinessDate)
	require.Equal(t, want.DateRevision(), header.DateRevision)
	checked, err := r.check(dir)
	require.NoError(t, err)
	require.EqualValues(t, want.Count()-1, checked[0].Revision)
	x := r.index(t, dir)
	state, _, _, err := restore(x.Book("main"))
	require.NoError(t, err)
	require.Equal(t, heldBy(want), heldBy(state))
	require.Equal(t, maps.Collect(want.Counters()), maps.Collect(state.Counters()))
	require.NoError(t, x.Close())

	// A book that is opened again goes on where it was: the month is closed once.
	l = r.open(dir)
	come(t, l, "2026-12-01")
	require.NoError(t, l.Close())
	l = r.open(dir)
	for day := 2; day < 30; day++ {
		come(t, l, domain.Date(fmt.Sprintf("2026-12-%02d", day)))
	}
	want = r.fold()
	require.Empty(t, heldBy(want))
	require.EqualValues(t, 1_000, want.Balance("arcade/payable/KRW").Credits.Units())
	counters := maps.Collect(want.Counters())
	require.True(t, counters["contract:held-2026/volume/2026-11/KRW/provider=studio"].Closed)
	require.False(t, counters["contract:held-2026/volume/2026-12/KRW/provider=studio"].Closed)
	require.EqualValues(t, 0, r.header(l).Holds)
	_, err = r.check(dir)
	require.NoError(t, err)
	replayed(t, do(r.open(dir), book.AdvanceBusinessDate{Book: "main", Date: "2026-12-29"}, book.AdvanceBusinessDate{Book: "main", Date: "2026-11-22"})...)
}

// TestCheckNamesHeldMoneyThatDiffers plants what no checksum sees, each fault alone.
func TestCheckNamesHeldMoneyThatDiffers(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	l := r.open(dir)
	seedHeld(t, l)
	applied(t, do(l, sale("A-1"))...)
	come(t, l, "2026-11-22")
	require.NoError(t, l.Close())
	held := book.Hold{Account: "studio/reserve/KRW", Into: "payable", On: "2026-11-27", Change: money.New(1_000, 0)}
	volume := "contract:held-2026/volume/2026-11/KRW/provider=studio"
	for name, test := range map[string]struct {
		spoil func(header *index.Header, rows *index.Rows, s *book.Snapshot)
		says  string
	}{
		"another amount": {func(_ *index.Header, rows *index.Rows, s *book.Snapshot) {
			h := held
			h.Change = money.New(999, 0)
			s.Holds = slices.Values([]book.Hold{h})
			rows.Holds = []index.Row{{Key: holdName(&h), Value: appendAmount(nil, h.Change)}}
		}, "what account studio/reserve/KRW holds until 2026-11-27 for payable"},
		"another date": {func(_ *index.Header, rows *index.Rows, s *book.Snapshot) {
			h := held
			h.On = "2026-11-28"
			s.Holds = slices.Values([]book.Hold{h})
			rows.Holds = []index.Row{{Key: holdName(&held)}, {Key: holdName(&h), Value: appendAmount(nil, h.Change)}}
		}, "expected 1000, found nothing"},
		"more held": {func(header *index.Header, rows *index.Rows, s *book.Snapshot) {
			h := held
			h.On = "2026-11-28"
			s.Holds = slices.Values([]book.Hold{held, h})
			rows.Holds = []index.Row{{Key: holdName(&h), Value: appendAmount(nil, h.Change)}}
			header.Holds++
		}, "expected nothing, found 1000"},
		"another business date": {func(header *index.Header, _ *index.Rows, s *book.Snapshot) {
			header.BusinessDate, s.BusinessDate = "2026-11-23", "2026-11-23"
		}, "expected 2026-11-22 at revision 1, found 2026-11-23 at revision 1"},
		"a window closed": {func(_ *index.Header, rows *index.Rows, s *book.Snapshot) {
			counted := maps.Collect(s.Counters)[volume]
			counted.Closed = true
			s.Counters = maps.All(map[string]book.Counted{volume: counted})
			rows.Counters = []index.Row{{Key: []byte(volume), Value: appendCounted(nil, counted)}}
		}, "expected 10000, to be closed on 2026-12-01, found 10000, closed"},
		"a hold that nobody counted": {func(_ *index.Header, rows *index.Rows, _ *book.Snapshot) {
			h := held
			h.Into = "fees"
			rows.Holds = []index.Row{{Key: holdName(&h), Value: appendAmount(nil, h.Change)}}
		}, "do not give the state"},
		"a hold that is none": {func(_ *index.Header, rows *index.Rows, _ *book.Snapshot) {
			rows.Holds = []index.Row{{Key: holdName(&held), Value: []byte{0, 0}}}
		}, "as a whole"},
	} {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
			x := r.index(t, copied)
			state, header, _, err := restore(x.Book("main"))
			require.NoError(t, err)
			from := book.Snapshot{
				Count: state.Count(), Recorded: state.Recorded(), BusinessDate: state.BusinessDate(), DateRevision: state.DateRevision(),
				Balances: state.Balances(), Counters: state.Counters(), Holds: state.Holds(),
			}
			var rows index.Rows
			test.spoil(&header, &rows, &from)
			hash := book.Restore(from).Hash()
			header.Hash = hash[:]
			require.NoError(t, x.Book("main").Store(header, rows))
			require.NoError(t, x.Close())
			for range 2 { // it is left as it is
				_, err = r.check(copied)
				require.Equal(t, domain.CodeConflict, domain.CodeOf(err))
				require.ErrorContains(t, err, test.says)
			}
		})
	}
}

func TestRowsOfHeldMoneyAreReadAsWritten(t *testing.T) {
	for _, counted := range []book.Counted{
		{}, {Value: money.New(-5, 2), Days: 30}, {Value: money.New(7, 0), Closes: "2026-12-01"}, {Closes: "2026-12-01", Closed: true},
	} {
		read, err := decodeCounted(appendCounted(nil, counted))
		require.NoError(t, err)
		require.Equal(t, counted, read)
	}
	good := appendCounted(nil, book.Counted{Value: money.New(7, 0), Closes: "2026-12-01"})
	for _, bad := range [][]byte{good[:1], good[:2], good[:len(good)-1], append(slices.Clone(good), '0'), {2, 0, 0, 2, '2'}, {2, 99, 0}, slices.Concat(good[:3], []byte{2}, good[4:])} {
		_, err := decodeCounted(bad)
		require.ErrorIs(t, err, errCounter, "%q", bad)
	}
	hold := book.Hold{Account: "a/reserve/KRW", Into: "payable", On: "2026-12-01", Change: money.New(7, 0)}
	value := appendAmount(nil, hold.Change)
	read, err := decodeHold(string(holdName(&hold)), value)
	require.NoError(t, err)
	require.Equal(t, hold, read)
	for name, value := range map[string][]byte{"a/reserve/KRW": value, "a\x002026-12-01": value, string(holdName(&hold)): {1, 0}} {
		_, err = decodeHold(name, value)
		require.ErrorIs(t, err, errHold, "%q", name)
	}
	for _, bad := range [][]byte{nil, value[:1], append(slices.Clone(value), 0), {2, 99}} {
		_, err = decodeHold(string(holdName(&hold)), bad)
		require.ErrorIs(t, err, errHold, "%q", bad)
	}
}
