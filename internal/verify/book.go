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
	recorded time.Time
}

// account is one account of a book. Its number counts from 0 in order of first
// appearance in the log.
type account struct {
	number                   int
	book, path               string
	owner, purpose, currency string
	opened                   eventstore.Position
	decimals                 int // most decimals seen in a posting
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
	reversal := e.kind == typeEntryReversed || e.kind == typeReversedV1
	if err := f.readable(e, f.decodeEntry(e, b, reversal)); err != nil {
		return err
	}
	n := &e.entry
	n.write()
	now := settled{key: f.key(n.source, n.externalID), mirror: f.mirror(n.said), amount: n.amount, currency: f.currency(n.currency), reversal: reversal}
	if err := f.checkEntry(e, b, &now); err != nil {
		return err
	}
	var err error
	if reversal {
		f.counts.Reversals++
		err = f.checkReversal(e, b)
	} else {
		f.counts.Settlements++
		if n.amount.sign() == 0 {
			f.counts.ZeroValue++
		}
		err = f.checkSettlement(e, b)
	}
	if err != nil {
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

// checkEntry checks what holds for every entry, settlement or reversal.
func (f *fold) checkEntry(e *event, b *book, now *settled) error {
	n := &e.entry
	if n.source == "" || len(n.externalID) == 0 || n.currency == "" || n.effectiveOn == "" || n.occurredAt.IsZero() || e.recordedAt.IsZero() {
		return e.differs(checkData, "source, external_id, currency, occurred_at, effective_on and recorded_at", "at least one of them missing")
	}
	if e.recordedAt.Before(b.recorded) {
		return e.differs(checkRecorded, "no earlier than "+b.recorded.Format(time.RFC3339Nano)+" of the event before it in the book", e.recordedAt.Format(time.RFC3339Nano))
	}
	b.recorded = e.recordedAt
	f.checked.recorded++
	if err := b.entries.find(now.key, func(revision uint64) error { return f.checkKey(e, b, revision) }); err != nil {
		return err
	}
	f.checked.keys++
	for _, p := range n.postings {
		if p.amount.sign() <= 0 {
			return e.differs(checkPostings, "an amount above zero on account "+p.account.path, p.amount.String())
		}
		p.account.decimals = max(p.account.decimals, p.decimals)
	}
	if zero := n.amount.sign() == 0; zero != (len(n.postings) == 0) {
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
	return "", "", errors.New("verify: " + stream + "@" + strconv.FormatUint(revision, 10) + " was in the log and is no longer there when looked at again")
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
	if err := f.checkRefund(e, b); err != nil {
		return err
	}
	return f.checkRated(e, b, by)
}

// checkRefund compares a settlement that gives back with what it gives back.
func (f *fold) checkRefund(e *event, b *book) error {
	n := &e.entry
	if !n.link.present {
		if n.refunded.sign() != 0 {
			return e.differs(checkRefunds, "nothing refunded before, as no original is named", n.refunded.String())
		}
		return nil
	}
	original, err := f.original(e, b, &n.link)
	if err != nil {
		return err
	}
	before := b.refunded[n.link.revision]
	sum, ok := before.plus(n.amount)
	switch {
	case original.currency != f.currency(n.currency) || original.amount.sign()*n.amount.sign() > 0:
		return e.differs(checkRefunds, "the other sign of "+original.amount.String()+" "+f.currencies[original.currency], n.amount.String()+" "+n.currency)
	case original.reversed:
		return e.differs(checkRefunds, "an original that stands", n.link.place()+", which was reversed before")
	case !ok || sum.absolute().compare(original.amount.absolute()) > 0:
		return e.differs(checkRefunds, "refunds of at most "+original.amount.absolute().String()+" in sum", sum.absolute().String())
	case !n.first && n.refunded != before.absolute():
		return e.differs(checkRefunds, "refunds of "+before.absolute().String()+" before this one", n.refunded.String())
	}
	b.refunded[n.link.revision] = sum
	b.refunds[e.revision] = n.link.revision
	f.checked.refunds++
	return nil
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

// original finds the earlier settlement that an event points at.
func (f *fold) original(e *event, b *book, l *link) (*settled, error) {
	if l.stream != e.stream.name || l.revision >= b.entries.count {
		return nil, e.differs(checkReferences, "an original earlier in "+e.stream.name, l.place())
	}
	o := b.entries.at(l.revision)
	if o.reversal {
		return nil, e.differs(checkReferences, "a settlement as the original", l.place()+", which is a reversal")
	}
	if o.key != f.key(l.source, l.id) {
		return nil, e.differs(checkReferences, "an original with key "+l.source+"/"+string(l.id), l.place()+", which has another")
	}
	f.checked.references++
	return o, nil
}

func (f *fold) checkReversal(e *event, b *book) error {
	n := &e.entry
	if !n.link.present {
		return e.differs(checkReferences, "the settlement that is reversed", "none named")
	}
	original, err := f.original(e, b, &n.link)
	if err != nil {
		return err
	}
	where := n.link.place()
	switch {
	case original.reversed:
		return e.differs(checkReversals, "a settlement not reversed before", where+", which was")
	case b.refunded[n.link.revision].sign() != 0:
		return e.differs(checkReversals, "a settlement without refunds", where+" with refunds of "+b.refunded[n.link.revision].absolute().String())
	case original.currency != f.currency(n.currency) || original.amount.negated() != n.amount:
		return e.differs(checkReversals, original.amount.negated().String()+" "+f.currencies[original.currency], n.amount.String()+" "+n.currency)
	case original.mirror != f.mirror(n.swapped()):
		return e.differs(checkReversals, "type, method, product, parties and postings of "+where+" with the sides swapped", "others: "+n.listPostings())
	}
	original.reversed = true
	f.checked.reversals++
	if err := f.checkUncounted(e, b); err != nil {
		return err
	}
	return f.checkRestored(e, b)
}

// checkRestored gives back to the original what a reversed refund had taken.
func (f *fold) checkRestored(e *event, b *book) error {
	n := &e.entry
	original, refund := b.refunds[n.link.revision]
	switch {
	case refund != n.restores.present || (refund && original != n.restores.revision):
		expected := "none, as " + n.link.place() + " names none"
		if refund {
			expected = e.stream.name + "@" + strconv.FormatUint(original, 10)
		}
		found := "none"
		if n.restores.present {
			found = n.restores.place()
		}
		return e.differs(checkReferences, "the original of the reversed refund: "+expected, found)
	case !refund:
		return nil
	}
	if _, err := f.original(e, b, &n.restores); err != nil {
		return err
	}
	sum, ok := b.refunded[original].plus(n.amount)
	if !ok {
		return e.differs(checkRefunds, "a sum within 128 bits", "more")
	}
	b.refunded[original] = sum
	f.restore(b, n.link.revision, original)
	return nil
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
