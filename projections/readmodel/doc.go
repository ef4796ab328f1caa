// Package readmodel holds what every read model and the runner share: the
// decoded event, the entry that all kinds of booking event come down to, and
// the interface between a read model and whoever feeds it.
//
// Nothing that knows one read model's tables, and nothing that reads the log,
// may live here. Something belongs here when at least two read models need it.
package readmodel
