package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/internal/verify"
)

// withIndex is a report of verify with what was found about the local index.
type withIndex struct {
	verify.Report
	Index []command.CheckedBook `json:"index"`
}

// checkIndex compares the local index in --data with the log and prints, for
// people, what it covers. The process that settles keeps the index to itself: it
// must have stopped.
func (p *program) checkIndex(ctx context.Context, o *parts) ([]command.CheckedBook, error) {
	directory := filepath.Join(p.config.Data, "index")
	checked, err := command.CheckIndex(ctx, command.CheckConfig{Store: o.store, Identity: o.identity, IndexDir: directory, Logger: p.log})
	if err != nil {
		return nil, err
	}
	if !p.config.JSON {
		for _, c := range checked {
			fmt.Fprintf(p.stdout, "local index of book %s: %s keys and %s accounts agree with the log at revision %d, %s events behind its end\n",
				c.Book, count(c.Keys), count(c.Accounts), c.Revision, count(c.Behind))
		}
		if len(checked) == 0 {
			fmt.Fprintln(p.stdout, "the local index has no book yet")
		}
	}
	return checked, nil
}
