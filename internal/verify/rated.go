package verify

import (
	"encoding/binary"
	"slices"
)

// rated keeps, of the settlements that engine 2 has rated, what refunds are held
// to: the terms, the lines and what they counted. It is packed: near 15 bytes and 6
// for each line, and 16 to find it by its revision.
type rated struct {
	chunks [][]byte
	found  []struct{ revision, at uint64 } // ascending
	again  map[uint64]uint64               // of settlements that were restated
}

// ratedChunk is how much is kept in one piece.
const ratedChunk = 1 << 20

// charge is what one rule charged, or gave back.
type charge struct {
	rule    uint64 // number of its id
	amount  figure
	returns bool // it is a part of what the original had charged
}

// tariff is what a settlement was rated by, and what came of it.
type tariff struct {
	contract, schedule     uint64 // numbers of their ids
	contractAt, scheduleAt uint64
	version, engine        uint64
	charges                []charge
	added                  []addition
	// What formulas may ask of the original of a refund; empty where the schedule has
	// none that count or bound.
	method, product string
	attributes      []attribute
	on              string // the effective date, where the schedule holds money
}

// addition is what a settlement added to a counter.
type addition struct {
	counter, days uint64 // number of its text
	amount        figure
}

func (r *rated) add(revision uint64, t *tariff, room []byte) []byte {
	b, at := r.pack(t, room)
	r.found = append(r.found, struct{ revision, at uint64 }{revision, at})
	return b
}

// restate keeps another tariff of a settlement, in the place of the one before.
func (r *rated) restate(revision uint64, t *tariff, room []byte) []byte {
	b, at := r.pack(t, room)
	if r.again == nil {
		r.again = map[uint64]uint64{}
	}
	r.again[revision] = at
	return b
}

func (r *rated) pack(t *tariff, room []byte) (b []byte, at uint64) {
	b = room[:0]
	for _, n := range []uint64{t.contract, t.schedule, t.contractAt, t.scheduleAt, t.version, t.engine, uint64(len(t.charges))} {
		b = binary.AppendUvarint(b, n)
	}
	for _, c := range t.charges {
		rule := c.rule << 1
		if c.returns {
			rule++
		}
		b = appendFigure(binary.AppendUvarint(b, rule), c.amount)
	}
	b = binary.AppendUvarint(b, uint64(len(t.added)))
	for _, a := range t.added {
		b = appendFigure(binary.AppendUvarint(binary.AppendUvarint(b, a.counter), a.days), a.amount)
	}
	b = appendText(appendText(b, t.method), t.product)
	b = binary.AppendUvarint(b, uint64(len(t.attributes)))
	for i := range t.attributes {
		b = appendText(appendText(b, t.attributes[i].name), t.attributes[i].value)
	}
	b = appendText(b, t.on)
	last := len(r.chunks) - 1
	if last < 0 || len(r.chunks[last])+len(b) > ratedChunk {
		r.chunks = append(r.chunks, make([]byte, 0, max(ratedChunk, len(b))))
		last++
	}
	at = uint64(last)<<32 | uint64(len(r.chunks[last]))
	r.chunks[last] = append(r.chunks[last], b...)
	return b, at
}

// of returns the tariff of a settlement; ok is false where engine 2 did not rate it.
func (r *rated) of(revision uint64, into *tariff) (ok bool) {
	if at, again := r.again[revision]; again {
		r.unpack(at, into)
		return true
	}
	index, ok := slices.BinarySearchFunc(r.found, revision, func(e struct{ revision, at uint64 }, want uint64) int {
		switch {
		case e.revision < want:
			return -1
		case e.revision > want:
			return 1
		}
		return 0
	})
	if !ok {
		return false
	}
	r.unpack(r.found[index].at, into)
	return true
}

func (r *rated) unpack(at uint64, into *tariff) {
	b := r.chunks[at>>32][at&(1<<32-1):]
	number := func() uint64 {
		n, size := binary.Uvarint(b)
		b = b[size:]
		return n
	}
	amount := func() (f figure) {
		short := b[0] == 0
		b = b[1:]
		if short {
			n, size := binary.Varint(b)
			b = b[size:]
			return figure{n >> 63, uint64(n)}
		}
		f = figure{int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])}
		b = b[16:]
		return f
	}
	*into = tariff{
		contract: number(), schedule: number(), contractAt: number(), scheduleAt: number(), version: number(), engine: number(),
		charges: into.charges[:0], added: into.added[:0],
	}
	text := func() string {
		size := number()
		s := string(b[:size])
		b = b[size:]
		return s
	}
	for range number() {
		rule := number()
		into.charges = append(into.charges, charge{rule >> 1, amount(), rule&1 == 1})
	}
	for range number() {
		into.added = append(into.added, addition{number(), number(), amount()})
	}
	into.method, into.product = text(), text()
	for range number() {
		into.attributes = append(into.attributes, attribute{text(), text()})
	}
	into.on = text()
}

// names reports whether the schedule has formulas that are worked out here.
func (p *program) names() bool {
	return len(p.accumulators) > 0 || len(p.bounds) > 0 || len(p.recourse) > 0 || p.holds()
}

// holds reports whether the schedule holds money back or converts it.
func (p *program) holds() bool {
	for _, r := range p.routes {
		if r.hold != nil || r.exchange != nil {
			return true
		}
	}
	return false
}

// number gives a text its number, the same each time.
func (f *fold) number(text []byte) uint64 {
	if n, ok := f.numbers[string(text)]; ok {
		return n
	}
	n := uint64(len(f.numbered))
	f.numbers[string(text)] = n
	f.numbered = append(f.numbered, string(text))
	return n
}
