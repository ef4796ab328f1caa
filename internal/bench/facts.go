package bench

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
)

const (
	// factBytes is the size of each of these events, data and metadata.
	factBytes = 900
	// factTemplates is how many differ in more than their number: more than what
	// one append holds or a compressor looks back upon.
	factTemplates = 4096
	// factHead begins the data, and the event's number follows.
	factHead   = `{"number":"`
	factDigits = 16
)

// facts makes events that look like settlements to a store that does not read
// them. Event i is the same on every run with the same seed. It is immutable and
// safe for concurrent use.
type facts struct {
	load      *load
	templates [][]byte
	metadata  [][]byte
}

func newFacts(seed uint64) *facts {
	f := &facts{load: newLoad(seed, idsSerial, 1000, 8)}
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // not for secrets
	letters := []byte("abcdefghijklmnopqrstuvwxyz0123456789")
	for i := range factTemplates {
		metadata := fmt.Appendf(nil, `{"actor":"source:%s","authenticated":"none","recorded_at":%q,"schema":1}`, sourceID, occurredAt(uint64(i)).Format(time.RFC3339Nano))
		data := append([]byte(factHead), make([]byte, factDigits)...)
		data = append(data, `","postings":[`...)
		for range 5 {
			data = fmt.Appendf(data, `{"account":"%s/payable/KRW","credit":"%d"},`, choose(f.load.providers, random.Uint64()), random.IntN(200_000))
		}
		data = append(data[:len(data)-1], `],"explained":[`...)
		for range 4 {
			data = fmt.Appendf(data, `{"rule":"rule-%d","base":"%d","rate":"0.%04d","exact":"%d.%04d"},`,
				random.IntN(20), random.IntN(200_000), random.IntN(10_000), random.IntN(200_000), random.IntN(10_000))
		}
		data = append(data[:len(data)-1], `],"note":"`...)
		for len(data)+len(metadata) < factBytes-2 {
			data = append(data, letters[random.IntN(len(letters))])
		}
		f.templates, f.metadata = append(f.templates, append(data, `"}`...)), append(f.metadata, metadata)
	}
	return f
}

// facing is room for the events of one append. They are valid until the next fill.
type facing struct {
	events []eventstore.Proposed
	bytes  []byte
}

// fill makes the events from..from+n.
func (f *facts) fill(into *facing, from uint64, n int) {
	into.events, into.bytes = into.events[:0], into.bytes[:0]
	if size := n * factBytes; cap(into.bytes) < size {
		into.bytes = make([]byte, 0, size)
	}
	for i := from; i < from+uint64(n); i++ {
		begin := len(into.bytes)
		into.bytes = append(into.bytes, f.templates[i%factTemplates]...)
		data := into.bytes[begin:len(into.bytes):len(into.bytes)]
		putNumber(data, i)
		e := eventstore.Proposed{Type: "TransactionSettled.v2", Data: data, Metadata: f.metadata[i%factTemplates]}
		binary.LittleEndian.PutUint64(e.ID[:], f.load.random(i, 2))
		binary.LittleEndian.PutUint64(e.ID[8:], f.load.random(i, 3))
		into.events = append(into.events, e)
	}
}

func putNumber(data []byte, number uint64) {
	for at := len(factHead) + factDigits - 1; at >= len(factHead); at-- {
		data[at] = byte('0' + number%10)
		number /= 10
	}
}

// number is that of an event which fill has made; ok is false for any other.
func number(data []byte) (n uint64, ok bool) {
	if len(data) < len(factHead)+factDigits || string(data[:len(factHead)]) != factHead {
		return 0, false
	}
	for _, digit := range data[len(factHead) : len(factHead)+factDigits] {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = n*10 + uint64(digit-'0')
	}
	return n, true
}

// value appends the bytes of events as plainly as a store could keep them.
func value(into []byte, events []eventstore.Proposed) []byte {
	for _, e := range events {
		into = append(into, e.ID[:]...)
		into = append(append(into, e.Type...), e.Metadata...)
		into = binary.AppendUvarint(into, uint64(len(e.Data)))
		into = append(into, e.Data...)
	}
	return into
}
