package export

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Selection says which entries are exported. The zero Selection is all of them.
type Selection struct {
	Book        string      // of this book only
	From, Until domain.Date // effective dates, both inclusive; empty is open
	// Position, where not zero, is the last position that counts; Known, where not
	// zero, leaves out what was recorded later.
	Position eventstore.Position
	Known    time.Time
}

// Config is what an export needs. Progress may be nil.
type Config struct {
	Store     eventstore.Store
	Identity  eventstore.Identity
	Format    Format
	Selection Selection
	// Balances writes, in the formats of accounting programs, the balances that
	// accounts had before From as an entry, and asserts all balances at the end.
	Balances bool
	// PerBook makes a file for each book instead of one for all.
	PerBook bool
	// Create opens a file: that of a book, or with "" the one file. It is called
	// once for each, one after the other; the file is complete when Export returns.
	Create func(book string) (io.Writer, error)
	// TempDir is where text waits to be sorted that exceeds Memory bytes; empty is the
	// system's directory, zero DefaultMemory.
	TempDir string
	Memory  int
	// Progress is told the position reached and the events read so far, now and then.
	Progress func(at eventstore.Position, events uint64)
}

// Summary is what was exported.
type Summary struct {
	Position eventstore.Position `json:"position"` // of the last entry that was known
	Events   uint64              `json:"events"`   // read, of all kinds
	Entries  uint64              `json:"entries"`
	Postings uint64              `json:"postings"`
	// ZeroValue counts the entries without postings.
	ZeroValue uint64      `json:"zero_value"`
	First     domain.Date `json:"first,omitempty"` // effective dates of the entries
	Last      domain.Date `json:"last,omitempty"`
	Files     int         `json:"files"`
}

// DefaultMemory is how much text waits before it goes to a temporary file, in bytes.
const DefaultMemory = 32 << 20

// Export writes the selected entries. It ends where the log ended when it began.
// Errors are those of the store, of decoding, of Create and of writing; what was
// written until then is of no use. A selection by a book without an event is
// refused with CodeNotFound.
func Export(ctx context.Context, config Config) (summary Summary, err error) {
	w := &work{Config: config, dialect: config.Format.dialect(), rows: config.Format.rows(), files: map[string]*file{}}
	w.texts = NewSpill[textKey](config.TempDir, cmp.Or(config.Memory, DefaultMemory))
	defer func() { err = errors.Join(err, w.texts.Close()) }()
	if err := w.read(ctx); err != nil {
		return w.summary, err
	}
	if config.Selection.Book != "" && !w.found {
		return w.summary, &domain.Error{Code: domain.CodeNotFound, Field: "book", Value: config.Selection.Book, Message: "the log has no event of this book", Remedy: "see jeongsan replay for the books there are"}
	}
	return w.summary, w.write()
}

// progressEvery is after how many events progress is told.
const progressEvery = 1000

// work is one export under way.
type work struct {
	Config
	dialect dialect
	rows    rows
	files   map[string]*file
	texts   *Spill[textKey]
	direct  *bufio.Writer // of rows that go to one file
	summary Summary
	found   bool // the selected book
	buffer  []byte
	legs    []*account
}

// textKey sorts texts: by file, then day: "<book>\x00<date>".
type textKey string

// file is what is known of one file to be written.
type file struct {
	book     string // "" for the one file
	accounts map[accountKey]*account
	last     domain.Date
}

type accountKey struct{ book, account string }

func (w *work) file(id string) *file {
	if !w.PerBook {
		id = ""
	}
	f := w.files[id]
	if f == nil {
		f = &file{book: id, accounts: map[accountKey]*account{}}
		w.files[id] = f
	}
	return f
}

// read goes through the log once.
func (w *work) read(ctx context.Context) error {
	end, err := w.Store.LastPosition(ctx)
	if err != nil {
		return err
	}
	s := &w.Selection
	if s.Position != 0 {
		end = min(end, s.Position)
	}
	if w.dialect == nil && !w.PerBook {
		out, err := w.Create("")
		if err != nil {
			return err
		}
		w.summary.Files = 1
		w.direct = bufio.NewWriterSize(out, 256<<10)
		if _, err := w.direct.Write(w.rows.head(nil)); err != nil {
			return err
		}
	}
	var e Entry
	prefix, only := book.Category+"-", domain.Stream(book.Category, s.Book)
	for r, err := range w.Store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return err
		}
		if r.Position > end {
			break
		}
		w.summary.Events++
		if w.Progress != nil && w.summary.Events%progressEvery == 0 {
			w.Progress(r.Position, w.summary.Events)
		}
		if !strings.HasPrefix(string(r.Stream), prefix) || s.Book != "" && r.Stream != only {
			continue
		}
		entry, err := e.read(r)
		if err != nil {
			return err
		}
		w.found = true
		if !entry {
			continue
		}
		if !s.Known.IsZero() && e.Transaction.RecordedAt.After(s.Known) {
			continue
		}
		w.summary.Position = r.Position
		if err := w.add(&e); err != nil {
			return fmt.Errorf("%s: %w", place(e.Ref), err)
		}
	}
	return nil
}

// add takes an entry that was known.
func (w *work) add(e *Entry) error {
	on, s := e.Transaction.EffectiveOn, &w.Selection
	before := s.From != "" && on < s.From
	if s.Until != "" && on > s.Until || before && (!w.Balances || w.dialect == nil) {
		return nil
	}
	f := w.file(e.Book)
	if w.dialect != nil {
		if err := w.bookLegs(f, e, before); err != nil || before {
			return err
		}
		f.last = max(f.last, on)
	}
	w.count(e)
	if w.dialect == nil {
		w.buffer = appendRows(w.buffer[:0], w.rows, e)
		if w.direct != nil {
			_, err := w.direct.Write(w.buffer)
			return err
		}
		return w.texts.Add(textKey(f.book+"\x00"), w.buffer)
	}
	w.buffer = w.dialect.entry(w.buffer[:0], e, w.legs)
	return w.texts.Add(textKey(f.book+"\x00"+string(on)), w.buffer)
}

// bookLegs books the postings of an entry and finds their accounts.
func (w *work) bookLegs(f *file, e *Entry, before bool) error {
	w.legs = w.legs[:0]
	for i := range e.Postings {
		p := &e.Postings[i]
		key := accountKey{e.Book, string(p.Account)}
		a := f.accounts[key]
		if a == nil {
			a = &account{book: e.Book, name: AccountName(e.Book, p.Owner, p.Purpose), currency: p.Currency}
			f.accounts[key] = a
		}
		if err := a.add(p.Side, p.Amount, before); err != nil {
			return err
		}
		if !before {
			a.seen(e.Transaction.EffectiveOn)
		}
		w.legs = append(w.legs, a)
	}
	return nil
}

func (w *work) count(e *Entry) {
	on := e.Transaction.EffectiveOn
	w.summary.Entries++
	w.summary.Postings += uint64(len(e.Postings))
	if len(e.Postings) == 0 {
		w.summary.ZeroValue++
	}
	if w.summary.First == "" || on < w.summary.First {
		w.summary.First = on
	}
	w.summary.Last = max(w.summary.Last, on)
}
