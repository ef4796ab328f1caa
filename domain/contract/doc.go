// Package contract is the aggregate that says which fee schedule applies between
// which parties, from when: stream "contract-<id>". Beside the aggregate stands the
// pure rule by which a transaction finds its contract (Select).
//
// Fees, postings and the search through the log do not live here. To add a
// selector, add its field to Applies, its check to decide.go and its test to
// match.go.
package contract
