package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/sim/auditor"
)

// The sources of commands that come without a file.
const (
	apiSource  = "api"
	deskSource = "desk"
)

func contentHash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "1:" + hex.EncodeToString(sum[:16])
}

// drawDirect draws commands that come as API calls: sales and refunds, some of
// them with other content under the same key, and reversals.
func (w *world) drawDirect() {
	var inputs []*auditor.Input
	byBook := map[string][]*auditor.Input{}
	add := func(in auditor.Input) *auditor.Input {
		in.Hash = contentHash(fmt.Sprintf("%s %d %s %v %v", in.Record, in.Tx.Amount, in.Tx.Original, in.Reverses, in.Legs))
		w.facts.Inputs = append(w.facts.Inputs, &in)
		inputs = append(inputs, &in)
		byBook[in.Tx.Book] = append(byBook[in.Tx.Book], &in)
		return &in
	}
	var sent []*auditor.Input // that may be given back
	for i, n := 0, w.random.IntN(14); i < n; i++ {
		in := auditor.Input{Source: apiSource, Record: fmt.Sprintf("A-%03d", i), Tx: w.sale(pick(w.random, w.books...), w.seller), Await: w.chance(40)}
		if len(sent) > 0 && w.chance(40) {
			in.Tx = w.refund(pick(w.random, sent...))
		}
		one := add(in)
		w.targets = append(w.targets, one)
		if !in.Tx.Returns {
			sent = append(sent, one)
		}
		if w.chance(15) {
			in.Tx.Amount += pick(w.random, int64(-1), 1, 10)
			if (in.Tx.Original == "" || in.Tx.Returns) == (in.Tx.Amount >= 0) {
				add(in)
			}
		}
	}
	for i, n := 0, w.random.IntN(6); i < n; i++ {
		w.targets = append(w.targets, add(w.adjustment(fmt.Sprintf("D-%02d", i))))
	}
	for i, n := 0, w.random.IntN(8); i < n && len(w.targets) > 0; i++ {
		target := pick(w.random, w.targets...)
		tx := auditor.Transaction{Book: target.Tx.Book, At: target.Tx.At.Add(3 * time.Minute)}
		add(auditor.Input{Source: deskSource, Record: fmt.Sprintf("R-%02d", i), Tx: tx, Reverses: &[2]string{target.Source, target.Record}, Await: w.chance(40)})
	}
	// Calls of a few commands each, of one book, in an order of their own.
	for _, b := range w.books {
		mine := byBook[b.id]
		w.random.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
		for len(mine) > 0 {
			n := min(len(mine), 1+w.random.IntN(4))
			w.direct = append(w.direct, mine[:n])
			mine = mine[n:]
		}
	}
}

// commandOf is what is sent for an input without a file.
func commandOf(in *auditor.Input) domain.Command {
	key := book.Key{Source: in.Source, ExternalID: in.Record}
	if in.Reverses != nil {
		return book.ReverseEntry{
			Key: key, Book: in.Tx.Book, ContentHash: in.Hash, Target: book.Key{Source: in.Reverses[0], ExternalID: in.Reverses[1]},
			Reason: "charged twice", OccurredAt: in.Tx.At, Policy: book.Policy{Await: in.Await},
		}
	}
	if in.Legs != nil {
		return adjustmentOf(in, key)
	}
	var attributes map[string]string
	if in.Tx.Grade != "" {
		attributes = map[string]string{"grade": in.Tx.Grade}
	}
	return book.SettleTransaction{Policy: book.Policy{Await: in.Await}, Transaction: book.Transaction{
		Attributes: attributes, Key: key, Book: in.Tx.Book, ContentHash: in.Hash, Type: in.Tx.Type, Method: in.Tx.Method, Product: in.Tx.Product, Parties: in.Tx.Parties,
		OccurredAt: in.Tx.At, Currency: money.Currency(in.Tx.Currency), Amount: money.New(in.Tx.Amount, uint8(auditor.Exponents[in.Tx.Currency])), OriginalID: in.Tx.Original,
	}}
}

// drawDates draws the dates that books are taken to: each by whichever process is
// free, so that several are on their way to different ones at once.
func (w *world) drawDates() {
	for _, b := range w.books {
		at := time.Date(2026, 11, pick(w.random, 4, 15, 25)+w.random.IntN(8), 0, 0, 0, 0, time.UTC)
		for range 1 + w.random.IntN(4) {
			w.facts.Advances = append(w.facts.Advances, auditor.Advance{Book: b.id, Date: at.Format(time.DateOnly)})
			at = at.AddDate(0, 0, 1+w.random.IntN(4))
		}
	}
}

func advancing(to auditor.Advance) *job {
	return &job{kind: advanceDate, name: "advance " + to.Book + " to " + to.Date, to: to}
}

// drawJobs puts everything in some order: each file and call once or twice, by
// whichever process is free, with the late terms and retries in between.
func (w *world) drawJobs() {
	for _, f := range w.files {
		w.jobs = append(w.jobs, &job{kind: ingestFile, name: "ingest " + f.name, file: f})
		if w.chance(60) {
			w.jobs = append(w.jobs, &job{kind: ingestFile, name: "ingest " + f.name + " again", file: f})
		}
	}
	for i, call := range w.direct {
		name := fmt.Sprintf("call %d", i+1)
		w.jobs = append(w.jobs, &job{kind: sendCommands, name: name, inputs: call})
		if w.chance(50) {
			w.jobs = append(w.jobs, &job{kind: sendCommands, name: name + " again", inputs: call})
		}
	}
	for _, to := range w.facts.Advances {
		w.jobs = append(w.jobs, advancing(to))
		if w.chance(30) {
			w.jobs = append(w.jobs, advancing(to))
		}
	}
	for _, c := range w.late {
		w.jobs = append(w.jobs, &job{kind: applyLate, name: c.CommandType(), late: c})
	}
	for _, s := range w.sources {
		for range w.random.IntN(3) {
			w.jobs = append(w.jobs, &job{kind: retryQuarantine, name: "retry " + s.id, source: s})
		}
	}
	w.random.Shuffle(len(w.jobs), func(i, j int) { w.jobs[i], w.jobs[j] = w.jobs[j], w.jobs[i] })
}
