package ledger_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

func posting(account string, side ledger.Side, units int64) ledger.Posting {
	return ledger.Posting{Account: ledger.AccountID(account), Side: side, Amount: money.New(units, 2)}
}

const dr, cr = ledger.Debit, ledger.Credit

func TestAccount(t *testing.T) {
	account := ledger.Account("studio-7", "payable", "KRW")
	require.Equal(t, ledger.AccountID("studio-7/payable/KRW"), account)
	owner, purpose, currency := account.Split()
	require.Equal(t, []string{"studio-7", "payable", "KRW"}, []string{owner, purpose, string(currency)})
	for _, bad := range []ledger.AccountID{"", "a", "a/b", "a/b/", "/b/KRW", "a//KRW", "a/b/c/KRW", "//"} {
		_, _, _, ok := bad.Parts()
		require.False(t, ok, bad)
	}
}

func TestBalanced(t *testing.T) {
	for name, c := range map[string]struct {
		postings []ledger.Posting
		code     domain.Code
		field    string
	}{
		"nothing":            {nil, "", ""},
		"two legs":           {[]ledger.Posting{posting("a/p/USD", dr, 100), posting("b/p/USD", cr, 100)}, "", ""},
		"other digits":       {[]ledger.Posting{posting("a/p/USD", dr, 100), {Account: "b/p/USD", Side: cr, Amount: money.New(1, 0)}}, "", ""},
		"three currencies":   {[]ledger.Posting{posting("a/p/USD", dr, 1), posting("b/p/USD", cr, 1), posting("a/p/EUR", dr, 2), posting("b/p/EUR", cr, 2), posting("a/p/GBP", cr, 3), posting("b/p/GBP", dr, 3)}, "", ""},
		"one cent off":       {[]ledger.Posting{posting("a/p/USD", dr, 100), posting("b/p/USD", cr, 99)}, domain.CodeInvalid, "postings"},
		"across currencies":  {[]ledger.Posting{posting("a/p/USD", dr, 100), posting("b/p/EUR", cr, 100)}, domain.CodeInvalid, "postings"},
		"one leg":            {[]ledger.Posting{posting("a/p/USD", dr, 100)}, domain.CodeInvalid, "postings"},
		"zero leg":           {[]ledger.Posting{posting("a/p/USD", dr, 0)}, domain.CodeInvalid, "postings[0].amount"},
		"negative leg":       {[]ledger.Posting{posting("a/p/USD", dr, 1), posting("a/p/USD", dr, -1)}, domain.CodeInvalid, "postings[1].amount"},
		"no account":         {[]ledger.Posting{posting("a/USD", dr, 1)}, domain.CodeInvalid, "postings[0].account"},
		"more than fits":     {[]ledger.Posting{posting("a/p/USD", dr, math.MaxInt64), posting("b/p/USD", dr, math.MaxInt64)}, domain.CodeOutOfRange, "amount"},
		"both sides of one":  {[]ledger.Posting{posting("a/p/USD", dr, 5), posting("a/p/USD", cr, 5)}, "", ""},
		"last currency only": {[]ledger.Posting{posting("a/p/USD", dr, 1), posting("b/p/USD", cr, 1), posting("a/p/EUR", dr, 2), posting("b/p/EUR", cr, 2), posting("a/p/GBP", cr, 3)}, domain.CodeInvalid, "postings"},
	} {
		err := ledger.Balanced(c.postings)
		require.Equal(t, c.code, domain.CodeOf(err), name)
		if err != nil {
			var fault *domain.Error
			require.ErrorAs(t, err, &fault)
			require.Equal(t, c.field, fault.Field, name)
		}
	}
}

func TestBalance(t *testing.T) {
	b, err := ledger.Balance{}.Add(cr, money.New(500, 2))
	require.NoError(t, err)
	b, err = b.Add(dr, money.New(120, 2))
	require.NoError(t, err)
	net, side, err := b.Net()
	require.NoError(t, err)
	require.Equal(t, "3.80 credit", net.String()+" "+side.String())
	net, err = b.NetOn(dr)
	require.NoError(t, err)
	require.Equal(t, "-3.80", net.String())
	require.Equal(t, "1.20", b.Total(dr).String())
	require.True(t, b.Equal(ledger.Balance{Debits: money.New(12, 1), Credits: money.New(5, 0)}))
	require.False(t, b.Equal(ledger.Balance{Debits: money.New(5, 0), Credits: money.New(12, 1)}))

	full := ledger.Balance{Debits: money.New(math.MaxInt64, 0)}
	same, err := full.Add(dr, money.New(1, 0))
	require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err))
	require.Equal(t, full.Credits, same.Credits)
	_, side, err = ledger.Balance{}.Net()
	require.NoError(t, err)
	require.Equal(t, dr, side)
}

func TestReverseUndoesAnEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entry := rapid.SliceOfN(postings, 0, 8).Draw(t, "entry")
		reversed := ledger.Reverse(entry)
		require.Equal(t, entry, ledger.Reverse(reversed))
		require.Equal(t, ledger.Balanced(entry) == nil, ledger.Balanced(reversed) == nil)
		require.NoError(t, ledger.Balanced(append(entry, reversed...)), "an entry and its reversal are nothing together")
	})
}

var postings = rapid.Custom(func(t *rapid.T) ledger.Posting {
	return ledger.Posting{
		Account: ledger.Account(rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "owner"), "payable", rapid.SampledFrom([]money.Currency{"USD", "KRW", "KWD"}).Draw(t, "currency")),
		Side:    ledger.Side(rapid.Uint8Range(0, 1).Draw(t, "side")),
		Amount:  money.New(rapid.Int64Range(1, 1_000_000).Draw(t, "units"), rapid.Uint8Range(0, 4).Draw(t, "scale")),
	}
})

func TestPostingJSON(t *testing.T) {
	text, err := json.Marshal([]ledger.Posting{posting("pg/receivable/USD", dr, 1250), posting("a&<b>\"é/p/USD", cr, 5)})
	require.NoError(t, err)
	require.Equal(t, `[{"account":"pg/receivable/USD","debit":"12.50"},{"account":"a\u0026\u003cb\u003e\"é/p/USD","credit":"0.05"}]`, string(text))

	for _, c := range []struct {
		text string
		want ledger.Posting
	}{
		{`{"account":"pg/receivable/USD","debit":"12.50"}`, posting("pg/receivable/USD", dr, 1250)},
		{` { "credit" : "12.50", "account" : "pg\/receivable\u002fUSD" } `, posting("pg/receivable/USD", cr, 1250)},
		{`{"account":"a","debit":null,"credit":"0.01"}`, posting("a", cr, 1)},
		{`{"account":"é","debit":"0.01"}`, posting("é", dr, 1)},
	} {
		var got ledger.Posting
		require.NoError(t, json.Unmarshal([]byte(c.text), &got), c.text)
		require.Equal(t, c.want, got, c.text)
	}
	for _, bad := range []string{
		`{"account":"a","debit":"1","credit":"1"}`, `{"account":"a"}`, `{"account":"a","debit":1}`, `{"account":"a","debit":"x"}`,
		`{"account":"a","debit":"1","note":""}`, `[]`, `"a"`, `{"account":"a","debit":"1","debit":"-"}`, `{"account":1,"debit":"1"}`,
	} {
		got := posting("z/p/USD", cr, 7)
		require.Error(t, json.Unmarshal([]byte(bad), &got), bad)
		require.Equal(t, posting("z/p/USD", cr, 7), got, "a refused posting leaves the old one alone")
	}
}

// FuzzPosting holds the reading by hand against encoding/json.
func FuzzPosting(f *testing.F) {
	for _, seed := range []string{
		`{"account":"pg/receivable/USD","debit":"12.50"}`, `{"account":"a","credit":"0.01"}`, `{"account":"a","debit":"1","credit":"1"}`,
		`{"account":"a\"","debit":"1"}`, `{"account":"","debit":"-1"}`, `{"account":"a","debit":"1"} `, `{"account":"a","debit":"1","x":"2"}`, `{"account":"a","debit":"1"}"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got ledger.Posting
		err := json.Unmarshal(text, &got)
		var plain map[string]any
		if json.Unmarshal(text, &plain) != nil {
			if err == nil && string(text) != "null" {
				t.Fatalf("accepted %q, which is no object", text)
			}
			return
		}
		if err != nil {
			return
		}
		side := got.Side.String()
		if len(plain) != 2 {
			return // null, which leaves a value as it is, and keys that differ in case only
		}
		for name, value := range plain {
			switch text, _ := value.(string); {
			case strings.EqualFold(name, "account") && (value == nil || text == string(got.Account)):
			case strings.EqualFold(name, side) && sameAmount(text, got.Amount):
			case value == nil && (strings.EqualFold(name, "debit") || strings.EqualFold(name, "credit")):
			default:
				t.Fatalf("%q was read as %+v", text, got)
			}
		}
		written, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var again ledger.Posting
		if err := json.Unmarshal(written, &again); err != nil || again != got {
			t.Fatalf("%q was written as %q and read back as %+v (%v)", text, written, again, err)
		}
	})
}

func sameAmount(text string, amount money.Amount) bool {
	parsed, err := money.Parse(text)
	return err == nil && parsed == amount
}
