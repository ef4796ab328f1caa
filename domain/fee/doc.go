// Package fee turns an amount into parts by a schedule: dated, versioned rules
// that people publish. A Document is what they write, Check finds what is wrong
// with it, Compile prepares it, Schedule.Apply rates a transaction by it, and
// Schedule.Explain says why it came out as it did.
//
// Rating knows roles and purposes, never accounts or postings; package book turns
// its result into those. What it must know of the past comes in through Input: the
// sum of a Counter before the transaction, and the sale that a refund names. So
// the same schedule and input always give the same result.
//
// There are two engines, and an engine that has posted real money stays callable.
// Engine 1 (rate.go, percent.go) rates documents that say nothing but what it knew.
// Engine 2 rates the whole language: formulas with names, conditions, tiers,
// accumulators, splits, refund policies. It computes in exact rational numbers and
// rounds each line once. Of every document of engine 1 it would make the same; a
// property test holds it to that.
//
// How engine 2 works. The builder compiles a document to a program: each name has
// a slot, each formula reads slots, rules stand in the order applied. A run fills
// the slots for one transaction and applies the rules: what formulas see of a
// rule's line is there once it has been applied, and the check refuses formulas
// that look ahead. Named values are computed where they are first needed.
//
// Refunds. All refunds of a sale, taken together, return what one of the whole
// amount would, to the unit, because each returns the rounded part of all that is
// given back so far, less what was returned before.
//
// A Line tells base, rate, exact result, bound and rounding: from its exact result
// the amount can be computed again. An Explanation tells all that led to it.
//
// To add a kind of rule: its field in Rule, its check in check_rule.go, its formulas
// in names.go and build_rules.go, its arithmetic in one file called from run.sum or
// run.compute, and its part of the JSON Schema.
package fee
