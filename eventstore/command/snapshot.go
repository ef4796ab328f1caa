package command

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
)

// mostCounted bounds the keys that are counted when a book is opened, about a
// second's work. Beyond it the checksums of blocks and records must do.
const mostCounted = 1_000_000

// restore makes the state of a book from its index. found is false where the
// index has nothing; an index that contradicts itself is index.ErrDamaged.
func restore(b *index.Book) (state *book.State, header index.Header, found bool, err error) {
	header, found, err = b.Header()
	if err != nil || !found {
		return nil, header, found, err
	}
	type row struct {
		id      ledger.AccountID
		balance ledger.Balance
	}
	var rows []row
	err = b.Accounts(func(account string, value []byte) error {
		balance, err := decodeBalance(value)
		rows = append(rows, row{ledger.AccountID(account), balance})
		return err
	})
	if err != nil {
		return nil, header, true, err
	}
	var counters []countedRow
	err = b.Counters(func(id string, value []byte) error {
		counted, err := decodeCounted(value)
		counters = append(counters, countedRow{id, counted})
		return err
	})
	if err != nil {
		return nil, header, true, err
	}
	var holds []book.Hold
	err = b.Holds(func(name string, value []byte) error {
		hold, err := decodeHold(name, value)
		holds = append(holds, hold)
		return err
	})
	if err != nil {
		return nil, header, true, err
	}
	state = book.Restore(book.Snapshot{
		Count: header.Revision + 1, Recorded: header.LastRecorded, BusinessDate: header.BusinessDate, DateRevision: header.DateRevision,
		Balances: func(yield func(ledger.AccountID, ledger.Balance) bool) {
			for _, r := range rows {
				if !yield(r.id, r.balance) {
					return
				}
			}
		},
		Counters: func(yield func(string, book.Counted) bool) {
			for _, c := range counters {
				if !yield(c.id, c.counted) {
					return
				}
			}
		},
		Holds: slices.Values(holds),
	})
	hash := state.Hash()
	keys, counted, err := b.CountKeys(mostCounted)
	switch {
	case err != nil:
		return nil, header, true, err
	case uint64(len(rows)) != header.Accounts || uint64(len(counters)) != header.Counters || uint64(len(holds)) != header.Holds || !bytes.Equal(hash[:], header.Hash):
		return nil, header, true, fmt.Errorf("%w: its accounts, counters and holds do not give the state that its header names", index.ErrDamaged)
	case counted && keys != header.Keys || !counted && header.Keys < keys:
		return nil, header, true, fmt.Errorf("%w: it has %d keys, its header says %d", index.ErrDamaged, keys, header.Keys)
	}
	return state, header, true, nil
}

// loadKeys tells the state what the index holds for keys that the state does not
// know, in one sorted pass.
func loadKeys(b *index.Book, state *book.State, keys []book.Key) (loaded int, err error) {
	type wanted struct {
		key    book.Key
		stored []byte
	}
	var missing []wanted
	for _, key := range keys {
		if _, _, known := state.Record(key); !known {
			missing = append(missing, wanted{key, b.Record(key.Source, key.ExternalID)})
		}
	}
	slices.SortFunc(missing, func(x, y wanted) int { return bytes.Compare(x.stored, y.stored) })
	missing = slices.CompactFunc(missing, func(x, y wanted) bool { return bytes.Equal(x.stored, y.stored) })
	stored := make([][]byte, len(missing))
	for i := range missing {
		stored[i] = missing[i].stored
	}
	next := 0
	absent := func(until int) {
		for ; next < until; next++ {
			state.Load(missing[next].key, book.KeyRecord{}, false)
		}
	}
	err = b.Lookup(stored, func(i int, value []byte) error {
		absent(i)
		var record book.KeyRecord
		if err := record.UnmarshalBinary(value); err != nil {
			return err
		}
		state.Load(missing[i].key, record, true)
		next = i + 1
		return nil
	})
	if err != nil {
		return 0, err
	}
	absent(len(missing))
	return len(missing), nil
}

// store moves the index to what a state has changed.
func store(b *index.Book, header index.Header, changes *book.Changes) error {
	records := make([]index.Row, len(changes.Keys))
	arena := make([]byte, 0, 48*len(records))
	for i := range changes.Keys {
		change := &changes.Keys[i]
		from := len(arena)
		var err error
		if arena, err = change.Record.AppendBinary(arena); err != nil {
			return err
		}
		records[i] = index.Row{Key: b.Record(change.Key.Source, change.Key.ExternalID), Value: arena[from:len(arena):len(arena)]}
	}
	slices.SortFunc(records, func(x, y index.Row) int { return bytes.Compare(x.Key, y.Key) })
	accounts := make([]index.Row, len(changes.Accounts))
	for i := range changes.Accounts {
		change := &changes.Accounts[i]
		accounts[i] = index.Row{Key: []byte(change.Account), Value: appendBalance(nil, change.Balance)}
	}
	counters := make([]index.Row, len(changes.Counters))
	for i := range changes.Counters {
		change := &changes.Counters[i]
		counters[i] = index.Row{Key: []byte(change.ID)}
		if !change.Gone {
			counters[i].Value = appendCounted(nil, change.Counted)
		}
	}
	holds := make([]index.Row, len(changes.Holds))
	for i := range changes.Holds {
		hold := &changes.Holds[i]
		holds[i] = index.Row{Key: holdName(hold)}
		if !hold.Change.IsZero() {
			holds[i].Value = appendAmount(nil, hold.Change)
		}
	}
	return b.Store(header, index.Rows{Records: records, Accounts: accounts, Counters: counters, Holds: holds})
}

type countedRow struct {
	id      string
	counted book.Counted
}

// appendCounted writes a counter; the end of its window where it has one.
func appendCounted(b []byte, c book.Counted) []byte {
	b = appendAmount(b, c.Value)
	b = binary.AppendUvarint(b, uint64(c.Days))
	if c.Closes == "" {
		return b
	}
	closed := byte(0)
	if c.Closed {
		closed = 1
	}
	return append(append(b, closed), c.Closes...)
}

var errCounter = fmt.Errorf("%w: a counter", index.ErrDamaged)

func decodeCounted(b []byte) (book.Counted, error) {
	value, b, ok := takeAmount(b)
	if !ok {
		return book.Counted{}, errCounter
	}
	days, n := binary.Uvarint(b)
	if n <= 0 || days > math.MaxInt32 {
		return book.Counted{}, errCounter
	}
	counted := book.Counted{Value: value, Days: int(days)}
	if b = b[n:]; len(b) == 0 {
		return counted, nil
	}
	counted.Closed = b[0] == 1
	closes, err := domain.ParseDate("closes", string(b[1:]))
	if err != nil || b[0] > 1 {
		return book.Counted{}, errCounter
	}
	counted.Closes = closes
	return counted, nil
}

// holdName is what names a slice among those of its book.
func holdName(h *book.Hold) []byte {
	name := make([]byte, 0, len(h.Account)+len(h.On)+len(h.Into)+2)
	name = append(append(name, h.Account...), 0)
	name = append(append(name, h.On...), 0)
	return append(name, h.Into...)
}

var errHold = fmt.Errorf("%w: what an account holds", index.ErrDamaged)

func decodeHold(name string, value []byte) (book.Hold, error) {
	account, rest, _ := strings.Cut(name, "\x00")
	on, into, ok := strings.Cut(rest, "\x00")
	amount, left, whole := takeAmount(value)
	if !ok || !whole || len(left) != 0 || amount.Sign() <= 0 {
		return book.Hold{}, errHold
	}
	return book.Hold{Account: ledger.AccountID(account), Into: into, On: domain.Date(on), Change: amount}, nil
}

func appendBalance(b []byte, balance ledger.Balance) []byte {
	return appendAmount(appendAmount(b, balance.Debits), balance.Credits)
}

var errBalance = fmt.Errorf("%w: a balance", index.ErrDamaged)

func decodeBalance(b []byte) (ledger.Balance, error) {
	debits, b, ok := takeAmount(b)
	credits, b, whole := takeAmount(b)
	if !ok || !whole || len(b) != 0 || debits.Sign() < 0 || credits.Sign() < 0 {
		return ledger.Balance{}, errBalance
	}
	return ledger.Balance{Debits: debits, Credits: credits}, nil
}

func appendAmount(b []byte, a money.Amount) []byte {
	return append(binary.AppendVarint(b, a.Units()), a.Scale())
}

// takeAmount reads an amount from the front and returns what follows it.
func takeAmount(b []byte) (amount money.Amount, rest []byte, ok bool) {
	units, n := binary.Varint(b)
	if n <= 0 || n == len(b) || units == math.MinInt64 || b[n] > money.MaxScale {
		return money.Zero, nil, false
	}
	return money.New(units, b[n]), b[n+1:], true
}
