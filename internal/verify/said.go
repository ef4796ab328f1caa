package verify

import (
	"encoding/binary"
	"slices"
	"strings"
)

// write tells what a reversal must repeat of a settlement: type, method, product,
// parties and postings. It is written in one way only, whatever the order in the
// event: parties by role, postings by account, side and amount.
func (n *entry) write() {
	n.sortedParties = append(n.sortedParties[:0], n.parties...)
	slices.SortFunc(n.sortedParties, func(a, b role) int { return strings.Compare(a.role, b.role) })
	n.sortedPostings = append(n.sortedPostings[:0], n.postings...)
	n.said = n.tell(n.said[:0])
}

// swapped tells the same with the sides of all postings exchanged. The bytes are
// valid until the next call; write must have been called before.
func (n *entry) swapped() []byte {
	for i := range n.sortedPostings {
		n.sortedPostings[i].credit = !n.sortedPostings[i].credit
	}
	n.mirrored = n.tell(n.mirrored[:0])
	return n.mirrored
}

func (n *entry) tell(text []byte) []byte {
	slices.SortFunc(n.sortedPostings, comparePostings)
	text = appendText(text, n.typ)
	text = appendText(text, n.method)
	text = appendText(text, n.product)
	text = binary.AppendUvarint(text, uint64(len(n.sortedParties)))
	for i := range n.sortedParties {
		text = appendText(text, n.sortedParties[i].role)
		text = appendText(text, n.sortedParties[i].party)
	}
	text = binary.AppendUvarint(text, uint64(len(n.sortedPostings)))
	for i := range n.sortedPostings {
		p := &n.sortedPostings[i]
		side := byte('d')
		if p.credit {
			side = 'c'
		}
		text = append(appendText(text, p.account.path), side)
		text = appendFigure(text, p.amount)
	}
	return text
}

func comparePostings(a, b posting) int {
	switch {
	case a.account != b.account:
		return strings.Compare(a.account.path, b.account.path)
	case a.credit == b.credit:
		return a.amount.compare(b.amount)
	case b.credit:
		return -1
	}
	return 1
}

// appendText writes a text with its length before it.
func appendText[T string | []byte](to []byte, text T) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

// appendFigure writes an amount in one way only: short where it fits into 64 bits.
func appendFigure(to []byte, f figure) []byte {
	if short := int64(f.low); f.high == short>>63 {
		return binary.AppendVarint(append(to, 0), short)
	}
	to = binary.BigEndian.AppendUint64(append(to, 1), uint64(f.high))
	return binary.BigEndian.AppendUint64(to, f.low)
}
