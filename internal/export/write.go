package export

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// write writes the files from what was read.
func (w *work) write() error {
	if w.direct != nil {
		return w.direct.Flush()
	}
	if !w.PerBook {
		w.file("") // there is one file, if only with its beginning
	}
	keys := w.texts.Keys()
	for _, id := range slices.Sorted(maps.Keys(w.files)) {
		to, err := w.Create(id)
		if err != nil {
			return err
		}
		w.summary.Files++
		out := bufio.NewWriterSize(to, 256<<10)
		if err := w.writeFile(out, w.files[id], keys); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) writeFile(out *bufio.Writer, f *file, keys []textKey) error {
	var tail []byte
	if w.dialect == nil {
		if _, err := out.Write(w.rows.head(nil)); err != nil {
			return err
		}
	} else {
		head, end, err := w.frame(f)
		if err != nil {
			return err
		}
		if _, err := out.Write(head); err != nil {
			return err
		}
		tail = end
	}
	from, _ := slices.BinarySearch(keys, textKey(f.book+"\x00"))
	for _, key := range keys[from:] {
		if !strings.HasPrefix(string(key), f.book+"\x00") {
			break
		}
		if err := w.texts.CopyTo(out, key); err != nil {
			return err
		}
	}
	_, err := out.Write(tail)
	return err
}

// frame writes what stands before and after the entries of a file.
func (w *work) frame(f *file) (head, tail []byte, err error) {
	var shown, opened []*account
	for _, a := range f.accounts {
		if !a.opening.IsZero() {
			a.seen(w.Selection.From)
			opened = append(opened, a)
		}
		if a.first != "" {
			shown = append(shown, a)
		}
	}
	slices.SortFunc(shown, byName)
	slices.SortFunc(opened, func(a, b *account) int {
		return cmp.Or(cmp.Compare(a.book, b.book), cmp.Compare(a.currency, b.currency), byName(a, b))
	})
	head = w.dialect.head(nil, w.comments(f), shown)
	for len(opened) > 0 {
		n := 1
		for n < len(opened) && opened[n].book == opened[0].book && opened[n].currency == opened[0].currency {
			n++
		}
		head = w.dialect.opening(head, w.Selection.From, opened[:n])
		opened = opened[n:]
	}
	if w.Balances && len(shown) > 0 {
		tail, err = w.dialect.closing(nil, max(f.last, w.Selection.From), shown)
	}
	return head, tail, err
}

// comments say what a file holds. None has a colon: ledger would see a tag.
func (w *work) comments(f *file) []string {
	s := &w.Selection
	comments := []string{
		"Entries of a Jeongsan log, debits positive, credits negative",
		fmt.Sprintf("log %s incarnation %d up to position %d", w.Identity.LogID, w.Identity.Incarnation, w.summary.Position),
	}
	if id := cmp.Or(f.book, s.Book); id != "" {
		comments = append(comments, "book "+id)
	}
	if s.From != "" {
		comments = append(comments, "effective from "+string(s.From))
	}
	if s.Until != "" {
		comments = append(comments, "effective until "+string(s.Until))
	}
	if !s.Known.IsZero() {
		comments = append(comments, "known at "+s.Known.UTC().Format("20060102T150405.999999999Z"))
	}
	return comments
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
