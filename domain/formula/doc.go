// Package formula is the expression language of fee schedules: small, typed, exact
// and pure. Compile checks a source text against a Scope, which says what names
// there are and of which kind, and gives a Formula; Eval computes it from one Value
// for each slot, and Explain shows how it came to its result.
//
//	max(0, min(gross * 2.9% + 0.30, cap - used))
//	if(grade == "small" and on < date("2027-01-01"), 15%, 30%)
//	if(grade == "small", 1.98%, grade in ["mid1", "mid2"], 2.75%, 3.63%)
//	round(gross / 1.1, half_up)
//
// # Grammar
//
//	formula    = or
//	or         = and { "or" and }
//	and        = not { "and" not }
//	not        = "not" not | comparison
//	comparison = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" | [ "not" ] "in" ) sum ]
//	sum        = product { ( "+" | "-" ) product }
//	product    = signed { ( "*" | "/" ) signed }
//	signed     = "-" signed | primary
//	primary    = number | text | "true" | "false" | list | call | name | "(" formula ")"
//	list       = "[" [ formula { "," formula } ] "]"
//	call       = function "(" formula { "," formula } ")"
//	           | "if" "(" formula "," formula { "," formula "," formula } "," formula ")"
//	           | "round" "(" formula "," mode [ "," formula ] ")"
//	           | "date" "(" text ")"
//	function   = "min" | "max" | "abs" | "floor" | "ceiling" | "days" | "year" | "month" | "day" | "weekday"
//	mode       = "half_up" | "half_even" | "half_down" | "up" | "down" | "ceiling" | "floor"
//	number     = digit { digit } [ "." digit { digit } ] [ "%" ]
//	text       = `"` { any character but `"`, `\` and control characters | `\"` | `\\` } `"`
//	name       = word { "." word }
//	word       = letter { letter | digit | "_" }      letters are a to z
//
// Spaces and line ends stand between tokens. Operators of one line of the grammar
// are applied from left to right; comparisons do not chain.
//
// # Kinds
//
// A value is a number, a text, a truth, a date or a list. Nothing is converted:
// the kinds of operands are checked when a formula is compiled, and those of values
// when they are read. A literal list has elements of one kind.
//
//	x + y - z * w / -v     numbers; / is exact, and dividing by 0 fails
//	x == y, x != y         two of a kind, but lists; texts byte by byte
//	x < y, <=, >, >=       numbers, or dates
//	min(x, y, …) max       the least or greatest of numbers, or of dates
//	x in list              whether an element equals x; the opposite is not in
//	x and y, x or y, not x truths; the right side is computed only where it decides
//	15%                    0.15
//	if(c, a, b)            a where c is true, otherwise b, the other is not computed;
//	                       if(c, a, d, b, e) is if(c, a, if(d, b, e))
//	abs(x)                 x without its sign
//	round(x, mode, unit)   the multiple of unit that the mode chooses, as package money;
//	                       without unit: of the minor unit of the currency
//	floor(x, unit)         round(x, floor, unit): toward negative infinity
//	ceiling(x, unit)       round(x, ceiling, unit): toward positive infinity
//	days(from, to)         days from one date to another, negative backwards
//	year(d) month(d) day(d)
//	weekday(d)             1 on Monday to 7 on Sunday
//
// The minor unit comes in as a name of its own: every scope declares MinorUnit in
// slot 0, and a round without a unit reads it. So a formula that rounds to the
// currency is no constant, and says so.
//
// # Numbers
//
// No float is used anywhere. A Number is an exact rational: a decimal or a fraction
// in machine words where it fits, a big.Rat otherwise, with the same results. It is
// written as a decimal where there is a finite one, and as a fraction otherwise.
// Nothing is rounded but by round, floor and ceiling, whose results fit an amount.
//
// # Why hostile input costs little
//
// A source has at most 2,000 bytes, operands nest at most 100 deep, and there are
// no loops, so that a formula takes as many steps as it has signs. A number whose
// numerator or denominator grows beyond 512 bits is refused at once.
//
// To add a function, add its op and its line to functions in node.go, its kinds to
// checker.check, its arithmetic to number or truth in eval.go, and its line above.
// What a formula gave once it must give for ever: settlements are recomputed.
package formula
