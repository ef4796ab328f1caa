// Package expression is the language in which a source definition maps fields:
// CEL (the Common Expression Language) with an exact decimal type.
//
// Expressions are checked when a definition is read: unknown fields, wrong types
// and floating point in any form are refused then, not on the first record that
// meets them. They cannot loop (the only macro is has), their length is bounded
// and their cost is limited, so no definition can hang an ingest. They are pure:
// the same record always gives the same result, which lets results be remembered
// by the one field they depend on.
//
// What the language has beyond CEL's operators:
//
//	decimal(text or int)           exact decimal; + - * and comparisons between decimals
//	abs(d), round(d, digits)       absolute value; half away from zero
//	int(d), string(d)              a whole decimal as int; the digits
//	time(text, layout, zone)       an instant from a local time, as
//	                               time(row.Date, "%Y-%m-%d %H:%M:%S", "Europe/London")
//	time(text, layout)             the same for a layout with %z
//	{"a": "b"}[?row.x].orValue("") look-up with a default; CEL's optional syntax
//	text.trim(), .lowerAscii(), .upperAscii(), .substring(from[, to]), .split(by),
//	.replace(old, new), .indexOf(part)
//
// A bare field (row.amount) and a constant do not pass through CEL at all.
//
// No I/O and nothing of a source's policy belongs here. To add a function,
// declare it in functions.go, bind it to a pure Go function whose errors do not
// repeat values of the record, and describe it in docs/sources.md.
package expression
