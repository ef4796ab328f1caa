package command

import (
	"context"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Door is the one way in for commands. Package collect and package graph call
// nothing else. It is safe for concurrent use.
type Door interface {
	// Do carries out requests and answers each, in their order, once its outcome
	// is durable or refused. Requests are independent of each other; those for one
	// book are decided in the order given. An error is a *domain.Error;
	// CodeOutcomeUnknown says: retry with the same key.
	Do(ctx context.Context, requests ...Request) []Reply
}

// Request is a command and who sends it.
type Request struct {
	Command domain.Command
	Meta    eventstore.Meta
}

// Outcome says what a command came to.
type Outcome string

// Outcomes of a command that was not refused.
const (
	// Applied: an event was appended.
	Applied Outcome = "applied"
	// Replayed: the same command was applied before; this is the first answer again.
	Replayed Outcome = "replayed"
)

// Reply answers one request. Err is nil or a *domain.Error.
type Reply struct {
	Outcome Outcome
	// Ref is the event that the command led to, now or the first time.
	Ref domain.Ref
	// Awaiting says of what was applied that it posted nothing yet: it waits for its original.
	Awaiting bool
	// Position is a position in the log at or after that event.
	Position eventstore.Position
	Err      error
}
