package book

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Kind says which event a key belongs to.
type Kind uint8

// The kinds of event that a key can stand for.
const (
	KindSettlement Kind = 1
	KindReversal   Kind = 2
	// KindAwaiting is a refund or reversal that waits for its original; KindAwaited
	// stands for that original until it comes.
	KindAwaiting   Kind = 3
	KindAwaited    Kind = 4
	KindAdjustment Kind = 5
)

// String is a word for it: "settlement", "reversal", "awaiting", "awaited" or
// "adjustment".
func (k Kind) String() string {
	switch k {
	case KindSettlement:
		return "settlement"
	case KindReversal:
		return "reversal"
	case KindAwaiting:
		return "awaiting"
	case KindAwaited:
		return "awaited"
	case KindAdjustment:
		return "adjustment"
	}
	return "invalid"
}

// KeyRecord is what a book remembers of a key, at any age. It is comparable.
type KeyRecord struct {
	// Revision is that of the event in the book's stream.
	Revision    uint64
	ContentHash string
	Kind        Kind
	// Returns says of a settlement that it gives back of an earlier one.
	Returns bool
	// Engine is the rating engine of a settlement where it is not the first: a later
	// transaction that gives back of it is rated with it.
	Engine uint8
	// Currency and Amount are the transaction's, signed as in the event; neither is
	// there for an adjustment, for what is awaited and for a reversal that waits.
	Currency money.Currency
	Amount   money.Amount
	// Refunded is the absolute sum of what later transactions gave back of it.
	Refunded money.Amount
	// RestatedBy is the revision of the adjustment that restates it, 0 where none does.
	RestatedBy uint64
	// ReversedBy is the revision of its reversal. It is 0 where there is none: a
	// reversal always comes after what it reverses.
	ReversedBy uint64
}

// Reversed reports whether the transaction has been reversed.
func (r KeyRecord) Reversed() bool { return r.ReversedBy != 0 }

// Keys lists the keys whose records Decide needs for a command, its own first: of
// the command itself, of the original that a refund names, of the target of a
// reversal or an adjustment and, once the door has filled in the event of either, of
// the original that this one had named. It is pure; other commands have none.
func Keys(command domain.Command) []Key {
	switch c := command.(type) {
	case SettleTransaction:
		return c.keys()
	case *SettleTransaction:
		return c.keys()
	case ReverseEntry:
		return c.keys()
	case *ReverseEntry:
		return c.keys()
	case PostAdjustment:
		return c.keys()
	case *PostAdjustment:
		return c.keys()
	}
	return nil
}

func (c *SettleTransaction) keys() []Key {
	keys := []Key{c.Transaction.Key}
	if c.Transaction.OriginalID != "" {
		keys = append(keys, c.Transaction.original())
	}
	return c.Original.named(keys)
}

func (c *ReverseEntry) keys() []Key { return c.Reversed.named([]Key{c.Key, c.Target}) }

func (c *PostAdjustment) keys() []Key {
	if c.Adjusts != nil {
		return []Key{c.Key, *c.Adjusts}
	}
	return []Key{c.Key}
}

// named adds the keys of the transactions that a settlement refers to.
func (e *TransactionSettled) named(keys []Key) []Key {
	if e == nil {
		return keys
	}
	for _, o := range []*Original{e.Original, e.Restores} {
		if o != nil {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// original is the key that a refund names: always within the same source.
func (t *Transaction) original() Key { return Key{t.Source, t.OriginalID} }

// EventKeys lists the keys whose records Evolve changes besides an event's own, and
// its own where it may have had a record before, as one that has waited.
// They must be loaded before an event is folded into a state that has been
// restored or has dropped keys.
func EventKeys(event domain.Event) []Key {
	switch e := event.(type) {
	case TransactionSettled:
		if e.Original != nil || e.Awaited != nil {
			return e.named([]Key{e.Key})
		}
	case EntryReversed:
		keys := []Key{e.Key, e.Reverses.Key}
		for _, o := range []*Original{e.Original, e.Restores} {
			if o != nil {
				keys = append(keys, o.Key)
			}
		}
		return keys
	case AdjustmentPosted:
		if e.Adjusts != nil {
			return []Key{e.Key, e.Adjusts.Key}
		}
		return []Key{e.Key}
	case OriginalAwaited:
		return []Key{e.Key, e.Awaits}
	}
	return nil
}

// Versions of the compact form. The first has no engine; the third has everything.
const (
	recordVersion       = 1
	recordVersionEngine = 2
	recordVersionWhole  = 3

	flagReturns = 1
)

// AppendBinary appends the compact form of the record, near 30 bytes: a version,
// the kind, the engine where it is not the first, variable-length integers, the
// currency, and the content hash as bytes where it has the usual form
// "<scheme>:<hex>". Plain sales and reversals keep the first two versions.
func (r KeyRecord) AppendBinary(b []byte) ([]byte, error) {
	if len(r.Currency) != 0 && len(r.Currency) != 3 {
		return b, damaged("currency " + strconv.Quote(string(r.Currency)))
	}
	whole := r.Returns || r.RestatedBy != 0 || r.Currency == "" || r.Kind > KindReversal
	switch {
	case whole:
		var flags byte
		if r.Returns {
			flags |= flagReturns
		}
		b = append(b, recordVersionWhole, byte(r.Kind), r.Engine, flags, byte(len(r.Currency)))
		b = binary.AppendUvarint(b, r.RestatedBy)
	case r.Engine == 0:
		b = append(b, recordVersion, byte(r.Kind))
	default:
		b = append(b, recordVersionEngine, byte(r.Kind), r.Engine)
	}
	b = binary.AppendUvarint(b, r.Revision)
	b = append(b, r.Currency...)
	b = appendAmount(b, r.Amount)
	b = appendAmount(b, r.Refunded)
	b = binary.AppendUvarint(b, r.ReversedBy)
	if scheme, sum, ok := splitHash(r.ContentHash); ok {
		b = binary.AppendUvarint(b, scheme+1)
		b = append(b, byte(len(sum)/2))
		return hex.AppendDecode(b, []byte(sum))
	}
	b = append(b, 0)
	b = binary.AppendUvarint(b, uint64(len(r.ContentHash)))
	return append(b, r.ContentHash...), nil
}

// MarshalBinary is AppendBinary into a new slice.
func (r KeyRecord) MarshalBinary() ([]byte, error) { return r.AppendBinary(make([]byte, 0, 48)) }

// UnmarshalBinary reads what MarshalBinary wrote. Anything else is CodeMalformed
// and leaves the record as it was.
func (r *KeyRecord) UnmarshalBinary(data []byte) error {
	d := decoder{data: data}
	version := d.byte()
	if version < recordVersion || version > recordVersionWhole {
		return damaged("version " + strconv.Itoa(int(version)))
	}
	var out KeyRecord
	out.Kind = Kind(d.byte())
	letters := byte(3)
	switch version {
	case recordVersionEngine:
		if out.Engine = d.byte(); out.Engine == 0 && !d.bad {
			return damaged("no engine")
		}
	case recordVersionWhole:
		out.Engine = d.byte()
		flags := d.byte()
		letters = d.byte()
		if flags&^flagReturns != 0 || letters != 0 && letters != 3 {
			return damaged("flags " + strconv.Itoa(int(flags)) + ", currency of " + strconv.Itoa(int(letters)) + " letters")
		}
		out.Returns = flags&flagReturns != 0
		out.RestatedBy = d.uvarint()
	}
	out.Revision = d.uvarint()
	out.Currency = money.Currency(d.take(uint64(letters)))
	out.Amount = d.amount()
	out.Refunded = d.amount()
	out.ReversedBy = d.uvarint()
	if scheme := d.uvarint(); scheme > 0 {
		sum := d.take(uint64(d.byte()))
		out.ContentHash = strconv.FormatUint(scheme-1, 10) + ":" + hex.EncodeToString(sum)
	} else {
		out.ContentHash = string(d.take(d.uvarint()))
	}
	switch {
	case d.bad:
		return damaged("cut off")
	case len(d.data) != 0:
		return damaged("more bytes than a record has")
	case out.Kind < KindSettlement || out.Kind > KindAdjustment || version != recordVersionWhole && out.Kind > KindReversal:
		return damaged("kind " + strconv.Itoa(int(out.Kind)))
	}
	*r = out
	return nil
}

func damaged(what string) error {
	return &domain.Error{Code: domain.CodeMalformed, Field: "key record", Message: "the record of a key is damaged: " + what, Remedy: "rebuild the index from the log"}
}

// splitHash recognises "<scheme>:<hex>" in the one spelling that the compact form
// gives back.
func splitHash(hash string) (scheme uint64, sum string, ok bool) {
	digits, sum, found := strings.Cut(hash, ":")
	if !found || len(sum)%2 != 0 || len(sum) > 2*math.MaxUint8 || len(digits) > 9 {
		return 0, "", false
	}
	scheme, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || len(digits) > 1 && digits[0] == '0' {
		return 0, "", false
	}
	for i := range len(sum) {
		if c := sum[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return 0, "", false
		}
	}
	return scheme, sum, true
}

func appendAmount(b []byte, a money.Amount) []byte {
	return append(binary.AppendVarint(b, a.Units()), a.Scale())
}

// decoder reads from the front of data; once bad it gives zeros.
type decoder struct {
	data []byte
	bad  bool
}

func (d *decoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.data)) {
		d.bad = true
		return nil
	}
	taken := d.data[:n]
	d.data = d.data[n:]
	return taken
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.data)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.data = d.data[n:]
	return v
}

func (d *decoder) amount() money.Amount {
	units, n := binary.Varint(d.data)
	if n <= 0 {
		d.bad = true
		return money.Zero
	}
	d.data = d.data[n:]
	scale := d.byte()
	if units == math.MinInt64 || scale > money.MaxScale {
		d.bad = true
	}
	if d.bad {
		return money.Zero
	}
	return money.New(units, scale)
}
