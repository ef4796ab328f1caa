// Package terms reads the YAML files in which people write down who takes part
// and on what conditions: parties, calendars, schedules, contracts. It turns them into
// commands, in an order in which each finds what it refers to.
//
// A file is checked as far as it can be without the log, and every fault is
// reported with its line and path. Whether a contract's schedule or a party is
// already in the log is for the command door to say, so a file may build on
// another. Applying a file twice changes nothing.
//
// The rules themselves are in domain/: this package neither rates nor decides. To
// let files hold one more kind of thing, add a list to document and a case to
// commands.
package terms
