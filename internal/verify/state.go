package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"
	"strings"
)

// ledger is what a log comes to, whatever the order in which it was written:
// totals of every account, and a fingerprint over all transactions.
//
// The state is the SHA-256 of the accounts, sorted, with their totals, and of
// the number and the sum modulo 2^256 of the SHA-256 of every transaction. A
// transaction is told by book, kind, key, type, method, product, parties, attributes,
// terms, currency, amount, postings, and the keys of what it refunds, reverses or
// restores. Not told is what depends on when and where it was recorded: times,
// positions, revisions, where accumulators stood. Two ledgers that took the same
// transactions under the same terms have the same state, whichever came first and
// however often the processes were killed. A schedule that looks at accumulators is
// the exception: in another order it gives other postings. So is held money: a
// refund takes of it what has not been released before.
//
// What moves time in books, as releases and closings, tells in the totals alone, and
// what waits for its original not at all.
//
// A sum needs neither memory nor an order. By chance two sets of transactions have
// one sum once in 2^256, and no key is in a set twice, as that is checked. Who may
// choose the texts of millions of transactions could construct two sets of one sum
// and equal totals: the state compares ledgers that took the same input, and is no
// seal against who writes them.
type ledger struct {
	totals       totals
	transactions uint64
	sum          [4]uint64 // little end first
	text         []byte
}

// add takes in an event of a book.
func (l *ledger) add(e *event) error {
	if err := l.totals.add(e); err != nil {
		return err
	}
	if k := e.entry.kind; !k.keyed() || k == kindAwaiting {
		return nil // it moves time, or nothing yet
	}
	digest := sha256.Sum256(l.tell(e))
	var carry uint64
	for i := range l.sum {
		l.sum[i], carry = bits.Add64(l.sum[i], binary.LittleEndian.Uint64(digest[8*i:]), carry)
	}
	l.transactions++
	return nil
}

// tell writes a transaction in one way only, every text with its length before it.
func (l *ledger) tell(e *event) []byte {
	n := &e.entry
	text := append(l.text[:0], "sra"[n.kind])
	text = appendText(text, e.stream.id)
	text = appendText(text, n.source)
	text = appendText(text, n.externalID)
	text = appendText(text, n.contract)
	text = appendText(text, n.schedule)
	text = binary.AppendUvarint(text, n.version)
	text = appendText(text, n.currency)
	text = appendFigure(text, n.amount)
	text = appendLink(text, &n.link)
	text = appendLink(text, &n.undone)
	if n.restores.present {
		text = appendLink(append(text, 'R'), &n.restores)
	}
	text = append(text, n.said...)
	l.text = appendAttributes(text, n.attributes)
	return l.text
}

// appendAttributes tells attributes by name; nothing where there are none.
func appendAttributes(text []byte, attributes []attribute) []byte {
	if len(attributes) == 0 {
		return text
	}
	attributes = slices.Clone(attributes)
	slices.SortFunc(attributes, func(a, b attribute) int { return strings.Compare(a.name, b.name) })
	for i := range attributes {
		text = appendText(appendText(text, attributes[i].name), attributes[i].value)
	}
	return text
}

// appendLink tells an earlier transaction of the book by its key.
func appendLink(text []byte, to *link) []byte {
	if !to.present {
		return append(text, 0)
	}
	return appendText(appendText(append(text, 1), to.source), to.id)
}

// state returns the hash of everything that was added, as hex.
func (l *ledger) state(accounts []*account) string {
	held := make([]*account, 0, len(l.totals))
	for _, a := range accounts {
		if a.number < len(l.totals) && l.totals[a.number].postings > 0 {
			held = append(held, a)
		}
	}
	slices.SortFunc(held, compareAccounts)
	h := sha256.New()
	for _, a := range held {
		t := &l.totals[a.number]
		l.text = appendText(appendText(l.text[:0], a.book), a.path)
		l.text = appendFigure(appendFigure(l.text, t.debits), t.credits)
		h.Write(l.text)
	}
	l.text = binary.BigEndian.AppendUint64(l.text[:0], uint64(len(held)))
	l.text = binary.BigEndian.AppendUint64(l.text, l.transactions)
	for _, word := range l.sum {
		l.text = binary.BigEndian.AppendUint64(l.text, word)
	}
	h.Write(l.text)
	return hex.EncodeToString(h.Sum(nil))
}

func compareAccounts(a, b *account) int {
	if c := strings.Compare(a.book, b.book); c != 0 {
		return c
	}
	return strings.Compare(a.path, b.path)
}
