package command

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
)

// CheckConfig says which index is compared with which log.
type CheckConfig struct {
	Store    eventstore.Store
	Identity eventstore.Identity // of the log in Store
	IndexDir string
	IndexFS  vfs.FS       // that holds IndexDir; nil is the disk
	Logger   *slog.Logger // nil is slog.Default
}

// CheckedBook is what the index has of one book and the log agrees with.
type CheckedBook struct {
	Book string `json:"book"`
	// Revision is that of the last event which the index covers, Behind the number
	// of events that the book has beyond it. A writer folds those when it opens the
	// book: being behind is no fault.
	Revision uint64 `json:"revision"`
	Behind   uint64 `json:"behind"`
	Keys     uint64 `json:"keys"`
	Accounts uint64 `json:"accounts"`
	// State is the hash of the hot half at that revision, as hex.
	State string `json:"state"`
}

// CheckIndex compares a local index that no process uses with the log: each book
// that it has is folded afresh from the book's stream up to the event that the
// index stands at, and every account and every key record must be the same. The
// index is only read. Memory grows with the keys of a book, about 300 bytes each.
//
// The first difference is a *domain.Error of CodeConflict that names the book and
// what differs. CodeConflict with the field "index" and no difference in its
// message says that a process uses the index; CodeNotFound that there is none.
func CheckIndex(ctx context.Context, config CheckConfig) (checked []CheckedBook, err error) {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	rows, err := index.Inspect(index.Config{Dir: config.IndexDir, Identity: config.Identity, Logger: config.Logger, FS: config.IndexFS})
	if err != nil {
		return nil, unusableIndex(config.IndexDir, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	ids, err := rows.Books()
	if err != nil {
		return nil, unusableIndex(config.IndexDir, err)
	}
	for _, id := range ids {
		c := &check{CheckConfig: config, id: id, stream: domain.Stream(book.Category, id), rows: rows.Book(id)}
		one, err := c.run(ctx)
		if err != nil {
			return checked, err
		}
		checked = append(checked, one)
	}
	return checked, nil
}

// unusableIndex names the damage of an index that cannot be read as a whole.
func unusableIndex(dir string, err error) error {
	if !errors.Is(err, index.ErrDamaged) {
		return err
	}
	return &domain.Error{Code: domain.CodeConflict, Field: "index", Value: dir, Message: "the local index is damaged", Remedy: indexRemedy, Err: err}
}

const indexRemedy = "no answer rests on it: it is rebuilt from the log when it is next used"

// check is the comparison of one book.
type check struct {
	CheckConfig
	id     string
	stream domain.StreamID
	rows   *index.Book
}

func (c *check) differs(where, expected, found string) error {
	return &domain.Error{
		Code: domain.CodeConflict, Field: "index", Value: "book " + c.id + ": " + where,
		Message: "the local index differs from the log: expected " + expected + ", found " + found, Remedy: indexRemedy,
	}
}

func (c *check) run(ctx context.Context) (CheckedBook, error) {
	held, header, found, err := restore(c.rows)
	switch {
	case errors.Is(err, index.ErrDamaged):
		return CheckedBook{}, c.differs("as a whole", "what its checksums and header say", err.Error())
	case err != nil:
		return CheckedBook{}, err
	case !found:
		return CheckedBook{}, c.differs("header", "one", "none")
	case header.Identity != c.Identity:
		return CheckedBook{}, c.differs("log", c.Identity.String(), header.Identity.String())
	}
	state, err := c.fold(ctx, header)
	if err != nil {
		return CheckedBook{}, err
	}
	if err := c.compareAccounts(state, held); err != nil {
		return CheckedBook{}, err
	}
	if err := c.compareCounters(state, held); err != nil {
		return CheckedBook{}, err
	}
	if err := c.compareHolds(state, held); err != nil {
		return CheckedBook{}, err
	}
	if expected, found := dateText(state), dateText(held); expected != found {
		return CheckedBook{}, c.differs("business date", expected, found)
	}
	hash := state.Hash()
	if !bytes.Equal(hash[:], header.Hash) {
		return CheckedBook{}, c.differs("state", hex.EncodeToString(hash[:]), hex.EncodeToString(header.Hash))
	}
	keys, err := c.compareKeys(state)
	if err != nil {
		return CheckedBook{}, err
	}
	if keys != header.Keys {
		return CheckedBook{}, c.differs("number of keys", fmt.Sprint(keys), fmt.Sprint(header.Keys))
	}
	last, err := c.last(ctx)
	if err != nil {
		return CheckedBook{}, err
	}
	return CheckedBook{
		Book: c.id, Revision: header.Revision, Behind: last - header.Revision, Keys: keys, Accounts: header.Accounts, State: hex.EncodeToString(header.Hash),
	}, nil
}

// fold folds the stream afresh up to the event that the index stands at.
func (c *check) fold(ctx context.Context, header index.Header) (*book.State, error) {
	state := book.Decider.Initial()
	for r, err := range c.Store.ReadStream(ctx, c.stream, eventstore.Forwards, 0, header.Revision+1) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
			break
		}
		if err != nil {
			return nil, readError(err)
		}
		if r.Revision == header.Revision && r.ID != header.EventID {
			return nil, c.differs(fmt.Sprintf("event at revision %d", r.Revision), r.ID.String(), header.EventID.String())
		}
		event, err := eventstore.Decode(r)
		if err != nil {
			return nil, err
		}
		state = book.Decider.Evolve(state, event)
		if err := state.Err(); err != nil {
			return nil, err
		}
	}
	if state.Count() != header.Revision+1 {
		return nil, c.differs("revision", fmt.Sprintf("at most %d events, as in the log", state.Count()), fmt.Sprintf("revision %d", header.Revision))
	}
	return state, nil
}

// compareAccounts names the first account, by name, that is not the same.
func (c *check) compareAccounts(want, held *book.State) error {
	var ids []ledger.AccountID
	for _, state := range []*book.State{want, held} {
		for id := range state.Balances() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		expected, found := totals(want.Balance(id)), totals(held.Balance(id))
		if expected != found {
			return c.differs("account "+string(id), expected, found)
		}
	}
	return nil
}

// compareCounters names the first counter, by id, that is not the same.
func (c *check) compareCounters(want, held *book.State) error {
	expected, found := maps.Collect(want.Counters()), maps.Collect(held.Counters())
	for _, id := range slices.Sorted(maps.Keys(expected)) {
		if e, f := countedText(expected[id]), countedText(found[id]); e != f {
			return c.differs("counter "+id, e, f)
		}
		delete(found, id)
	}
	if len(found) > 0 {
		id := slices.Min(slices.Collect(maps.Keys(found)))
		return c.differs("counter "+id, "none", countedText(found[id]))
	}
	return nil
}

func countedText(c book.Counted) string {
	text := c.Value.Shorten().String()
	if c.Days != 0 {
		text += fmt.Sprintf(" in a window of %d days", c.Days)
	}
	switch {
	case c.Closed:
		text += ", closed"
	case c.Closes != "":
		text += ", to be closed on " + string(c.Closes)
	}
	return text
}

// compareHolds names the first slice, by account, date and purpose, that is not the
// same.
func (c *check) compareHolds(want, held *book.State) error {
	expected, found := holdTexts(want), holdTexts(held)
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		if f, there := found[name]; f != expected[name] {
			if !there {
				f = "nothing"
			}
			return c.differs(name, expected[name], f)
		}
		delete(found, name)
	}
	if len(found) > 0 {
		name := slices.Min(slices.Collect(maps.Keys(found)))
		return c.differs(name, "nothing", found[name])
	}
	return nil
}

func holdTexts(s *book.State) map[string]string {
	texts := make(map[string]string)
	for h := range s.Holds() {
		texts["what account "+string(h.Account)+" holds until "+string(h.On)+" for "+h.Into] = h.Change.Shorten().String()
	}
	return texts
}

func dateText(s *book.State) string {
	if s.BusinessDate() == "" {
		return "none"
	}
	return fmt.Sprintf("%s at revision %d", s.BusinessDate(), s.DateRevision())
}

func totals(b ledger.Balance) string {
	return "debits " + b.Debits.Shorten().String() + " and credits " + b.Credits.Shorten().String()
}

// compareKeys walks the records of the fold and of the index side by side, in the
// order of their keys.
func (c *check) compareKeys(state *book.State) (uint64, error) {
	type record struct {
		stored []byte
		change *book.KeyChange
	}
	changes := state.Commit()
	records := make([]record, len(changes.Keys))
	for i := range changes.Keys {
		key := changes.Keys[i].Key
		records[i] = record{c.rows.Record(key.Source, key.ExternalID), &changes.Keys[i]}
	}
	slices.SortFunc(records, func(x, y record) int { return bytes.Compare(x.stored, y.stored) })
	next := 0
	missing := func() error {
		return c.differs("key "+keyName(records[next].change.Key), recordText(records[next].change.Record), "none")
	}
	err := c.rows.Records(func(stored, value []byte) error {
		order := 1
		if next < len(records) {
			order = bytes.Compare(records[next].stored, stored)
		}
		switch {
		case order < 0:
			return missing()
		case order > 0:
			return c.differs(fmt.Sprintf("key %q", stored), "none", "a record")
		}
		var found book.KeyRecord
		if err := found.UnmarshalBinary(value); err != nil {
			return c.differs("key "+keyName(records[next].change.Key), "a record", err.Error())
		}
		if want := records[next].change.Record; recordText(want) != recordText(found) {
			return c.differs("key "+keyName(records[next].change.Key), recordText(want), recordText(found))
		}
		next++
		return nil
	})
	switch {
	case errors.Is(err, index.ErrDamaged):
		return 0, c.differs("keys", "records with their checksums", err.Error())
	case err != nil:
		return 0, err
	case next < len(records):
		return 0, missing()
	}
	return uint64(len(records)), nil
}

func keyName(k book.Key) string { return k.Source + "/" + k.ExternalID }

// recordText tells a record in one way only, amounts by value.
func recordText(r book.KeyRecord) string {
	parts := []string{
		r.Kind.String(), fmt.Sprintf("revision %d", r.Revision), "content " + r.ContentHash,
		"amount " + r.Amount.Shorten().String() + " " + string(r.Currency), "refunded " + r.Refunded.Shorten().String(),
	}
	if r.Engine != 0 {
		parts = append(parts, fmt.Sprintf("engine %d", r.Engine))
	}
	if r.Returns {
		parts = append(parts, "gives back")
	}
	if r.RestatedBy != 0 {
		parts = append(parts, fmt.Sprintf("restated by %d", r.RestatedBy))
	}
	if r.Reversed() {
		parts = append(parts, fmt.Sprintf("reversed by %d", r.ReversedBy))
	}
	return strings.Join(parts, ", ")
}

// last is the revision of the book's last event in the log.
func (c *check) last(ctx context.Context) (revision uint64, err error) {
	for r, err := range c.Store.ReadStream(ctx, c.stream, eventstore.Backwards, eventstore.End, 1) {
		if err != nil {
			return 0, readError(err)
		}
		revision = r.Revision
	}
	return revision, nil
}
