package projections

import (
	"context"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

const (
	// batchEvents and batchBytes bound a batch, and with it the memory in use:
	// three batches exist at a time at most.
	batchEvents = 5_000
	batchBytes  = 8 << 20
	// batchWait is how long the first event of a batch waits for company.
	batchWait = 20 * time.Millisecond
	// checkpointWait is how long a position alone, of a filter's checkpoint, waits.
	checkpointWait = time.Second
	// decodedAhead is how many decoded events wait for their batch.
	decodedAhead = 1_024
)

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
	for {
		message, err := subscription.Next(ctx)
		if err != nil {
			return err
		}
		next := item{position: message.Position}
		switch {
		case message.Event != nil:
			event := readmodel.Decode(*message.Event)
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
func cut(ctx context.Context, from <-chan item, to chan<- batch) {
	var current batch
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
				current.events = make([]readmodel.Event, 0, 64)
				timer.Reset(batchWait)
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
			current, due = batch{}, false
			timer.Stop()
		case <-timer.C:
			due = true
		case <-ctx.Done():
			return
		}
	}
}
