package projections

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

const (
	// batchEvents and batchBytes bound a batch, and with it the memory in use:
	// three batches exist at a time at most.
	batchEvents = 10_000
	batchBytes  = 24 << 20
	// The first event of a batch waits for company about as long as two batches
	// like the last one take to write: on an idle machine hardly at all, on a busy
	// one for the sake of larger and so cheaper batches. At full rate writing keeps
	// pace with waiting, so that this grows to the longest; at half of it, it does not.
	shortestBatchWait = 5 * time.Millisecond
	longestBatchWait  = 250 * time.Millisecond
	// checkpointWait is how long a position alone, of a filter's checkpoint, waits.
	checkpointWait = time.Second
	// decodedAhead is how many decoded events wait for their batch.
	decodedAhead = 1_024
)

// pace knows how long the last batch took to write. It is safe for concurrent use.
type pace struct{ last atomic.Int64 }

func (p *pace) took(d time.Duration) { p.last.Store(int64(d)) }

// wait is how long a batch waits for company.
func (p *pace) wait() time.Duration {
	return min(max(2*time.Duration(p.last.Load()), shortestBatchWait), longestBatchWait)
}

// batch is a run of the log.
type batch struct {
	events   []readmodel.Event
	bytes    int
	position eventstore.Position // everything up to here is in it or in an earlier one
}

func (b *batch) full() bool { return len(b.events) >= batchEvents || b.bytes >= batchBytes }

// item is one step of the subscription, decoded.
type item struct {
	event    *readmodel.Event // nil for a position alone
	bytes    int
	position eventstore.Position
}

// receive reads the subscription and decodes, until an error.
func receive(ctx context.Context, subscription eventstore.Subscription, to chan<- item) error {
	var decoder readmodel.Decoder
	for {
		message, err := subscription.Next(ctx)
		if err != nil {
			return err
		}
		next := item{position: message.Position}
		switch {
		case message.Event != nil:
			event := decoder.Decode(*message.Event)
			next.event, next.bytes = &event, len(message.Event.Data)+len(message.Event.Metadata)
		case message.CaughtUp || message.Position == eventstore.Start:
			continue
		}
		select {
		case to <- next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cut gathers items to batches and hands each over as soon as it is full, or old
// enough and somebody takes it. It ends with ctx.
func cut(ctx context.Context, from <-chan item, to chan<- batch, pace *pace) {
	var current batch
	room := 64
	timer := time.NewTimer(checkpointWait)
	timer.Stop()
	due := false
	for {
		var in <-chan item
		var out chan<- batch
		if !current.full() {
			in = from
		}
		if due || current.full() {
			out = to
		}
		select {
		case next := <-in:
			switch {
			case next.event != nil && len(current.events) == 0:
				current.events = make([]readmodel.Event, 0, room)
				timer.Reset(pace.wait())
				due = false
			case next.event == nil && current.position == eventstore.Start:
				timer.Reset(checkpointWait)
			}
			if next.event != nil {
				current.events = append(current.events, *next.event)
			}
			current.bytes += next.bytes
			current.position = next.position
		case out <- current:
			room = max(64, len(current.events)) // the next one is likely to be as long
			current, due = batch{}, false
			timer.Stop()
		case <-timer.C:
			due = true
		case <-ctx.Done():
			return
		}
	}
}
