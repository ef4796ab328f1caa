package scalar

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Decimal is an exact decimal number in its written form.
type Decimal string

// MarshalDecimal writes the number as a JSON string.
func MarshalDecimal(d Decimal) graphql.Marshaler { return quoted(string(d)) }

// UnmarshalDecimal accepts a string, or a whole number written without quotes.
// A number with a point must be quoted: JSON readers would round it.
func UnmarshalDecimal(v any) (Decimal, error) {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
		if _, err := strconv.ParseInt(s, 10, 64); err != nil {
			return "", refuse("decimal", s, `write it as a string, as "-1234.50": numbers with a point lose digits on the way`)
		}
	case int64:
		s = strconv.FormatInt(v, 10)
	default:
		return "", refuse("decimal", v, `write it as a string, as "-1234.50": numbers with a point lose digits on the way`)
	}
	if _, err := money.Parse(s); err != nil {
		return "", refuse("decimal", s, `write digits with an optional leading minus and one decimal point, as "-1234.50"`)
	}
	return Decimal(s), nil
}

// Amount returns the number as an amount.
func (d Decimal) Amount() (money.Amount, error) { return money.Parse(string(d)) }

// MarshalInt64 writes a whole number.
func MarshalInt64(n int64) graphql.Marshaler { return graphql.MarshalInt64(n) }

// UnmarshalInt64 accepts a whole number of up to 64 bits.
func UnmarshalInt64(v any) (int64, error) {
	n, err := graphql.UnmarshalInt64(v)
	if err != nil {
		return 0, refuse("whole number", v, "write digits with an optional leading minus, as 17")
	}
	return n, nil
}

// MarshalCurrency writes the currency's code.
func MarshalCurrency(c money.Currency) graphql.Marshaler { return quoted(string(c)) }

// UnmarshalCurrency accepts an ISO 4217 code in capitals.
func UnmarshalCurrency(v any) (money.Currency, error) {
	s, ok := v.(string)
	if !ok {
		return "", refuse("currency", v, `write its ISO 4217 code, as "KRW"`)
	}
	return money.ParseCurrency(s)
}

// MarshalDate writes a calendar date.
func MarshalDate(d domain.Date) graphql.Marshaler { return quoted(string(d)) }

// UnmarshalDate accepts 2026-11-22 and nothing else.
func UnmarshalDate(v any) (domain.Date, error) {
	s, ok := v.(string)
	if !ok {
		return "", refuse("date", v, `write it as "2026-11-22"`)
	}
	return domain.ParseDate("date", s)
}

// MarshalDateTime writes an instant in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return quoted(t.UTC().Format(time.RFC3339Nano))
}

// UnmarshalDateTime accepts an RFC 3339 instant with its zone.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if ok {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, refuse("instant", v, `write it with its zone, as "2026-11-22T09:30:00Z"`)
}

// MarshalPosition writes the token of a position.
func MarshalPosition(t eventstore.Token) graphql.Marshaler { return quoted(t.String()) }

// UnmarshalPosition accepts the token of a position. Whether it belongs to this
// log is for the resolver to check.
func UnmarshalPosition(v any) (eventstore.Token, error) {
	s, ok := v.(string)
	if !ok {
		return eventstore.Token{}, refuse("position", v, "hand back a position or cursor as an answer gave it")
	}
	return eventstore.ParseToken(s)
}

// MarshalJSON writes a JSON value as it is, null where it is empty.
func MarshalJSON(raw json.RawMessage) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		if len(raw) == 0 || !json.Valid(raw) {
			raw = json.RawMessage("null")
		}
		write(w, raw)
	})
}

// UnmarshalJSON accepts any value.
func UnmarshalJSON(v any) (json.RawMessage, error) { return json.Marshal(v) }

func quoted(s string) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		b, err := json.Marshal(s)
		if err != nil {
			b = []byte("null") // a string always encodes
		}
		write(w, b)
	})
}

// write leaves errors to the transport: it writes to a buffer, which takes all.
func write(w io.Writer, b []byte) { _, _ = w.Write(b) }

func refuse(what string, v any, remedy string) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: what, Value: fmt.Sprint(v), Message: "not a valid " + what, Remedy: remedy}
}
