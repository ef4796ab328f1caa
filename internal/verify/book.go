package verify

import (
	"context"
	"errors"
	"hash/maphash"
	"strconv"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
)

// book is what the fold keeps of one book. Revisions have no gaps, so entries
// are found by revision.
type book struct {
	id       string
	number   uint64 // in order of first appearance
	entries  entries
	refunded map[uint64]figure // revision of the original → sum of its refunds
	refunds  map[uint64]uint64 // revision of a refund → that of its original
	accounts map[string]*account
	counters map[string]*figure // sums of accumulators
	newest   map[string]string  // of a rolling window: the last day that has counted
	rated    rated
	returned map[uint64]map[uint64]figure // revision of the original → rule → given back
	sales    map[uint64]uint64            // revision of what gives back a refund → that of the sale behind it
	unbound  map[uint64]bool              // revision of a sale of which parts of refunds were given back
	restated map[uint64]uint64            // revision of a settlement → that of the adjustment that restates it
	waiting  map[uint64]*waiting          // by revision
	awaited  map[string]uint64            // key of an original → revision of what waits for it
	date     string                       // the business date; "" before the first
	falling  map[string]map[*account]bool // date → accounts that hold money until then
	windows  map[string]window            // by counter
	ending   map[string]map[string]bool   // date → counters whose windows are closed then
	queue    []string                     // those of the first date, in order, as far as it is known
	queued   string                       // that date
	recorded time.Time
}

// account is one account of a book. Its number counts from 0 in order of first
// appearance in the log.
type account struct {
	number                   int
	book, path               string
	owner, purpose, currency string
	opened                   eventstore.Position
	decimals                 int     // most decimals seen in a posting
	slices                   []slice // what it holds back, by date and purpose
}

// account finds an account by its path, or opens it: "<owner>/<purpose>/<currency>".
func (f *fold) account(e *event, b *book, path []byte) (*account, error) {
	if a, ok := f.recentPaths.get(path, b.number); ok {
		return a, nil
	}
	if a, ok := b.accounts[string(path)]; ok {
		f.recentPaths.put(a.path, b.number, a)
		return a, nil
	}
	parts := strings.Split(string(path), "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return nil, e.differs(checkPostings, "an account <owner>/<purpose>/<currency>", strconv.Quote(string(path)))
	}
	if !f.isRegistered(parts[0]) {
		return nil, e.differs(checkReferences, "a party registered before as owner of account "+string(path), "none of that id")
	}
	a := &account{
		number: len(f.accounts), book: b.id, path: string(path), opened: e.position,
		owner: f.intern([]byte(parts[0])), purpose: f.intern([]byte(parts[1])), currency: f.intern([]byte(parts[2])),
	}
	b.accounts[a.path] = a
	f.accounts = append(f.accounts, a)
	f.counts.Accounts++
	return a, nil
}

func (f *fold) bookEvent(e *event) error {
	b := e.stream.book
	if b == nil {
		b = &book{id: e.stream.id, number: f.books, refunded: map[uint64]figure{}, refunds: map[uint64]uint64{}, accounts: map[string]*account{}}
		e.stream.book = b
		f.books++
		f.counts.Books++
	}
	n := &e.entry
	n.reset(kinds[e.kind], e.kind == typeSettledV1 || e.kind == typeReversedV1)
	if err := f.readable(e, f.decodeBook(e, b)); err != nil {
		return err
	}
	n.describe()
	n.write()
	now := settled{kind: n.kind, mirror: f.mirror(n.said), amount: n.amount, currency: f.currency(n.currency), held: len(n.holds) > 0}
	if n.kind.keyed() {
		now.key = f.key(n.source, n.externalID)
	}
	if err := f.checkEntry(e, b, &now); err != nil {
		return err
	}
	if err := f.checkKind(e, b); err != nil {
		return err
	}
	if err := f.move(e, b); err != nil {
		return err
	}
	b.entries.add(now)
	f.counts.Postings += uint64(len(n.postings))
	if f.ledger == nil {
		return nil
	}
	if err := f.outcomes.entry(e); err != nil {
		return err
	}
	return f.ledger.add(e)
}

func (f *fold) decodeBook(e *event, b *book) error {
	switch e.entry.kind {
	case kindAdjustment:
		return f.decodeAdjustment(e)
	case kindAwaiting:
		return f.decodeAwaited(e)
	case kindRelease, kindAdvance:
		return f.decodeStep(e)
	case kindClosing:
		return f.decodeClosing(e)
	}
	return f.decodeEntry(e, b)
}

// checkKind checks what holds for entries of a kind.
func (f *fold) checkKind(e *event, b *book) error {
	switch n := &e.entry; n.kind {
	case kindReversal:
		f.counts.Reversals++
		return f.checkReversal(e, b)
	case kindAdjustment:
		return f.checkAdjustment(e, b)
	case kindAwaiting:
		return f.checkAwaited(e, b)
	case kindRelease:
		f.counts.Releases++
		return f.checkReleased(e, b)
	case kindClosing:
		return f.checkClosed(e, b)
	case kindAdvance:
		return f.checkAdvanced(e, b)
	default:
		f.counts.Settlements++
		if n.amount.sign() == 0 {
			f.counts.ZeroValue++
		}
		return f.checkSettlement(e, b)
	}
}

// describe fills in what read models say of events that nobody gave a type.
func (n *entry) describe() {
	switch n.kind {
	case kindRelease, kindClosing:
		n.typ, n.effectiveOn = n.kind.String(), n.step.date
	case kindAdjustment:
		n.typ = n.kind.String()
		first := n.postings
		if r := n.restates; r != nil {
			n.contract, n.schedule, n.version, n.parties = r.entry.contract, r.entry.schedule, r.entry.version, r.entry.parties
			if len(first) == 0 {
				first = r.entry.postings
			}
		}
		if len(first) == 0 {
			return
		}
		n.currency = first[0].account.currency
		for i := range n.postings {
			if p := &n.postings[i]; !p.credit && p.account.currency == n.currency {
				n.amount, _ = n.amount.plus(p.amount) // checked where entries balance
			}
		}
	}
}

// complete reports whether an entry says what all of its kind must.
func (n *entry) complete() bool {
	switch n.kind {
	case kindSettlement, kindReversal:
		if n.currency == "" {
			return false
		}
		fallthrough
	case kindAdjustment:
		return n.source != "" && len(n.externalID) > 0 && n.effectiveOn != "" && !n.occurredAt.IsZero()
	}
	return true
}

// checkEntry checks what holds for every event of a book.
func (f *fold) checkEntry(e *event, b *book, now *settled) error {
	n := &e.entry
	if !n.complete() || e.recordedAt.IsZero() {
		return e.differs(checkData, "source, external_id, currency, occurred_at, effective_on and recorded_at", "at least one of them missing")
	}
	if e.recordedAt.Before(b.recorded) {
		return e.differs(checkRecorded, "no earlier than "+b.recorded.Format(time.RFC3339Nano)+" of the event before it in the book", e.recordedAt.Format(time.RFC3339Nano))
	}
	b.recorded = e.recordedAt
	f.checked.recorded++
	switch {
	case n.kind.keyed():
		if err := b.entries.find(now.key, func(revision uint64) error { return f.checkKey(e, b, revision) }); err != nil {
			return err
		}
		f.checked.keys++
	default:
		if err := f.checkDate(e, b); err != nil {
			return err
		}
	}
	if err := f.held(e, b); err != nil {
		return err
	}
	for _, p := range n.postings {
		if p.amount.sign() <= 0 {
			return e.differs(checkPostings, "an amount above zero on account "+p.account.path, p.amount.String())
		}
		p.account.decimals = max(p.account.decimals, p.decimals)
	}
	if zero := n.amount.sign() == 0; n.kind <= kindReversal && zero != (len(n.postings) == 0) {
		return e.differs(checkPostings, "postings exactly where the amount is not zero", strconv.Itoa(len(n.postings))+" postings for "+n.amount.String()+" "+n.currency)
	}
	f.checked.postings += uint64(len(n.postings))
	return f.checkBalance(e)
}

// checkKey compares the key of an entry with that of an earlier one of the same
// hash. The log is read again for it: that two keys have one hash by chance must
// not pass for a key settled twice.
func (f *fold) checkKey(e *event, b *book, revision uint64) error {
	n := &e.entry
	if w := b.waiting[revision]; w != nil {
		if w.source != n.source || w.id != string(n.externalID) {
			return nil
		}
		return f.checkCarriedOut(e, b, revision)
	}
	source, externalID, err := f.keyOf(e.stream.name, revision)
	if err != nil {
		return err
	}
	if source == n.source && externalID == string(n.externalID) {
		return e.differs(checkKeys, "key "+n.key()+" once in book "+b.id, "it again, settled first in "+e.stream.name+"@"+strconv.FormatUint(revision, 10))
	}
	return nil
}

// keyOf reads the key of one event of a book from the log.
func keyOf(ctx context.Context, store eventstore.Store, stream string, revision uint64) (source, externalID string, err error) {
	for recorded, err := range store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return "", "", err
		}
		if string(recorded.Stream) != stream || recorded.Revision != revision {
			continue
		}
		s := scanner{text: recorded.Data}
		err := s.whole(func(key []byte) (err error) {
			var text []byte
			switch string(key) {
			case "source":
				text, err = s.str()
				source = string(text)
			case "external_id":
				text, err = s.str()
				externalID = string(text)
			default:
				err = s.skip()
			}
			return err
		})
		return source, externalID, err
	}
	return "", "", gone(stream, revision)
}

func gone(stream string, revision uint64) error {
	return errors.New("verify: " + stream + "@" + strconv.FormatUint(revision, 10) + " was in the log and is no longer there when looked at again")
}

// checkBalance compares debits and credits of an entry per currency. Entries
// are short, so each currency is summed in a pass of its own.
func (f *fold) checkBalance(e *event) error {
	postings := e.entry.postings
	for i := range postings {
		currency := postings[i].account.currency
		if i > 0 && currency == postings[i-1].account.currency {
			continue
		}
		var debits, credits figure
		for _, p := range postings {
			if p.account.currency != currency {
				continue
			}
			side, ok := &debits, false
			if p.credit {
				side = &credits
			}
			if *side, ok = side.plus(p.amount); !ok {
				return e.differs(checkBalance, "a sum within 128 bits", "more in "+currency)
			}
		}
		if debits != credits {
			return e.differs(checkBalance, "debits equal to credits in "+currency, "debits "+debits.String()+", credits "+credits.String())
		}
	}
	f.checked.balance++
	return nil
}

func (f *fold) checkSettlement(e *event, b *book) error {
	n := &e.entry
	for _, r := range n.parties {
		if !f.isRegistered(r.party) {
			return e.differs(checkReferences, "a party registered before as "+r.role, strconv.Quote(r.party))
		}
	}
	if !n.first && n.undated != "" {
		return e.differs(checkReferences, "the revision of party "+n.undated, "none")
	}
	by, err := f.checkTermsOf(e, b)
	if err != nil {
		return err
	}
	f.checked.terms++
	f.checked.references++
	if n.amount.sign() != 0 && n.engine == 1 && !n.holdsGross() {
		side := "debit"
		if n.amount.sign() < 0 {
			side = "credit"
		}
		return e.differs(checkPostings, "the gross amount "+n.amount.absolute().String()+" as a "+side, "no such posting")
	}
	if err := f.checkWaited(e, b); err != nil {
		return err
	}
	if err := f.checkRefund(e, b); err != nil {
		return err
	}
	return f.checkRated(e, b, by)
}

// holdsGross reports whether the whole amount stands on the side that the
// direction of the transaction asks for.
func (n *entry) holdsGross() bool {
	gross, credit := n.amount.absolute(), n.amount.sign() < 0
	for _, p := range n.postings {
		if p.credit == credit && p.amount == gross {
			return true
		}
	}
	return false
}

// mirror hashes what a settlement and its reversal have in common.
func (f *fold) mirror(said []byte) uint64 { return maphash.Bytes(f.seed, said) }

// key hashes the identity of a transaction within its book.
func (f *fold) key(source string, externalID []byte) uint64 {
	f.text = append(append(append(f.text[:0], source...), 0), externalID...)
	return maphash.Bytes(f.seed, f.text) & f.keyMask
}

// currency gives a currency its number.
func (f *fold) currency(code string) uint32 {
	for i, known := range f.currencies {
		if known == code {
			return uint32(i)
		}
	}
	f.currencies = append(f.currencies, code)
	return uint32(len(f.currencies) - 1)
}

func (n *entry) key() string { return n.source + "/" + string(n.externalID) }

func (n *entry) listPostings() string {
	list := make([]string, len(n.postings))
	for i, p := range n.postings {
		side := "debit "
		if p.credit {
			side = "credit "
		}
		list[i] = side + p.account.path + " " + p.amount.String()
	}
	return orNothing(strings.Join(list, ", "))
}
