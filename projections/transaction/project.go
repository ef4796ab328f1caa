package transaction

import (
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
	Counted      []tally // each counter once
}

// fold turns the entries of a batch into rows.
func fold(events []readmodel.Event) changeSet {
	var changes changeSet
	open := map[string]int{} // index in Parties of the party's open chunk
	var counted counting
	for i := range events {
		entry := events[i].Entry
		if entry == nil {
			continue
		}
		changes.Transactions = append(changes.Transactions, entry)
		counted.add(entry)
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
			_, book := entry.Original.Stream.Split()
			changes.Links = append(changes.Links, link{Book: book, Revision: entry.Original.Revision, Position: int64(entry.Position), Kind: entry.Link})
		}
	}
	changes.Counted = counted.tallies
	return changes
}
