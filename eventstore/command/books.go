package command

import "slices"

// Books lists the books that there are to keep: those that contracts name, and those
// that the local index knows. It is sorted. An index that does not answer is left
// out: a book that has an entry has a contract too.
func (l *Local) Books() []string {
	ids, err := l.index.Books()
	if err != nil {
		l.config.Logger.Debug("the local index does not list its books", "error", err)
	}
	l.view.mu.Lock()
	for id := range l.view.books {
		ids = append(ids, id)
	}
	l.view.mu.Unlock()
	slices.Sort(ids)
	return slices.Compact(ids)
}
