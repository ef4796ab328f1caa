// Package fee turns an amount into parts by a schedule: dated, versioned rules
// that people publish. A Document is what they write, Compile checks it, and
// Schedule.Rate applies it and explains every part.
//
// Rating knows roles and purposes, never accounts, parties, contracts or earlier
// transactions; package book turns its result into postings. The same schedule
// and amount always give the same result: an engine that has posted real money
// stays callable under its EngineVersion.
//
// To add a kind of rule, add its field to Rule, its check to check.go, and one
// file with its arithmetic called from Schedule.Rate.
package fee
