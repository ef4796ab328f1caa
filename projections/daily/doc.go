// Package daily is the read model of daily totals: transactions, debits and
// credits by effective date, book, party, product, method, type and currency.
//
// The fold, in project.go, is pure: it sums a batch. store.go adds the sums to the
// table and remembers only under which number a row stands: looking rows up by
// their seven columns of text would cost more than changing them. query.go reads the table for
// the outside. Other periods and rankings are sums over it and belong to their
// readers; anything that is not a sum may not live here.
package daily
