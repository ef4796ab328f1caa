package collect_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/eventstore/memory"
	"github.com/jeongsan/jeongsan/internal/terms"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger is a whole write side over a log in memory.
type ledger struct {
	t        testing.TB
	store    *memory.Store
	keys     *keyring.Keyring
	door     *command.Local
	pipeline *collect.Pipeline
}

func newLedger(t testing.TB) *ledger {
	t.Helper()
	ctx := context.Background()
	l := &ledger{t: t, store: memory.New()}
	t.Cleanup(func() { require.NoError(t, l.store.Close()) })
	identity, err := eventstore.Identify(ctx, l.store)
	require.NoError(t, err)
	l.keys, err = keyring.Open(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	quiet := slog.New(slog.DiscardHandler)
	l.door, err = command.Open(ctx, command.Config{Store: l.store, Identity: identity, Keys: l.keys, IndexDir: filepath.Join(t.TempDir(), "index"), Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.door.Close()) })
	l.pipeline = l.through(l.door, 0)
	return l
}

func (l *ledger) through(door command.Door, batch int) *collect.Pipeline {
	return collect.NewPipeline(collect.Config{Door: door, Store: l.store, Keys: l.keys, Batch: batch, Patience: 2 * time.Second})
}

// apply brings a terms file into the log.
func (l *ledger) apply(name, text string) {
	l.t.Helper()
	commands, err := terms.Parse(name, []byte(text))
	require.NoError(l.t, err)
	for _, c := range commands {
		reply := l.door.Do(context.Background(), command.Request{Command: c, Meta: eventstore.Meta{Actor: "test", Authenticated: "none"}})
		require.NoError(l.t, reply[0].Err, "%+v", c)
	}
}

func (l *ledger) applyFile(path string) {
	l.t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(l.t, err)
	l.apply(path, string(text))
}

func (l *ledger) ingest(d *collect.Definition, data string) (collect.Report, error) {
	l.t.Helper()
	report, err := l.pipeline.Ingest(context.Background(), d, delivery(data), nil)
	l.addsUp(report)
	return report, err
}

// must ingests what is not refused.
func (l *ledger) must(d *collect.Definition, data string) collect.Report {
	l.t.Helper()
	report, err := l.ingest(d, data)
	require.NoError(l.t, err)
	return report
}

// addsUp is law 4.
func (l *ledger) addsUp(r collect.Report) {
	l.t.Helper()
	sum, ok := r.Counts.Sum()
	require.True(l.t, ok)
	require.Equal(l.t, r.Counts.Read, sum, "%+v", r.Counts)
}

// events is the number of events in the log.
func (l *ledger) events() int {
	l.t.Helper()
	n := 0
	for _, err := range l.store.ReadAll(context.Background(), eventstore.Start) {
		require.NoError(l.t, err)
		n++
	}
	return n
}

// stream returns the decoded events of a stream.
func (l *ledger) stream(id domain.StreamID) []domain.Event {
	l.t.Helper()
	var out []domain.Event
	for r, err := range l.store.ReadStream(context.Background(), id, eventstore.Forwards, 0, eventstore.Unlimited) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
			return nil
		}
		require.NoError(l.t, err)
		event, err := eventstore.Decode(r)
		require.NoError(l.t, err)
		out = append(out, event)
	}
	return out
}

// settlements returns the settlements of a book by external id.
func (l *ledger) settlements(id string) map[string]book.TransactionSettled {
	l.t.Helper()
	out := map[string]book.TransactionSettled{}
	for _, event := range l.stream(domain.Stream(book.Category, id)) {
		s := event.(book.TransactionSettled)
		_, twice := out[s.ExternalID]
		require.False(l.t, twice, "%s settled twice", s.ExternalID)
		out[s.ExternalID] = s
	}
	return out
}

// quarantine lists what is open, with raw bytes.
func (l *ledger) quarantine(source string, filter collect.Filter) []collect.Entry {
	l.t.Helper()
	var out []collect.Entry
	for entry, err := range collect.List(context.Background(), l.store, l.keys, source, filter) {
		require.NoError(l.t, err)
		out = append(out, entry)
	}
	return out
}

func delivery(data string) *collect.Delivery {
	return collect.NewDelivery("test.data", strings.NewReader(data), int64(len(data)))
}

func parse(t testing.TB, yaml string) *collect.Definition {
	t.Helper()
	d, err := collect.ParseDefinition("test.yaml", []byte(yaml))
	require.NoError(t, err)
	return d
}

func example(t testing.TB, path string) *collect.Definition {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "examples", path))
	require.NoError(t, err)
	d, err := collect.ParseDefinition(path, text)
	require.NoError(t, err)
	return d
}

// shop is a small CSV source with its terms.
const shop = `
source: shop
format: { csv: { columns: [id, at, type, seller, currency, amount, refund_of, sent] } }
identity: { id: row.id }
volatile: [sent]
transaction:
  book: '"shop"'
  type: row.type
  occurred_at: time(row.at, "%Y-%m-%d %H:%M", "Asia/Seoul")
  currency: row.currency
  amount: row.amount
  original: row.refund_of
  parties: { seller: row.seller }
ignore:
  - { rule: test_order, when: 'row.id.startsWith("T")' }
`

const shopTerms = `
parties:
  - { party: shop, kind: operator }
  - { party: pg, kind: supplier }
  - { party: mina, kind: seller }
schedules:
  - schedule: std
    version: 1
    effective_from: 2026-01-01
    funds: { role: gateway }
    rounding_difference: { role: operator, purpose: rounding }
    rules:
      - { id: fee, to: { role: operator }, percent: 10 }
      - { id: rest, to: { role: seller }, rest: true }
contracts:
  - contract: c1
    book: shop
    schedule: std
    zone: Asia/Seoul
    from: 2026-01-01
    parties: { operator: shop, gateway: pg }
    applies: { types: [sale, refund] }
`

const shopHeader = "id,at,type,seller,currency,amount,refund_of,sent\n"

func openShop(t testing.TB) (*ledger, *collect.Definition) {
	l := newLedger(t)
	l.apply("terms.yaml", shopTerms)
	return l, parse(t, shop)
}

// rows builds a CSV delivery of the shop.
func rows(lines ...string) string {
	var b bytes.Buffer
	b.WriteString(shopHeader)
	for _, line := range lines {
		fmt.Fprintln(&b, line)
	}
	return b.String()
}

func sale(id, amount string) string {
	return id + ",2026-11-22 10:00,sale,mina,USD," + amount + ",,s1"
}
