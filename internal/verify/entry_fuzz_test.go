package verify

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"
)

// plainEntry is an entry as encoding/json reads it.
type plainEntry struct {
	Source     string    `json:"source"`
	ExternalID string    `json:"external_id"`
	Type       string    `json:"type"`
	Currency   string    `json:"currency"`
	Amount     string    `json:"amount"`
	OccurredAt time.Time `json:"occurred_at"`
	Version    uint64    `json:"version"`
	Parties    map[string]string
	Uses       map[string]uint64
	Postings   []struct{ Account, Debit, Credit string }
}

// FuzzEntry reads settlements with the hand-written decoder and with encoding/json:
// where the first accepts one, the second must read the same.
func FuzzEntry(f *testing.F) {
	for _, data := range []object{sale("A-1"), refund("정산 \"quoted\"\n\u2028", "A-1", 0), zero("Z"), reversal("X", "A", 1)} {
		raw, err := json.Marshal(data)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fold := newFold()
		for _, party := range []string{"studio", "card", "arcade"} {
			fold.registered[party] = true
		}
		e := &event{stream: &stream{name: "book-main", category: "book", id: "main"}, data: text}
		b := &book{id: "main", accounts: map[string]*account{}}
		if err := fold.decodeEntry(e, b); err != nil || !utf8.Valid(text) {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("accepted what is no JSON: %s", text)
		}
		members, plain := map[string]json.RawMessage{}, plainEntry{}
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if err := json.Unmarshal(text, &plain); err != nil {
			return // other members than ours that differ in case only, or others of another kind
		}
		n := &e.entry
		same := func(name, ours, theirs string) {
			if _, exact := members[name]; exact && ours != theirs {
				t.Fatalf("%s: %q and %q in %s", name, ours, theirs, text)
			}
		}
		same("source", n.source, plain.Source)
		same("external_id", string(n.externalID), plain.ExternalID)
		same("type", n.typ, plain.Type)
		same("currency", n.currency, plain.Currency)
		same("version", strconv.FormatUint(n.version, 10), strconv.FormatUint(plain.Version, 10))
		same("occurred_at", n.occurredAt.String(), plain.OccurredAt.String())
		if want, _, ok := parseFigure([]byte(plain.Amount)); ok {
			same("amount", n.amount.String(), want.String())
		}
	})
}
