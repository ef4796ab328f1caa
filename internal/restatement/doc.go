// Package restatement carries out re-ratings: it reads a book and the terms from the
// log for package rerating, and sends what that finds through the command door. It
// answers what a draft of a schedule would have made of a book's history, too, for
// which nothing is sent.
//
// A run computes everything once before it posts anything: where a settlement cannot
// be rated, nothing is posted. Then it computes again and posts as it goes, so that
// memory does not grow with the number of differences. The book is read up to one
// event, the last when the run began; what comes meanwhile is for the next run, which
// the outcome says. The book itself refuses a correction of what has changed since it
// was computed, and such refusals are counted, not errors.
//
// A run that ends in the middle, for whatever reason, has posted some corrections in
// full. Running it again posts the others: what is restated already does not differ
// any more.
//
// No rule of rating and no decision of a book belongs here.
package restatement
