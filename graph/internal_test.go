package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/graph/hub"
	"github.com/jeongsan/jeongsan/graph/scalar"
	"github.com/jeongsan/jeongsan/internal/testkit"
)

func TestWritten(t *testing.T) {
	for _, test := range []struct {
		number   string
		currency money.Currency
		want     scalar.Decimal
	}{
		{"12.5", "USD", "12.50"}, {"12", "USD", "12.00"}, {"1200", "KRW", "1200"}, {"0.001", "GBP", "0.001"}, {"0.0010", "GBP", "0.001"},
		{"-3.10", "GBP", "-3.10"}, {"1e3", "KRW", "1000"}, {"0", "KWD", "0.000"}, {"9747747.934", "GBP", "9747747.934"}, {"5.00", "KRW", "5"},
	} {
		require.Equal(t, test.want, written(decimal.RequireFromString(test.number), test.currency), test.number)
	}
	amount, on := difference(decimal.RequireFromString("1.5"), decimal.RequireFromString("4"), "USD")
	require.Equal(t, scalar.Decimal("2.50"), amount)
	require.Equal(t, generated.SideCredit, *on)
	amount, on = difference(decimal.NewFromInt(4), decimal.NewFromInt(4), "USD")
	require.Equal(t, scalar.Decimal("0.00"), amount)
	require.Nil(t, on)
}

func TestCursors(t *testing.T) {
	cursor := encodeCursor("things", "a", `"b"`, "")
	parts, err := decodeCursor("things", &cursor, 3)
	require.NoError(t, err)
	require.Equal(t, []string{"a", `"b"`, ""}, parts)
	parts, err = decodeCursor("things", nil, 3)
	require.NoError(t, err)
	require.Nil(t, parts)
	for _, wrong := range []string{"", "!", cursor[:5], cursor + "A", encodeCursor("other", "a", "b", "c"), encodeCursor("things", "a")} {
		_, err = decodeCursor("things", &wrong, 3)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), wrong)
	}
}

// TestContentHash holds the canonical form fixed: a changed hash would make old
// keys conflict with their own content.
func TestContentHash(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	input := generated.SettleInput{
		Source: "pg", ExternalID: "t-1", Book: "seoul", Type: "sale", OccurredAt: at, Currency: "USD", Amount: "12.5",
		Parties: []*generated.RolePartyInput{{Role: "provider", Party: "studio"}, {Role: "affiliate", Party: "agent"}},
	}
	wish, err := settlement(input)
	require.NoError(t, err)
	require.Equal(t, "1:11eebebd28c5873ab99826fa60082598", wish.Transaction.ContentHash)

	same := input
	same.Amount, same.OccurredAt = "12.500", at.In(time.FixedZone("KST", 9*3600))
	same.Parties = []*generated.RolePartyInput{input.Parties[1], input.Parties[0]}
	same.SettleUnmatched = new(true) // how to treat it is not what it is
	other, err := settlement(same)
	require.NoError(t, err)
	require.Equal(t, wish.Transaction.ContentHash, other.Transaction.ContentHash)

	for name, change := range map[string]func(*generated.SettleInput){
		"book": func(i *generated.SettleInput) { i.Book = "busan" }, "type": func(i *generated.SettleInput) { i.Type = "win" },
		"method": func(i *generated.SettleInput) { i.Method = new("card") }, "product": func(i *generated.SettleInput) { i.Product = new("x") },
		"parties": func(i *generated.SettleInput) { i.Parties = nil }, "currency": func(i *generated.SettleInput) { i.Currency = "EUR" },
		"amount": func(i *generated.SettleInput) { i.Amount = "12.51" }, "original": func(i *generated.SettleInput) { i.OriginalID = new("t-0") },
		"time": func(i *generated.SettleInput) { i.OccurredAt = at.Add(time.Second) },
	} {
		changed := input
		change(&changed)
		other, err := settlement(changed)
		require.NoError(t, err)
		require.NotEqual(t, wish.Transaction.ContentHash, other.Transaction.ContentHash, name)
	}
}

func TestClassify(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		code domain.Code
	}{
		"domain":          {fmt.Errorf("x: %w", &domain.Error{Code: domain.CodeConflict}), domain.CodeConflict},
		"internal":        {&domain.Error{Code: domain.CodeInternal}, ""},
		"store away":      {&eventstore.Error{Code: eventstore.CodeUnavailable}, domain.CodeUnavailable},
		"no stream":       {&eventstore.Error{Code: eventstore.CodeStreamNotFound}, domain.CodeNotFound},
		"store damaged":   {&eventstore.Error{Code: eventstore.CodeDamaged}, ""},
		"database away":   {fmt.Errorf("x: %w", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}), domain.CodeUnavailable},
		"database closes": {&pgconn.PgError{Code: "57P01"}, domain.CodeUnavailable},
		"bad SQL":         {&pgconn.PgError{Code: "42703"}, ""},
		"given up":        {context.Canceled, codeCanceled},
		"out of time":     {context.DeadlineExceeded, domain.CodeUnavailable},
		"anything":        {errors.New("x"), ""},
	} {
		known := classify(test.err)
		if test.code == "" {
			require.Nil(t, known, name)
			continue
		}
		require.Equal(t, test.code, known.Code, name)
	}
}

// TestPushGivesUpOnWhoDoesNotRead has nobody take the first message.
func TestPushGivesUpOnWhoDoesNotRead(t *testing.T) {
	h := hub.New(hub.Config{Pool: testkit.Database(t), Logger: slog.New(slog.DiscardHandler)})
	follower := h.Follow("kim", 7)
	defer follower.Close()
	r := &Resolver{hub: h, slowAfter: 20 * time.Millisecond}
	delivered, err := r.push(context.Background(), follower, make(chan *generated.BalanceChange))
	require.Equal(t, codeSlowSubscriber, domain.CodeOf(err))
	require.EqualValues(t, 7, delivered, "what was not taken is not delivered")

	shown := r.present(context.Background(), &endOfStream{r.token(delivered), err})
	require.Equal(t, codeSlowSubscriber, shown.Extensions["code"])
	require.Equal(t, r.token(7).String(), shown.Extensions["cursor"])
}

// TestStreamCutsOffWhoDoesNotRead writes to a peer that never reads.
func TestStreamCutsOffWhoDoesNotRead(t *testing.T) {
	failed := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s := newStream(w, 50*time.Millisecond)
		defer s.close()
		for {
			if _, err := s.Write([]byte(strings.Repeat("x", 1<<16))); err != nil {
				failed <- err
				return
			}
		}
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	require.NoError(t, err)
	require.ErrorIs(t, <-failed, os.ErrDeadlineExceeded)

	late := newStream(httptest.NewRecorder(), time.Second)
	_, err = late.Write([]byte("x"))
	require.NoError(t, err)
	late.Flush()
	late.close()
	_, err = late.Write([]byte("x"))
	require.ErrorIs(t, err, errStreamClosed)
	late.Flush()
}
