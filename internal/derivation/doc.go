// Package derivation explains a settled transaction in full again. Events hold
// what matched; what was considered and did not match is derived on demand, by the
// engine version that rated it, from the inputs that the event recorded.
//
// Nothing is posted here and no rule is known here: package fee rates. What another
// version or a draft would make of the transactions of a period is for package
// rerating.
package derivation
