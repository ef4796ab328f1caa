// Package archtest holds the layout of the project as a failing test: which
// package may import which, what may not stand under domain/, where a library
// belongs, and what every package and file owes its reader.
//
// It reads the source with go/parser and runs nothing, so it is quick and needs
// no build. What is not allowed is refused: a new package must be entered in
// layers (layers.go) before it may import anything of ours.
//
// No product code may live here or import this package. To add a rule, write a
// function from a tree to findings, list it in rules, and plant a violation of it
// in the test.
package archtest
