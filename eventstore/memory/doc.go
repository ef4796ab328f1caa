// Package memory keeps the log in memory. It exists for tests and for the
// simulation, where a store must be able to fail on purpose and where a run must
// be repeatable: positions and times are computed, never drawn or read.
//
// It is held to the same conformance suite as the real store (storetest), so what
// passes against it passes there. Nothing that a product process runs may use it.
//
// Faults are set with Store.OnAppend and Store.OnRead and may differ from call to
// call; WithFault sets one for a single caller. To add one, extend Fault and act on
// it in Append.
package memory
