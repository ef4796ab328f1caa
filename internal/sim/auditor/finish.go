package auditor

import (
	"fmt"
	"maps"
	"slices"
)

// Finished judges the end: everything that was sent has been through twice, with
// nothing in its way. What can settle has settled, and all else lies in quarantine.
func (a *Auditor) Finished() error {
	if err := a.arrived(); err != nil {
		return err
	}
	for _, name := range slices.SortedFunc(maps.Keys(a.contents), byName) {
		contents := a.contents[name]
		s := a.keys[name]
		if s == nil {
			for _, in := range contents {
				if why := a.couldSettle(in); why != "" {
					return fmt.Errorf("%s/%s has not settled: %s", name.source, name.id, why)
				}
				if in.Ignored == "" && !in.Faulty && a.mayNotWait(in) == "" {
					return fmt.Errorf("%s/%s neither has settled nor waits", name.source, name.id)
				}
			}
		}
		for _, in := range contents {
			if err := a.kept(in, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tidy judges the quarantine of a source after a retry that nothing disturbed: what
// has settled is not in it any more.
func (a *Auditor) Tidy(id string) error {
	src := a.sources[id]
	if src == nil {
		return nil
	}
	for key, q := range src.open {
		if s := a.keys[record{key.source, key.record}]; s != nil && s.input == q.in || a.rests(q.in) {
			return fmt.Errorf("%s/%s has settled and is still in quarantine after a retry", key.source, key.record)
		}
	}
	return nil
}

func byName(x, y record) int {
	switch {
	case x == y:
		return 0
	case x.source < y.source || x.source == y.source && x.id < y.id:
		return -1
	}
	return 1
}

// kept makes sure that a record of a file lies in quarantine, or does not.
func (a *Auditor) kept(in *Input, s *settled) error {
	if in.Raw == "" {
		return nil // a command: its answer was all
	}
	must := in.Ignored == "" && (s == nil || s.input != in) && !a.rests(in)
	is := false
	if src := a.sources[in.Source]; src != nil {
		_, is = src.open[input{in.Source, in.Record, in.Hash}]
	}
	if must != is {
		return fmt.Errorf("%s/%s %s: in quarantine is %t and must be %t", in.Source, in.Record, in.Hash, is, must)
	}
	return nil
}

// couldSettle says why an input should have settled by now; empty where it cannot.
func (a *Auditor) couldSettle(in *Input) string {
	if in.Ignored != "" || in.Faulty {
		return ""
	}
	if w := a.waiting[in.name()]; w != nil && w.input != in {
		return ""
	}
	if in.Reverses != nil {
		target := a.keys[record{in.Reverses[0], in.Reverses[1]}]
		if target == nil || !target.reversible() {
			return ""
		}
		return "its target can be reversed"
	}
	if in.Legs != nil {
		name, names := in.original()
		if names && a.keys[name] == nil || a.strangers(in, a.position) != "" {
			return ""
		}
		return "all that it names is there"
	}
	s := &settled{input: in, tx: in.Tx, book: in.Tx.Book}
	if in.Tx.Original != "" {
		o := a.keys[record{in.Source, in.Tx.Original}]
		if o == nil || o.refuses(&in.Tx) != "" {
			return ""
		}
		s.original = o
	}
	if a.bind(s) != nil {
		return ""
	}
	for _, party := range s.parties {
		if a.registered[party] == 0 {
			return ""
		}
	}
	if a.tooLate(s) {
		return ""
	}
	return "nothing stands in its way"
}
