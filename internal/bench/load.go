package bench

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
)

// The names of the measured platform.
const (
	bookID   = "hangang"
	sourceID = "hangang-gateway"
	currency = money.Currency("KRW")
)

// The forms of the ids that the source gives.
const (
	idsSerial = "serial" // a date and a number that counts up, as most order systems give
	idsUUID   = "uuid"   // version 4: no order at all
)

// perDay is how many transactions happen on one day of the load.
const perDay = 100_000

// load is a deterministic stream of sales: transaction i is the same on every run
// with the same seed. Under four rules each settles with five postings: the
// supplier who collected the money is debited; the provider's share, the
// supplier's fee, the affiliate's commission and the platform's rest are credited.
// It is immutable and safe for concurrent use.
type load struct {
	seed uint64
	ids  string
	deal deal

	providers, affiliates, suppliers, products []string
}

// most suppliers of credit: there are few, and their accounts are hot in any load.
const mostSuppliers = 4

// newLoad makes a load over so many distinct partner accounts, half of providers
// and half of affiliates. With one, a single provider, affiliate and supplier
// take part in every transaction. Of so many products each transaction names one.
func newLoad(seed uint64, ids string, accounts, products int) *load {
	half := max(1, accounts/2)
	return &load{
		seed: seed, ids: ids, deal: fourRules(), products: names("category", products),
		providers: names("studio", half), affiliates: names("streamer", half), suppliers: names("credit", min(mostSuppliers, max(1, accounts))),
	}
}

func names(kind string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s-%05d", kind, i)
	}
	return list
}

// deal is what is agreed between the parties of a load.
type deal struct {
	schedule fee.Document
	// parties are those that the contract names, by role, which is their kind too.
	parties map[string]string
}

// fourRules is the deal of every scenario that does not say otherwise.
func fourRules() deal {
	return deal{
		schedule: fee.Document{
			Schedule: "hangang-standard", Version: 1, EffectiveFrom: "2026-01-01",
			Funds: fee.Target{Role: "credit_supplier", Purpose: "receivable"},
			Rules: []fee.Rule{
				{ID: "provider_share", To: fee.Target{Role: "provider"}, Percent: "70", Priority: 10},
				{ID: "credit_fee", To: fee.Target{Role: "credit_supplier", Purpose: "fee"}, Percent: "2.75", Priority: 20},
				{ID: "affiliate_commission", To: fee.Target{Role: "affiliate"}, Percent: "5", Of: "remaining", Priority: 30},
				{ID: "platform_rest", To: fee.Target{Role: "platform"}, Rest: true},
			},
		},
		parties: map[string]string{"platform": platformID},
	}
}

const platformID = "ledger-platform"

// terms returns the commands that register the parties, which are independent of
// each other, and those that publish schedule and contract, in order.
func (l *load) terms() (parties, terms []domain.Command) {
	register := func(kind party.Kind, ids ...string) {
		for _, id := range ids {
			parties = append(parties, party.RegisterParty{Party: id, Kind: kind, Country: "KR"})
		}
	}
	for _, role := range slices.Sorted(maps.Keys(l.deal.parties)) {
		register(party.Kind(role), l.deal.parties[role])
	}
	register(party.Supplier, l.suppliers...)
	register(party.Provider, l.providers...)
	register(party.Affiliate, l.affiliates...)
	terms = []domain.Command{
		schedule.PublishSchedule{Document: l.deal.schedule},
		contract.SignContract{Terms: contract.Terms{
			Contract: "hangang-sales", Book: bookID, Schedule: l.deal.schedule.Schedule, Zone: "Asia/Seoul", From: "2026-01-01",
			Parties: l.deal.parties, Applies: contract.Applies{Types: []string{"sale"}},
		}},
	}
	return parties, terms
}

// random is the j-th random number of transaction i (splitmix64).
func (l *load) random(i, j uint64) uint64 {
	z := l.seed + (i*4+j+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func choose(from []string, random uint64) string { return from[random%uint64(len(from))] }

var (
	methods  = []string{"card", "easy_pay", "transfer"}
	firstDay = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
)

// command is transaction i as collect's mapper gives it to the door.
func (l *load) command(i uint64) book.SettleTransaction {
	who, what := l.random(i, 0), l.random(i, 1)
	return book.SettleTransaction{Transaction: book.Transaction{
		Key: book.Key{Source: sourceID, ExternalID: l.externalID(i)}, Book: bookID, ContentHash: l.contentHash(i),
		Type: "sale", Method: choose(methods, what), Product: choose(l.products, what>>8),
		Parties: map[string]string{
			"provider": choose(l.providers, who), "affiliate": choose(l.affiliates, who>>20), "credit_supplier": choose(l.suppliers, who>>40),
		},
		OccurredAt: occurredAt(i), Currency: currency, Amount: l.amount(i),
	}}
}

// amount is between 1,000 and 200,990 won: large enough that no rule gives zero.
func (l *load) amount(i uint64) money.Amount {
	return money.New(1000+10*int64(l.random(i, 1)>>16%20_000), 0)
}

func occurredAt(i uint64) time.Time {
	return firstDay.Add(time.Duration(i) * (24 * time.Hour / perDay)).Truncate(time.Millisecond)
}

func (l *load) externalID(i uint64) string {
	if l.ids == idsUUID {
		return l.uuid(i)
	}
	b := []byte("HG2026-0000000000")
	for at := len(b) - 1; i > 0; at-- {
		b[at] = byte('0' + i%10)
		i /= 10
	}
	return string(b)
}

func (l *load) uuid(i uint64) string {
	var b [36]byte
	var raw [16]byte
	put(raw[:8], l.random(i, 2))
	put(raw[8:], l.random(i, 3))
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80
	hex.Encode(b[:8], raw[:4])
	hex.Encode(b[9:13], raw[4:6])
	hex.Encode(b[14:18], raw[6:8])
	hex.Encode(b[19:23], raw[8:10])
	hex.Encode(b[24:], raw[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// contentHash looks as collect's do: a scheme and 128 bits.
func (l *load) contentHash(i uint64) string {
	b := [34]byte{'1', ':'}
	var raw [16]byte
	put(raw[:8], l.random(i, 2)+i)
	put(raw[8:], l.random(i, 3)^i)
	hex.Encode(b[2:], raw[:])
	return string(b[:])
}

func put(b []byte, n uint64) {
	for i := range 8 {
		b[i] = byte(n >> (8 * i))
	}
}
