// Package ndjson reads one JSON object a line (NDJSON, JSON Lines) in UTF-8.
// Empty lines are passed over.
//
// Numbers keep their digits: nothing here becomes a binary fraction. Stricter
// than RFC 8259 where money asks for it: a name given twice in one object, a lone
// surrogate, a number of more than 64 characters, more than 1000 names in one object and
// nesting beyond 32 levels make a malformed record.
package ndjson
