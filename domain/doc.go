// Package domain holds the vocabulary that every aggregate of Jeongsan shares:
// events, commands, the Decider that turns one into the other, references
// between events, and the single error type of the project.
//
// Everything below domain/ is pure. It performs no I/O, reads no clock, draws no
// random number and starts no goroutine: time, identifiers and reference data
// arrive inside the command. The same events always fold to the same state,
// which is what makes replay, verification and a second writer safe.
//
// To add an aggregate, add a folder with state.go, commands.go, events.go,
// decide.go and evolve.go, export a Decider, and list its event types in the
// catalogue of package eventstore.
package domain
