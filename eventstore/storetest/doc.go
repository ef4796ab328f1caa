// Package storetest is the conformance suite of eventstore.Store: what every
// implementation must do alike, seen from outside. The memory store, the adapter
// over the embedded node, and the adapter over a real EventStoreDB all run it; what
// a simulation proves against memory holds for production only because of that.
//
// The suite works on a log that others use as well: every stream name of a run is
// unique, and reads of the whole log begin where the test began.
//
// Run is for every store, RunDeletion for those that can delete streams as well.
//
// To add a case, add a function to one of their lists. A case may use nothing but the
// contract. What only one implementation can show (faults, restarts, damage) is
// tested beside that implementation.
package storetest
