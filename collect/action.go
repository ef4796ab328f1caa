package collect

import (
	"github.com/jeongsan/jeongsan/collect/expression"
	"github.com/jeongsan/jeongsan/collect/format"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
)

// What a record asks for: transaction.action gives one of them.
const (
	actionSettle  = "settle"
	actionReverse = "reverse"
)

// defaultReason is the reason of a reversal where the definition maps none.
const defaultReason = "taken back by the source"

// checkAction accepts the two actions. The error names no value of a record.
func checkAction(text string) *domain.Error {
	if text == actionSettle || text == actionReverse {
		return nil
	}
	return &domain.Error{Code: domain.CodeInvalid, Message: "the action is neither settle nor reverse", Remedy: `let the expression give "settle" or "reverse"`}
}

// action makes sure that a definition which takes transactions back says which
// ones, and why only where it does.
func (b *builder) action() {
	keys, m := &b.keys.Transaction, &b.d.mapping
	m.action = b.compile("transaction.action", keys.Action, expression.Text)
	m.reason = b.compile("transaction.reason", keys.Reason, expression.Text)
	switch given := b.doc.Has("transaction.action"); {
	case given && !b.doc.Has("transaction.original"):
		b.doc.Fault("transaction.action", keys.Action, "a record that reverses names what it takes back", "map transaction.original, or leave the action out")
	case !given && b.doc.Has("transaction.reason"):
		b.doc.Fault("transaction.reason", keys.Reason, "a reason is only used with transaction.action", "map the action, or leave the reason out")
	}
	if m.action != nil {
		if result, constant := m.action.Constant(); constant {
			if fault := checkAction(result.Text); fault != nil {
				b.doc.Fault("transaction.action", result.Text, fault.Message, fault.Remedy)
			}
		}
	}
	if m.reason != nil {
		if result, constant := m.reason.Constant(); constant {
			if err := domain.CheckText("reason", result.Text, book.LongestReason); err != nil {
				b.doc.FaultFrom("transaction.reason", err)
			}
		}
	}
}

// reverses reports whether a record takes back a transaction as a whole.
func (m *mapper) reverses(it *item, record *format.Record) bool {
	if m.action == nil {
		return false
	}
	result, fault := m.action.Eval(record)
	if fault == nil {
		fault = checkAction(result.Text)
	}
	it.note(fault, "transaction.action")
	return result.Text == actionReverse
}

// reversal maps a record that takes back a transaction. Such records bring little
// more than its id: the rest of the mapping is not asked.
func (m *mapper) reversal(it *item, record *format.Record) {
	c := &book.ReverseEntry{
		Key: book.Key{Source: m.d.Source, ExternalID: it.id}, ContentHash: it.hash,
		Target: book.Key{Source: m.d.Source}, Reason: defaultReason, Policy: book.Policy{Await: m.d.policy.Await},
	}
	c.Book = m.plain(it, record, "transaction.book", m.book)
	c.Target.ExternalID = m.plain(it, record, "transaction.original", m.original)
	if reason := m.plain(it, record, "transaction.reason", m.reason); reason != "" {
		c.Reason = reason
	}
	c.OccurredAt = m.occurred(it, record)
	if it.fault == nil && c.Target.ExternalID == "" {
		it.note(&domain.Error{Code: domain.CodeMissingOriginal, Message: "a reversal names no transaction", Remedy: "map the id of what it takes back"}, "transaction.original")
	}
	it.reversal = c
}

// command is what the ledger is asked to do with an item that has no fault.
func (it *item) command(policy book.Policy) domain.Command {
	if it.reversal != nil {
		return *it.reversal
	}
	return book.SettleTransaction{Transaction: it.transaction, Policy: policy}
}
