// Package rerating rates the settlements of a period of a book again, and says of
// each that would stand otherwise today what the difference is: after a corrected
// version of a schedule, or after a transaction that came late and moved the
// accumulators of those behind it. With a draft in place of a schedule it answers
// what the draft would have made of the same history.
//
// # What is rated again
//
// The settlements whose effective date lies in the period, of one contract or of
// all, in business order: by effective date, then by revision. Each keeps what was
// a fact when it was settled: its contract, its parties, its attributes and its
// date. The version of the schedule is the one that the present terms give for that
// date, and the calendars are the newest. A refund (anything that names an original)
// is rated as that one stands, and follows it whatever its own date is: behind it,
// and behind earlier refunds of the same sale. An original that would be settled to
// the same money stands as it was, with its version; so do its refunds.
//
// # Accumulators
//
// They are counted afresh: what lies before the period counts as it stands, then
// each transaction counts at its place in business order, those of other contracts
// as they stand. A refund that follows its sale from outside the period finds what
// it found when it was settled, as the transactions around it are not rated. The
// accumulators of the book itself keep what the book counted, in the order of the
// book: what is settled later goes on from there.
//
// # What is not
//
// Reversed transactions and their reversals are left out, in sums too. Floors of
// contracts are not asked: a correction must be posted however low an account stands.
// Adjustments that people posted are neither counted nor taken back, but the
// settlements they adjust are told. What cannot be rated (the version asks for an input
// that the transaction did not bring, or for a party that nobody named) is a fault and
// keeps standing.
//
// # Ends of windows
//
// A window of an accumulator whose last day lies in the period, and which the book has
// closed, is closed again with the sums of the re-rating, behind everything of its last
// day: so a guarantee or a subscription follows the late transaction that its book
// could not count any more. The difference is an adjustment with its own key, without
// a link. What is carried into the next window counts, in the sums of the re-rating,
// on the date on which the book carried it. Windows that all contracts of a schedule
// share are left as they were closed.
//
// # The difference
//
// A settlement differs where its postings in sum, seen as if everything held had
// been released, or what it still holds back, are others than those that stand. What
// takes from held money took only what was there: it is compared with what the version
// that stands would have taken. The legs of the difference name the date until which
// money is held; the book gives to the account that the money was released into what
// is not held any more.
//
//	log ──Add──▶ survey ──▶ opening sums ──▶ visits in business order ──▶ Change, Summary
//	             (order,     (all before       (rate, compare)               │
//	              reversed)   the period)                                    └▶ PostAdjustment
//
// A second run over the same log finds no difference: a restatement stands for its
// transaction from then on. So a run that was interrupted is continued by running it
// again.
//
// # Memory
//
// 16 bytes for each settlement in the period, one sum for each transaction that was
// refunded, one number for each reversal and restatement of the book, and the
// transactions whose refunds are still to come. Events are read from Log when
// their turn has come.
//
// # What may not live here
//
// I/O, clocks, the posting itself: package internal/restatement reads the log and
// sends the commands.
package rerating
