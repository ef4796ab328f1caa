// Package amendment says in words what one version of a schedule changes against
// another: rules that come and go, percentages, tiers, formulas, whatever a
// document has.
//
// It compares documents as written and neither compiles nor rates them: whether
// two formulas come to the same is not for it to say. It walks the fields of
// fee.Document, so a new field of the language needs nothing here; a new list whose
// elements have a name or id needs its word in subjects.
package amendment
