// Package source is the aggregate of a feed: its definition, the inputs that
// could not be settled, and what became of each delivery. Stream "source-<id>".
// It is what makes the law "nothing that arrives disappears" checkable: what is
// quarantined stays open until it is released by a settlement, and the counts and
// totals of a delivery must add up before they are recorded.
//
// Formats, mappings and retries live in package collect; raw bytes are sealed
// before they get here and never opened.
package source
