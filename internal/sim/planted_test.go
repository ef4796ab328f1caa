package sim

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// once lets a tampering happen one time in a run, at an event of a type; append
// after append may be repeated, so what is changed is changed again the same way.
func once(eventType string, change func(events []eventstore.Proposed, at int) []eventstore.Proposed) func() Options {
	return func() Options {
		var chosen *eventstore.Proposed
		return Options{Tamper: func(_ domain.StreamID, events []eventstore.Proposed) []eventstore.Proposed {
			for i := range events {
				if events[i].Type != eventType || chosen != nil && chosen.ID != events[i].ID {
					continue
				}
				event := events[i]
				changed := change(append([]eventstore.Proposed{}, events...), i)
				if changed != nil {
					chosen = &event
					return changed
				}
			}
			return events
		}}
	}
}

// replace changes the data of an event; nil where it has no such text.
func replace(old, new string) func([]eventstore.Proposed, int) []eventstore.Proposed {
	return func(events []eventstore.Proposed, at int) []eventstore.Proposed {
		if !bytes.Contains(events[at].Data, []byte(old)) {
			return nil
		}
		events[at].Data = bytes.Replace(events[at].Data, []byte(old), []byte(new), 1)
		return events
	}
}

func lost(events []eventstore.Proposed, at int) []eventstore.Proposed {
	if len(events) == 1 {
		return nil // an append of nothing would be noticed by the store
	}
	return append(events[:at], events[at+1:]...)
}

// without drops what follows an original that something has waited for.
func without(eventType string) func() Options {
	return once(eventType, func(events []eventstore.Proposed, at int) []eventstore.Proposed {
		if !bytes.Contains(events[at].Data, []byte(`"awaited":{`)) || at+1 >= len(events) {
			return nil
		}
		return append(events[:at+1], events[at+2:]...)
	})
}

// advancedTooEarly says that a book has come to a date with the first step to it.
func advancedTooEarly() Options {
	return Options{Answer: func(c domain.Command, reply *command.Reply) {
		if _, advances := c.(book.AdvanceBusinessDate); advances && reply.Outcome == command.Replayed && reply.Err == nil && reply.Ref.Revision > 0 {
			reply.Ref.Revision--
		}
	}}
}

func doubled(events []eventstore.Proposed, at int) []eventstore.Proposed {
	twin := events[at]
	twin.ID[0] ^= 0xff
	return append(events, twin)
}

func swapped(events []eventstore.Proposed, at int) []eventstore.Proposed {
	if !bytes.Contains(events[at].Data, []byte(`"debit"`)) {
		return nil
	}
	data := bytes.ReplaceAll(events[at].Data, []byte(`"debit"`), []byte(`"other"`))
	data = bytes.ReplaceAll(data, []byte(`"credit"`), []byte(`"debit"`))
	events[at].Data = bytes.ReplaceAll(data, []byte(`"other"`), []byte(`"credit"`))
	return events
}

// inThePast records an event of a book that has others before it.
func inThePast() Options {
	before := 0
	return once("TransactionSettled.v2", func(events []eventstore.Proposed, at int) []eventstore.Proposed {
		if before++; before <= 10 {
			return nil
		}
		for _, text := range []*[]byte{&events[at].Data, &events[at].Metadata} {
			*text = bytes.Replace(*text, []byte(`"recorded_at":"2026-12`), []byte(`"recorded_at":"2026-11`), 1)
		}
		return events
	})()
}

func skipped(readModel string) func() Options {
	return func() Options {
		skips := 0
		return Options{Skip: func(name string, events int) bool {
			if name == readModel && events > 0 {
				skips++
			}
			return name == readModel && skips == 1 && events > 0
		}}
	}
}

// told changes the answer to some settlement.
func told(change func(reply *command.Reply) bool) func() Options {
	return func() Options {
		done := false
		return Options{Answer: func(c domain.Command, reply *command.Reply) {
			if _, settles := c.(book.SettleTransaction); settles && reply.Err == nil && !done {
				done = change(reply)
			}
		}}
	}
}

// TestAuditorFindsPlantedBugs: what the simulation would not see, it does not test.
func TestAuditorFindsPlantedBugs(t *testing.T) {
	const settled, reversed = "TransactionSettled.v2", "EntryReversed.v2"
	const released, closed, advanced = "HoldsReleased.v1", "WindowClosed.v1", "BusinessDateAdvanced.v1"
	const awaited, adjusted = "OriginalAwaited.v1", "AdjustmentPosted.v1"
	for _, bug := range []struct {
		name    string
		options func() Options
		says    string
	}{
		{"a settlement is lost", once(settled, lost), "not in the log|the log has it at|the event that precedes|has not settled"},
		{"a key is settled twice", once(settled, doubled), "the key was settled before"},
		{"a settlement stands on the wrong sides", once(settled, swapped), "posting 0 is"},
		{"a posting is too large", once(settled, replace(`"debit":"`, `"debit":"1`)), "posting 0 is"},
		{"a posting is too many", once(settled, replace(`"postings":[`, `"postings":[{"account":"op/payable/KRW","debit":"1"},`)), "posting 0 is|postings and must be"},
		{"a settlement has another amount", once(settled, replace(`"amount":"`, `"amount":"1`)), "amount is"},
		{"a settlement names another day", once(settled, replace(`"effective_on":"2026`, `"effective_on":"2025`)), "effective_on is"},
		{"a settlement names another contract", once(settled, replace(`"contract":"`, `"contract":"x`)), "apply"},
		{"a line is explained wrongly", once(settled, replace(`"explanation":[{"rule":"rule1"`, `"explanation":[{"rule":"rule9"`)), "of the explanation"},
		{"a refund points at another original", once(settled, replace(`"original":{"source":"`, `"original":{"source":"x`)), "it points at"},
		{"another engine has rated", once(settled, replace(`"engine":2`, `"engine":1`)), "engine 2 rates it"},
		{"an attribute is another", once(settled, replace(`"attributes":{"grade":"small"}`, `"attributes":{"grade":"general"}`)), "with attributes"},
		{"a party is of another revision", once(settled, replace(`"seller":"s-1@0"`, `"seller":"s-1@9"`)), "it must name what it used of party-s-1|must be those of the original"},
		{"a count begins elsewhere", once(settled, replace(`"before":"`, `"before":"1`)), "count 0 must be"},
		{"a count ends elsewhere", once(settled, replace(`"after":"`, `"after":"1`)), "count 0 must be"},
		{"a count is of another month", once(settled, replace(`/2026-11/`, `/2026-10/`)), "count [0-9] must be"},
		{"a count is left out", once(settled, replace(`"counts":[{"counter":"contract`, `"counts":[{"counter":"nobody`)), "count 0 must be"},
		{"a refund forgets an earlier one", once(settled, replace(`"refunded":"`, `"refunded":"9`)), "is given back, not"},
		{"a reversal counts elsewhere", once(reversed, replace(`"counts":[{"counter":"`, `"counts":[{"counter":"x`)), "count 0 must be"},
		{"time goes back in a book", inThePast, "before the event that precedes it"},
		{"a reversal swaps nothing", once(reversed, swapped), "posting 0 is"},
		{"a reversal is doubled", once(reversed, doubled), "the key was settled before"},
		{"a quarantined record is lost", once("RecordQuarantined.v1", lost), "in quarantine is false|the stream has|the log has"},
		{"a record is quarantined twice", once("RecordQuarantined.v1", doubled), "it was in quarantine before"},
		{"raw bytes are damaged", once("RecordQuarantined.v1", replace(`"box":"`, `"box":"AAAA`)), "its raw bytes are"},
		{"a release is lost", once("QuarantineReleased.v1", lost), "in quarantine is true|the stream has"},
		{"a delivery is miscounted", once("DeliveryIngested.v1", replace(`"read":`, `"read":1`)), "the counts do not add up"},
		{"a party is lost", once("PartyRegistered.v1", replace(`"kind":"`, `"kind":"x`)), "was to be registered"},
		{"money is not held", once(settled, replace(`"holds":[`, `"loose":[`)), "there are 0 holds|hold 0 must be"},
		{"money is held for a year more", once(settled, replace(`"into":"payable","on":"2026`, `"into":"payable","on":"2027`)), "hold 0 must be"},
		{"more is held", once(settled, replace(`"change":"`, `"change":"1`)), "hold 0 must be"},
		{"another calendar has counted", once(settled, replace(`"calendars":{"kr"`, `"calendars":{"jp"`)), "it must name the calendar"},
		{"a refund takes nothing of what is held", once(settled, replace(`"change":"-`, `"change":"`)), "hold [0-9] must be"},
		{"a reversal takes nothing of what is held", once(reversed, replace(`"holds":[`, `"loose":[`)), "there are 0 holds|hold 0 must be"},
		{"held money is released twice", once(released, doubled), "nothing is due|posting 0 is|hold 0 must be"},
		{"held money stays", once(released, lost), "while .* is due|stands at|the stream has"},
		{"a release moves to the wrong side", once(released, swapped), "posting 0 is"},
		{"a release takes too little off", once(released, replace(`"change":"-`, `"change":"-1`)), "hold 0 must be"},
		{"a conversion is at another rate", once(settled, replace(`"mid":"`, `"mid":"1`)), "conversion 0 is"},
		{"a conversion gives more", once(settled, replace(`"result":"`, `"result":"1`)), "conversion 0 is"},
		{"a conversion is not told", once(settled, replace(`"conversions":[`, `"exchanges":[`)), "there are 0 conversions"},
		{"converted money goes to another party", once(settled, replace(`"account":"plat/fx_income/`, `"account":"op/fx_income/`)), "posting [0-9]+ is"},
		{"a window is to be closed later", once(settled, replace(`"closes":"2026-1`, `"closes":"2027-1`)), "count 0 must be"},
		{"a window is closed twice", once(closed, doubled), "next to be closed is|cannot go to"},
		{"a window is never closed", once(closed, lost), "is to be closed|stands at|the stream has|next to be closed is"},
		{"another window is closed", once(closed, replace(`"counter":"contract:`, `"counter":"contract:x`)), "next to be closed is"},
		{"a window ends on another day", once(closed, replace(`"last":"2026`, `"last":"2027`)), "it must be closed from"},
		{"a closing reads another sum", once(closed, replace(`"before":"`, `"before":"1`)), "it must have read"},
		{"a closing charges too much", once(closed, replace(`"debit":"`, `"debit":"1`)), "posting 0 is"},
		{"a closing explains another entry", once(closed, replace(`"rule":"share"`, `"rule":"shares"`)), "the entry share must move"},
		{"a closing charges another party", once(closed, replace(`"from":"`, `"from":"x`)), "the entry share must move"},
		{"a closing carries too much", once(closed, replace(`"counts":[{"counter":"`, `"counts":[{"counter":"x`)), "must be carried into|nothing is carried"},
		{"a date is left out", once(advanced, lost), "stands at|is no step to a date|the stream has|stood at"},
		{"a date is skipped", once(advanced, replace(`"to":"2026-11-1`, `"to":"2026-11-2`)), "cannot go to|nobody asked the book"},
		{"a date comes again", once(advanced, doubled), "cannot go to"},
		{"something waits twice", once(awaited, doubled), "it waits already|must follow|settled before"},
		{"something waits for another original", once(awaited, replace(`"awaits":{"source":"`, `"awaits":{"source":"x`)), "it must wait for"},
		{"what waits is forgotten", once(settled, replace(`"awaited":{`, `"forgotten":{`)), "for it waits"},
		{"what waited does not follow", without(settled), "must follow|has not settled|the stream has|not in the log|the log has"},
		{"a dispute won restores another sale", once(settled, replace(`"restores":{"source":"`, `"restores":{"source":"x`)), "it restores"},
		{"a dispute won restores nothing", once(settled, replace(`"restores":{`, `"remembers":{`)), "it restores"},
		{"an adjustment is too large", once(adjusted, replace(`"debit":"`, `"debit":"1`)), "posting [0-9] is"},
		{"an adjustment names another transaction", once(adjusted, replace(`"adjusts":{"source":"`, `"adjusts":{"source":"x`)), "it points at"},
		{"an adjustment is posted twice", once(adjusted, doubled), "the key was settled before"},
		{"an adjustment holds nothing", once(adjusted, replace(`"holds":[`, `"loose":[`)), "there are 0 holds|hold 0 must be"},
		{"the hold model skips a batch", skipped("hold"), "read model hold"},
		{"a date is said to be reached that is not", advancedTooEarly, "done before|is no step"},
		{"the account model skips a batch", skipped("account"), "read model account"},
		{"the transaction model skips a batch", skipped("transaction"), "read model transaction"},
		{"the daily model skips a batch", skipped("daily"), "read model daily"},
		{"the directory skips a batch", skipped("directory"), "read model directory"},
		{"the audit model skips a batch", skipped("audit"), "read model audit"},
		{"an answer names another event", told(func(reply *command.Reply) bool { reply.Ref.Revision++; return true }), "now|the log has it at"},
		{"a replay gets another answer", told(func(reply *command.Reply) bool {
			reply.Ref.Stream += "x"
			return reply.Outcome == command.Replayed
		}), "first it was|the log has it at"},
		{"an answer comes before it is durable", told(func(reply *command.Reply) bool { reply.Position += 1 << 40; return true }), "beyond the log's end"},
		{"a sale is refused for no reason", told(func(reply *command.Reply) bool {
			reply.Err = &domain.Error{Code: domain.CodeExceedsOriginal}
			return true
		}), "refused as exceeds_original"},
	} {
		t.Run(bug.name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); ; seed++ {
				require.Less(t, seed, uint64(200), "no seed has shown it")
				options := bug.options()
				options.Seed = seed
				if r := simulate(t, options); r.Err != nil {
					require.Regexp(t, bug.says, r.Err.Error())
					return
				}
			}
		})
	}
}
