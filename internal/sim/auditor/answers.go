package auditor

import "fmt"

// Answer is what a caller was told about an input.
type Answer struct {
	Source, Record, Hash string
	// Asked is the position of the log when the question was put.
	Asked uint64
	// Ref and Position are those of a success; Refused is the code of a refusal.
	Ref      Ref
	Position uint64
	Refused  string
	// Replayed says that it had been done before.
	Replayed bool
	// Awaiting says that it waits.
	Awaiting bool
}

// Acknowledged judges a success that is about no input: the event must be there.
func (a *Auditor) Acknowledged(answer Answer) error {
	switch {
	case answer.Refused != "":
		return nil
	case answer.Ref.Revision >= a.counts[answer.Ref.Stream]:
		return fmt.Errorf("acknowledged at %v, and the stream has %d events", answer.Ref, a.counts[answer.Ref.Stream])
	case answer.Position > a.position:
		return fmt.Errorf("the position %d lies beyond the log's end at %d", answer.Position, a.position)
	}
	return nil
}

// Answered judges an answer that has reached its caller. Everything in the log by
// then must have been taken.
func (a *Auditor) Answered(answer Answer) error {
	key := input{answer.Source, answer.Record, answer.Hash}
	in := a.inputs[key]
	if in == nil {
		return fmt.Errorf("an answer to %v, which nobody sent", key)
	}
	fault := func(format string, arguments ...any) error {
		return fmt.Errorf("answer to %s/%s: %s", answer.Source, answer.Record, fmt.Sprintf(format, arguments...))
	}
	s := a.keys[record{answer.Source, answer.Record}]
	if answer.Refused != "" {
		if why := a.wronglyRefused(in, s, answer); why != "" {
			return fault("refused as %s: %s", answer.Refused, why)
		}
		return nil
	}
	first, before := a.firsts[key]
	if w := a.waiting[in.name()]; w != nil && w.input == in && w.ref == answer.Ref && answer.Position >= w.position && answer.Position <= a.position {
		if !answer.Replayed && !answer.Awaiting {
			return fault("it waits, and the caller does not know")
		}
		return nil
	}
	switch {
	case answer.Awaiting:
		return fault("it does not wait at %v", answer.Ref)
	case before && first != answer.Ref:
		return fault("first it was %v, now %v", first, answer.Ref)
	case s == nil:
		return fault("acknowledged at %v, and not in the log", answer.Ref)
	case s.ref != answer.Ref || s.input != in:
		return fault("acknowledged at %v, and the log has it at %v", answer.Ref, s.ref)
	case answer.Position < s.position:
		return fault("the position %d lies before the event at %d", answer.Position, s.position)
	case answer.Position > a.position:
		return fault("the position %d lies beyond the log's end at %d", answer.Position, a.position)
	}
	a.firsts[key] = answer.Ref
	return nil
}

// wronglyRefused says why a refusal cannot be; empty where it can.
func (a *Auditor) wronglyRefused(in *Input, s *settled, answer Answer) string {
	if s != nil && s.input == in && s.position <= answer.Asked {
		return "it had settled before"
	}
	if why := a.mayRefuse(in, answer.Refused); why != "" {
		return why
	}
	if in.Faulty {
		return ""
	}
	original := a.keys[record{in.Source, in.Tx.Original}]
	if in.Tx.Original == "" {
		original = nil
	}
	bound := &settled{input: in, tx: in.Tx, book: in.Tx.Book, original: original}
	switch answer.Refused {
	case "missing_contract":
		if a.asOriginal(original) && original.position <= answer.Asked {
			return "it has the contract of its original"
		}
		if c := a.contractFor(&in.Tx); c != nil && a.signed[c.ID] != 0 && a.signed[c.ID] <= answer.Asked {
			return "the contract " + c.ID + " was signed before"
		}
	case "unknown_party":
		if a.strangers(in, answer.Asked) != "" {
			return ""
		}
		for _, party := range in.Tx.Parties {
			if p := a.registered[party]; p == 0 || p > answer.Asked {
				return ""
			}
		}
		return "all parties were registered before"
	case "missing_original":
		if a.mayNotWait(in) == "" {
			return "it could wait"
		}
		name, _ := in.original()
		if o := a.keys[name]; o != nil && o.position <= answer.Asked {
			return "the original had settled before"
		}
	case "conflict":
		late := in.Reverses == nil && a.bind(bound) == nil && a.tooLate(bound)
		if _, names := in.original(); !names && s == nil && !late {
			return "nothing else has settled under the key"
		}
	}
	return ""
}
