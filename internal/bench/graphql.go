package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/domain"
)

// graphqlCallers is how many callers settle at once where nothing else is asked.
const graphqlCallers = 64

// graphql settles one transaction per mutation: with many callers, then with one.
func (b *bench) graphql(ctx context.Context, r *result) (err error) {
	l, err := b.open(ctx, "graphql", Need{Projections: true, HTTP: true}, b.load())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(l)) }()
	callers := b.callers(graphqlCallers)
	flush, err := flushes(b.config.Dir, b.flushTime())
	if err != nil {
		return err
	}
	var next atomic.Uint64
	// A server that has just started answers its first requests slowly.
	if _, err := l.mutate(ctx, &next, callers, b.config.Duration/10); err != nil {
		return err
	}
	before, err := l.stored(ctx)
	if err != nil {
		return err
	}
	b.say("graphql: %d callers for %s", callers, b.config.Duration)
	stop := l.tap.start(l.Runner)
	var took *sample
	m, err := b.measure(postmaster(l.Postgres), func() (err error) {
		took, err = l.mutate(ctx, &next, callers, b.config.Duration)
		return err
	})
	if err == nil {
		err = l.catchUp(ctx)
	}
	stop()
	if err != nil {
		return err
	}
	after, err := l.stored(ctx)
	if err != nil {
		return err
	}
	r.add("callers", float64(callers), "")
	r.add("settlements_per_second", rate(took.total, m.took), "/s")
	r.percentiles("answer", took)
	r.percentiles("durable_to_visible", l.tap.spread())
	r.used(m.used, took.total, true)
	r.peak(m.peak, true)
	after.report(r, before, took.total, true)

	b.say("graphql: one caller for %s", b.config.Duration/2)
	if took, err = l.mutate(ctx, &next, 1, b.config.Duration/2); err != nil {
		return err
	}
	r.percentiles("one_caller_answer", took)
	r.add("flush_p50", milliseconds(flush.at(0.5)), "ms")
	r.add("one_caller_less_flush_p50", milliseconds(took.at(0.5)-flush.at(0.5)), "ms")
	return nil
}

// catchUp waits until all that is in the log can be seen.
func (l *ledger) catchUp(ctx context.Context) error {
	position, err := l.Store.LastPosition(ctx)
	if err != nil {
		return err
	}
	return l.await(ctx, position)
}

// mutate settles with so many callers, each one at a time, for a while. The
// sample holds how long each answer took.
func (l *ledger) mutate(ctx context.Context, next *atomic.Uint64, callers int, during time.Duration) (*sample, error) {
	return l.ask(ctx, callers, during, func(body []byte) []byte { return l.load.mutation(body, next.Add(1)-1) }, `"outcome":"APPLIED"`)
}

// ask sends bodies over so many connections, each one request at a time. An
// answer that does not hold want is an error. A body may use the buffer given.
func (l *ledger) ask(ctx context.Context, callers int, during time.Duration, body func(buffer []byte) []byte, want string) (*sample, error) {
	address, err := url.Parse(l.URL)
	if err != nil {
		return nil, err
	}
	all := &sample{}
	var mu sync.Mutex
	err = l.during(ctx, func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		end := time.Now().Add(during)
		for range callers {
			group.Go(func() error {
				c, err := dial(ctx, address.Host)
				if err != nil {
					return err
				}
				defer context.AfterFunc(ctx, c.interrupt)()
				own := &sample{}
				for err == nil && ctx.Err() == nil && time.Now().Before(end) {
					started := time.Now()
					c.body = body(c.body[:0])
					if err = c.post(want); err == nil {
						own.add(time.Since(started), 1)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				all.join(own)
				return errors.Join(err, c.close())
			})
		}
		return group.Wait()
	})
	if err == nil && all.total == 0 {
		err = errors.New("no answer came in time: give a longer --duration")
	}
	return all, err
}

// caller is a client on a connection of its own that it keeps. It does no more
// than a client must, as it shares the machine with the server.
type caller struct {
	conn   net.Conn
	reader *bufio.Reader
	host   string
	body   []byte
	head   []byte
	answer bytes.Buffer
}

func dial(ctx context.Context, host string) (*caller, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	return &caller{conn: conn, reader: bufio.NewReader(conn), host: host}, nil
}

func (c *caller) interrupt() {
	// A connection that cannot take a deadline is broken, which its user finds out.
	_ = c.conn.SetDeadline(time.Unix(1, 0))
}

func (c *caller) close() error { return c.conn.Close() }

// post sends the body as a GraphQL request and reads the whole answer.
func (c *caller) post(want string) error {
	c.head = append(c.head[:0], "POST /graphql HTTP/1.1\r\nHost: "...)
	c.head = append(c.head, c.host...)
	c.head = append(c.head, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	c.head = strconv.AppendInt(c.head, int64(len(c.body)), 10)
	c.head = append(c.head, "\r\n\r\n"...)
	c.head = append(c.head, c.body...)
	if _, err := c.conn.Write(c.head); err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	c.answer.Reset()
	_, err = c.answer.ReadFrom(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read an answer: %w", err)
	}
	if response.StatusCode != http.StatusOK || !bytes.Contains(c.answer.Bytes(), []byte(want)) {
		return &domain.Error{Code: domain.CodeInternal, Field: "answer", Value: c.answer.String(), Message: "the server answered " + response.Status + " with something else than " + want}
	}
	return nil
}

const settleMutation = `{"query":"mutation Settle($input: SettleInput!) { settle(input: $input) { outcome position userErrors { code message } } }","variables":{"input":{"source":"` + sourceID + `","book":"` + bookID + `","type":"sale","currency":"` + string(currency) + `","externalId":"`

// mutation appends transaction i as the body of a request.
func (l *load) mutation(b []byte, i uint64) []byte {
	t := l.command(i).Transaction
	b = append(append(b, settleMutation...), t.ExternalID...)
	b = append(append(b, `","method":"`...), t.Method...)
	b = append(append(b, `","product":"`...), t.Product...)
	b = append(b, `","occurredAt":"`...)
	b = t.OccurredAt.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","amount":"`...)
	b = t.Amount.Append(b)
	b = append(b, `","parties":[`...)
	for i, role := range []string{"provider", "affiliate", "credit_supplier"} {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"role":"`...), role...)
		b = append(append(b, `","party":"`...), t.Parties[role]...)
		b = append(b, `"}`...)
	}
	return append(b, `]}}}`...)
}
