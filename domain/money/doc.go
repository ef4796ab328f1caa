// Package money holds exact amounts: the Amount that fits in a machine word, ISO
// 4217 currencies with the decimals of their minor unit, rounding by mode and
// unit, and allocation that loses nothing.
//
// No float, no clock, no I/O and no knowledge of accounts, fees or parties lives
// here. An Amount carries no currency; whatever it belongs to names it.
//
// To add a rounding mode, add a constant and its name in rounding.go and one case
// in Mode.away. To add a currency that ISO 4217 has published, add its code to the
// list of its exponent in currency.go; never remove one that events may name.
package money
