package transaction

import (
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// run is a row of the transactions of one party.
type run struct {
	Party     string
	Positions []int64
}

// link points from a later transaction to the one that it names.
type link struct {
	Book     string // of the original
	Revision uint64 // of the original
	Position int64  // of the later one
	Kind     string
}

// changeSet is what a batch adds to the tables.
type changeSet struct {
	Transactions []*readmodel.Entry
	Parties      []run // those of one party in order
	Links        []link
	Steps        []Step
	Counted      []tally // each counter once
	Awaiting     []awaiting
	// Came are keys that something may have waited under before the batch.
	Came []waitKey
}

// fold turns the entries of a batch into rows.
func fold(events []readmodel.Event) changeSet {
	var changes changeSet
	open := map[string]int{} // index in Parties of the party's open chunk
	var counted counting
	var waiting waitingRoom
	for i := range events {
		entry := events[i].Entry
		if entry == nil {
			if event, ok := events[i].Event.(book.OriginalAwaited); ok {
				waiting.enter(&events[i], &event)
			}
			continue
		}
		counted.add(entry)
		if !entry.Transaction() {
			changes.Steps = append(changes.Steps, stepOf(&events[i], &counted))
			continue
		}
		waiting.leave(entry)
		changes.Transactions = append(changes.Transactions, entry)
		for _, party := range entry.Parties {
			index, known := open[party]
			if !known || len(changes.Parties[index].Positions) == readmodel.ChunkItems {
				index = len(changes.Parties)
				open[party] = index
				changes.Parties = append(changes.Parties, run{Party: party})
			}
			chunk := &changes.Parties[index]
			chunk.Positions = append(chunk.Positions, int64(entry.Position))
		}
		if entry.Original != nil {
			changes.Links = append(changes.Links, linkTo(entry.Original, entry, entry.Link))
		}
		if entry.Restores != nil {
			changes.Links = append(changes.Links, linkTo(entry.Restores, entry, readmodel.LinkRestoration))
		}
	}
	changes.Counted = counted.tallies
	changes.Awaiting, changes.Came = waiting.open(), waiting.came
	return changes
}

func linkTo(original *book.Original, from *readmodel.Entry, kind string) link {
	_, id := original.Stream.Split()
	return link{Book: id, Revision: original.Revision, Position: int64(from.Position), Kind: kind}
}
