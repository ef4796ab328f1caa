package verify

import (
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
	keys     map[[2]uint64]uint64 // hash of source and external id → revision
	entries  []settled
	refunded map[uint64]figure // revision of the original → sum of its refunds
	refunds  map[uint64]uint64 // revision of a refund → that of its original
	accounts map[string]*account
	recorded time.Time
}

// settled is what later events may need to know of an entry.
type settled struct {
	amount   figure
	key      [2]uint64
	mirror   uint64 // hash of what a reversal must repeat, with the sides swapped
	currency string
	reversal bool
	reversed bool
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
	if a, ok := b.accounts[string(path)]; ok {
		return a, nil
	}
	parts := strings.Split(string(path), "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return nil, e.differs(checkPostings, "an account <owner>/<purpose>/<currency>", strconv.Quote(string(path)))
	}
	if !f.registered[parts[0]] {
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
		b = &book{id: e.stream.id, keys: map[[2]uint64]uint64{}, refunded: map[uint64]figure{}, refunds: map[uint64]uint64{}, accounts: map[string]*account{}}
		e.stream.book = b
		f.counts.Books++
	}
	reversal := e.kind == typeEntryReversed
	if err := f.readable(e, f.decodeEntry(e, b, reversal)); err != nil {
		return err
	}
	n := &e.entry
	n.addHeader()
	now := settled{amount: n.amount, currency: n.currency, reversal: reversal, key: f.key(n.source, n.externalID)}
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
	now.mirror = f.mirror(n, false)
	b.keys[now.key] = e.revision
	b.entries = append(b.entries, now)
	f.counts.Postings += uint64(len(n.postings))
	return nil
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
	f.checked[checkRecorded]++
	if first, ok := b.keys[now.key]; ok {
		return e.differs(checkKeys, "key "+n.key()+" once in book "+b.id, "it again, settled first in "+e.stream.name+"@"+strconv.FormatUint(first, 10))
	}
	f.checked[checkKeys]++
	for _, p := range n.postings {
		if p.amount.sign() <= 0 {
			return e.differs(checkPostings, "an amount above zero on account "+p.account.path, p.amount.String())
		}
		p.account.decimals = max(p.account.decimals, p.decimals)
	}
	if zero := n.amount.sign() == 0; zero != (len(n.postings) == 0) {
		return e.differs(checkPostings, "postings exactly where the amount is not zero", strconv.Itoa(len(n.postings))+" postings for "+n.amount.String()+" "+n.currency)
	}
	f.checked[checkPostings] += uint64(len(n.postings))
	return f.checkBalance(e)
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
	f.checked[checkBalance]++
	return nil
}

func (f *fold) checkSettlement(e *event, b *book) error {
	n := &e.entry
	for _, r := range n.parties {
		if !f.registered[r.party] {
			return e.differs(checkReferences, "a party registered before as "+r.role, strconv.Quote(r.party))
		}
	}
	if err := f.checkTermsOf(e, b); err != nil {
		return err
	}
	f.checked[checkTerms]++
	f.checked[checkReferences]++
	if n.amount.sign() != 0 && n.engine == 1 && !n.holdsGross() {
		side := "debit"
		if n.amount.sign() < 0 {
			side = "credit"
		}
		return e.differs(checkPostings, "the gross amount "+n.amount.absolute().String()+" as a "+side, "no such posting")
	}
	if !n.link.present {
		return nil
	}
	original, err := f.original(e, b, &n.link)
	if err != nil {
		return err
	}
	sum, ok := b.refunded[n.link.revision].plus(n.amount)
	switch {
	case original.currency != n.currency || original.amount.sign()*n.amount.sign() > 0:
		return e.differs(checkRefunds, "the other sign of "+original.amount.String()+" "+original.currency, n.amount.String()+" "+n.currency)
	case original.reversed:
		return e.differs(checkRefunds, "an original that stands", n.link.place()+", which was reversed before")
	case !ok || sum.absolute().compare(original.amount.absolute()) > 0:
		return e.differs(checkRefunds, "refunds of at most "+original.amount.absolute().String()+" in sum", sum.absolute().String())
	}
	b.refunded[n.link.revision] = sum
	b.refunds[e.revision] = n.link.revision
	f.checked[checkRefunds]++
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
	if l.stream != e.stream.name || l.revision >= uint64(len(b.entries)) {
		return nil, e.differs(checkReferences, "an original earlier in "+e.stream.name, l.place())
	}
	o := &b.entries[l.revision]
	if o.reversal {
		return nil, e.differs(checkReferences, "a settlement as the original", l.place()+", which is a reversal")
	}
	if o.key != f.key(l.source, l.id) {
		return nil, e.differs(checkReferences, "an original with key "+l.source+"/"+string(l.id), l.place()+", which has another")
	}
	f.checked[checkReferences]++
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
	case original.currency != n.currency || original.amount.negated() != n.amount:
		return e.differs(checkReversals, original.amount.negated().String()+" "+original.currency, n.amount.String()+" "+n.currency)
	case original.mirror != f.mirror(n, true):
		return e.differs(checkReversals, "type, method, product, parties and postings of "+where+" with the sides swapped", "others: "+n.listPostings())
	}
	original.reversed = true
	f.checked[checkReversals]++
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
	return nil
}

// mirror hashes what a settlement and its reversal have in common, whatever the
// order of postings and parties.
func (f *fold) mirror(n *entry, swap bool) uint64 {
	type fact struct {
		first, second, third string
		number               int
		credit               bool
		amount               figure
	}
	sum := maphash.Comparable(f.seeds[0], fact{first: n.typ, second: n.method, third: n.product})
	for _, r := range n.parties {
		sum += maphash.Comparable(f.seeds[0], fact{first: r.role, second: r.party, number: -1})
	}
	for _, p := range n.postings {
		sum += maphash.Comparable(f.seeds[0], fact{number: p.account.number, credit: p.credit != swap, amount: p.amount})
	}
	return sum
}

// key hashes the identity of a transaction within its book to 128 bits.
func (f *fold) key(source string, externalID []byte) [2]uint64 {
	var sum [2]uint64
	for i, seed := range f.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		h.WriteString(source)
		h.WriteByte(0)
		h.Write(externalID)
		sum[i] = h.Sum64()
	}
	return sum
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
