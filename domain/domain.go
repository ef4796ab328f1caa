package domain

import "strings"

// Event is a fact that has happened. Its type name is hand-written, carries its
// version ("TransactionSettled.v2") and is frozen once an event of it was stored.
type Event interface {
	EventType() string
}

// Command is a wish that an aggregate may grant or refuse.
type Command interface {
	CommandType() string
}

// Decider is one aggregate: where it starts, what it decides, and how an event
// changes it. All three are pure.
//
// Decide never changes the state it is given. Evolve may change and return the
// state it is given, so a state belongs to one goroutine at a time.
type Decider[S any, C Command] struct {
	Initial func() S
	Decide  func(S, C) ([]Event, error)
	Evolve  func(S, Event) S
}

// Fold applies events in order to a state and returns the result.
func (d Decider[S, C]) Fold(state S, events ...Event) S {
	for _, event := range events {
		state = d.Evolve(state, event)
	}
	return state
}

// StreamID names one stream of the log: "<category>-<id>", split at its first dash.
type StreamID string

// Stream builds the identifier of a stream from its category and its id.
func Stream(category, id string) StreamID { return StreamID(category + "-" + id) }

// Split returns the category and the id of the stream.
func (s StreamID) Split() (category, id string) {
	category, id, _ = strings.Cut(string(s), "-")
	return category, id
}

// Ref points at one event. Positions in the whole log do not survive a copy to
// another store and a bare revision says nothing without its stream, so events
// refer to each other by both.
type Ref struct {
	Stream   StreamID `json:"stream"`
	Revision uint64   `json:"revision"`
}
