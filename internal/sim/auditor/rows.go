package auditor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func number[N int | int64 | uint64](n N) string { return fmt.Sprint(n) }

// named are the parties of an entry: those it names and the owners of accounts.
func (s *settled) named() []string {
	var all []string
	for _, party := range s.parties {
		all = append(all, party)
	}
	for _, l := range s.legs {
		owner, _, _ := strings.Cut(l.account, "/")
		all = append(all, owner)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ids are what an entry is about, as the audit read model lists it.
func (s *settled) ids() []string {
	ids := []string{"book:" + s.book, "source:" + s.input.Source, "transaction:" + s.input.Source + "/" + s.input.Record}
	if s.contract != nil {
		ids = append(ids, "contract:"+s.contract.ID, "schedule:"+s.contract.Schedule)
	}
	for _, party := range s.named() {
		ids = append(ids, "party:"+party)
	}
	for id := range s.looked {
		ids = append(ids, "calendar:"+id)
	}
	if s.original != nil {
		ids = append(ids, "transaction:"+s.original.input.Source+"/"+s.original.input.Record)
	}
	return ids
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func eventRow(e Event, m meta, ids []string) []string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return []string{number(e.Position), e.Stream, number(e.Revision), e.Type, m.Actor, stamp(m.RecordedAt), strings.Join(slices.Compact(ids), " ")}
}

// tables are rows by read model and table.
type tables map[string][][]string

func (t tables) add(table string, row ...string) { t[table] = append(t[table], row) }

// Projected compares the rows of a read model, by table, with what they must be.
func (a *Auditor) Projected(readModel string, rows map[string][][]string) error {
	must := tables{}
	switch readModel {
	case "account":
		a.accountRows(must)
	case "transaction":
		a.transactionRows(must)
		a.counterRows(must)
		a.stepRows(must)
		a.awaitingRows(must)
	case "hold":
		a.holdRows(must)
	case "daily":
		a.dailyRows(must)
	case "audit":
		must["events"] = a.events
		a.mentionRows(must)
	case "directory":
		a.directoryRows(must)
	default:
		return fmt.Errorf("no read model %q is known here", readModel)
	}
	for table := range rows {
		must[table] = append(must[table], nil...)
	}
	for table := range must {
		if err := equal(rows[table], must[table]); err != nil {
			return fmt.Errorf("read model %s, table %s: %w", readModel, table, err)
		}
	}
	return nil
}

// equal compares rows in any order and tells of the first difference.
func equal(is, must [][]string) error {
	lines := func(rows [][]string) []string {
		all := make([]string, len(rows))
		for i, row := range rows {
			all[i] = strings.Join(row, " | ")
		}
		slices.Sort(all)
		return all
	}
	x, y := lines(is), lines(must)
	for i := range max(len(x), len(y)) {
		switch {
		case i >= len(x) || i < len(y) && y[i] < x[i]:
			return fmt.Errorf("%d rows, must be %d; a row is missing: %s", len(x), len(y), y[i])
		case i >= len(y) || x[i] < y[i]:
			return fmt.Errorf("%d rows, must be %d; a row is too many: %s", len(x), len(y), x[i])
		}
	}
	return nil
}

func (a *Auditor) accountRows(must tables) {
	for _, b := range a.books {
		for path, acc := range b.accounts {
			last := acc.items[len(acc.items)-1].position
			must.add("balances", b.id, path, short(acc.debits, acc.currency), short(acc.credits, acc.currency), number(len(acc.items)), number(last))
			for _, it := range acc.items {
				side := "credit"
				if it.leg.debit {
					side = "debit"
				}
				must.add("entries", b.id, path, number(it.position), side, short(it.leg.amount, acc.currency), short(it.debits, acc.currency), short(it.credits, acc.currency))
			}
		}
	}
}

func (a *Auditor) transactionRows(must tables) {
	for _, b := range a.books {
		for _, s := range b.entries {
			kind, contract, schedule := "settlement", "", ""
			if s.contract != nil {
				contract, schedule = s.contract.ID, s.contract.Schedule
			}
			link := "refund"
			if s.input.Reverses != nil {
				kind, link = "reversal", "reversal"
			} else if s.input.Legs != nil {
				kind, link = "adjustment", "adjustment"
			}
			must.add("transactions", number(s.position), b.id, number(s.ref.Revision), kind, s.input.Source, s.input.Record,
				s.tx.Type, s.tx.Method, s.tx.Product, s.tx.Currency, short(s.tx.Amount, s.tx.Currency),
				stamp(s.tx.At), s.on, stamp(s.recorded), contract, schedule, number(s.version), strings.Join(s.named(), " "))
			for _, party := range s.named() {
				must.add("parties", party, number(s.position))
			}
			if s.original != nil {
				must.add("links", b.id, number(s.original.ref.Revision), number(s.position), link)
			}
			if s.restores != nil {
				must.add("links", b.id, number(s.restores.ref.Revision), number(s.position), "restoration")
			}
		}
	}
}

func (a *Auditor) dailyRows(must tables) {
	type key [6]string
	type sum struct{ transactions, debits, credits int64 }
	sums := map[key]*sum{}
	for _, b := range a.books {
		at := func(k key) *sum {
			if sums[k] == nil {
				sums[k] = &sum{}
			}
			return sums[k]
		}
		move := func(legs []leg, of func(party, currency string) key) {
			for _, l := range legs {
				owner, _, _ := strings.Cut(l.account, "/")
				if total := at(of(owner, currencyOf(l.account))); l.debit {
					total.debits += l.amount
				} else {
					total.credits += l.amount
				}
			}
		}
		for _, s := range b.entries {
			of := func(party, currency string) key {
				return key{s.on, b.id, party, s.tx.Product, s.tx.Method, s.tx.Type + " | " + currency}
			}
			for _, party := range s.named() {
				at(of(party, s.tx.Currency)).transactions++
			}
			move(s.legs, of)
		}
		for _, s := range b.steps {
			move(s.legs, func(party, currency string) key { return key{s.date, b.id, party, "", "", s.kind + " | " + currency} })
		}
	}
	for k, s := range sums {
		_, currency, _ := strings.Cut(k[5], " | ")
		must.add("totals", k[0], k[1], k[2], k[3], k[4], k[5], number(s.transactions), short(s.debits, currency), short(s.credits, currency))
	}
}

// mentionRows lists events by what they concern, but for transactions, and by
// stream, type and actor; a book stands for its stream.
func (a *Auditor) mentionRows(must tables) {
	for _, e := range a.events {
		subjects := append(strings.Fields(e[6]), "type:"+e[3], "actor:"+e[4])
		if !strings.HasPrefix(e[1], "book-") {
			subjects = append(subjects, "stream:"+e[1])
		}
		for _, subject := range subjects {
			if !strings.HasPrefix(subject, "transaction:") {
				must.add("mentions", subject, e[0])
			}
		}
	}
}

func (a *Auditor) directoryRows(must tables) {
	for id := range a.holidays {
		if a.counts["calendar-"+id] > 0 {
			must.add("calendars", id, "1")
		}
	}
	for party, position := range a.registered {
		must.add("parties", party, a.kinds[party], number(position))
	}
	for _, c := range a.contracts {
		if a.signed[c.ID] != 0 {
			must.add("contracts", c.ID, c.Book, c.Schedule, c.From, c.Until)
		}
	}
	for id, versions := range a.published {
		for i := range versions {
			must.add("schedules", id, strconv.Itoa(i+1), a.schedules[id].Versions[i].From)
		}
	}
	for id, s := range a.sources {
		must.add("sources", id, strconv.Itoa(s.version), number(len(s.open)))
		for key, q := range s.open {
			must.add("quarantine", key.source, key.record, key.hash, q.code, number(q.position))
		}
	}
}
