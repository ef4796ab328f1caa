// Package sim runs the way of the data in one process whose every accident comes
// from a seed: files are ingested and commands sent by several simulated processes
// over one log in memory, while appends fail, or fail and take effect, or arrive
// late; answers get lost, readers are cut off, clocks jump, processes are killed
// and come back with their index kept, stale, damaged or gone, and read models
// crash in the middle of a batch or park. Then all is calm, everything is sent
// again until nothing changes, and package auditor, which shares no code with what
// it judges, compares log, answers, reports and read models with its own sums.
//
// # What is real and what is not
//
// Real: collect.Pipeline with a parsed source definition, throttle and retries;
// command.Local with its aggregates, book writers, reference view and Pebble index
// (over a file system in memory); the codec; the pure folds of all read models.
// Simulated: the log (package memory, held to the same suite as the real ones), the
// connection to it (link.go), time (testing/synctest), the keys (keys.go), and the
// runner of the projections, since Postgres cannot live in a bubble (readside.go).
//
// # Why a seed repeats
//
//	          ┌──────────── all goroutines are blocked ◀───────────────┐
//	          ▼                                                        │
//	driver: audit what is new ─▶ draw: kill, cut, wait …, or one ─▶ let it go on
//	                             of those parked at the gate
//
// Every call of the store, every call of the door and every message of a
// subscription parks at the gate (gate.go). The driver waits until all goroutines
// are blocked, draws one of the parked by the seed, in an order that does not
// depend on who came first, decides its fate and lets it go. So goroutines run one
// chain at a time; clocks, pauses and keys are functions of the seed.
//
// What stays open: between two gates several goroutines may run, as a writer goes
// on while its callers read their answers. What they share there is a queue that
// only the driver's choices fill, so the order does not show; TestRepeatable holds
// this to hashes of whole runs. Operations that cannot be told apart have the same
// fate, and calls that would learn of new terms together begin one by one. Commands for several books in one call would be submitted in the order of a
// Go map; the simulation sends none. What Pebble has written when a process dies
// depends on its background work, so the index of the dead is whole, or as it was
// when the process started, and never something in between.
//
// # What may not live here
//
// Expectations about money or outcomes: they are the auditor's. Time limits of
// machines: here all time is simulated.
//
// Half of the schedules are drawn in the first language, half in the second
// (language.go): conditions, groups, tiers that go on over a window, splits, caps,
// what refunds return, parameters that contracts override, a promotion. The auditor
// rates them again from its own facts, not from the document (auditor/second.go,
// auditor/count.go); a new word of the language is drawn there and rated here.
//
// To add an accident, draw it in chaos.go or give the gate one more verdict. To add
// a kind of input, describe it in world.go for both the system and the auditor.
package sim
