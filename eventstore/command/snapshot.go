package command

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

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
	state = book.Restore(header.Revision+1, header.LastRecorded, func(yield func(ledger.AccountID, ledger.Balance) bool) {
		for _, r := range rows {
			if !yield(r.id, r.balance) {
				return
			}
		}
	}, func(yield func(string, book.Counted) bool) {
		for _, c := range counters {
			if !yield(c.id, c.counted) {
				return
			}
		}
	})
	hash := state.Hash()
	keys, counted, err := b.CountKeys(mostCounted)
	switch {
	case err != nil:
		return nil, header, true, err
	case uint64(len(rows)) != header.Accounts || uint64(len(counters)) != header.Counters || !bytes.Equal(hash[:], header.Hash):
		return nil, header, true, fmt.Errorf("%w: its accounts and counters do not give the state that its header names", index.ErrDamaged)
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
	return b.Store(header, index.Rows{Records: records, Accounts: accounts, Counters: counters})
}

type countedRow struct {
	id      string
	counted book.Counted
}

func appendCounted(b []byte, c book.Counted) []byte {
	b = append(binary.AppendVarint(b, c.Value.Units()), c.Value.Scale())
	return binary.AppendUvarint(b, uint64(c.Days))
}

var errCounter = errors.New("a counter is damaged")

func decodeCounted(b []byte) (book.Counted, error) {
	units, n := binary.Varint(b)
	if n <= 0 || n == len(b) || units == math.MinInt64 || b[n] > money.MaxScale {
		return book.Counted{}, errCounter
	}
	days, m := binary.Uvarint(b[n+1:])
	if m <= 0 || n+1+m != len(b) || days > math.MaxInt32 {
		return book.Counted{}, errCounter
	}
	return book.Counted{Value: money.New(units, b[n]), Days: int(days)}, nil
}

func appendBalance(b []byte, balance ledger.Balance) []byte {
	for _, total := range []money.Amount{balance.Debits, balance.Credits} {
		b = binary.AppendVarint(b, total.Units())
		b = append(b, total.Scale())
	}
	return b
}

var errBalance = errors.New("a balance is damaged")

func decodeBalance(b []byte) (ledger.Balance, error) {
	var totals [2]money.Amount
	for i := range totals {
		units, n := binary.Varint(b)
		if n <= 0 || n == len(b) || units < 0 || b[n] > money.MaxScale {
			return ledger.Balance{}, errBalance
		}
		totals[i] = money.New(units, b[n])
		b = b[n+1:]
	}
	if len(b) != 0 {
		return ledger.Balance{}, errBalance
	}
	return ledger.Balance{Debits: totals[0], Credits: totals[1]}, nil
}
