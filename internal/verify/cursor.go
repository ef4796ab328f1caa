package verify

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// fetchRows is how many rows a cursor holds at a time.
const fetchRows = 2000

// cursor streams the rows of a query. Many cursors share one transaction, so all
// see the same instant. It is opened by its first use.
type cursor[T any] struct {
	tx     pgx.Tx
	name   string
	query  string
	scan   func(pgx.CollectableRow) (T, error)
	rows   []T
	at     int
	read   uint64 // rows passed
	opened bool
	ended  bool
}

// peek returns the next row, nil at the end.
func (c *cursor[T]) peek(ctx context.Context) (*T, error) {
	if c.at < len(c.rows) {
		return &c.rows[c.at], nil
	}
	if c.ended {
		return nil, nil
	}
	if !c.opened {
		if _, err := c.tx.Exec(ctx, "DECLARE "+c.name+" NO SCROLL CURSOR FOR "+c.query); err != nil {
			return nil, err
		}
		c.opened = true
	}
	// Described each time: a connection may have known another cursor of this name.
	rows, err := c.tx.Query(ctx, "FETCH FORWARD "+strconv.Itoa(fetchRows)+" FROM "+c.name, pgx.QueryExecModeDescribeExec)
	if err != nil {
		return nil, err
	}
	c.at = 0
	if c.rows, err = pgx.AppendRows(c.rows[:0], rows, c.scan); err != nil {
		return nil, err
	}
	c.ended = len(c.rows) < fetchRows
	if len(c.rows) == 0 {
		return nil, nil
	}
	return &c.rows[0], nil
}

// pass goes on to the next row.
func (c *cursor[T]) pass() {
	c.at++
	c.read++
}

// each calls row for every row.
func (c *cursor[T]) each(ctx context.Context, row func(*T) error) error {
	for {
		next, err := c.peek(ctx)
		if err != nil || next == nil {
			return err
		}
		if err := row(next); err != nil {
			return err
		}
		c.pass()
	}
}

// column is one column of a row, for people.
type column struct{ name, value string }

// mismatch names the first column in which two rows differ.
func mismatch(check, where string, expected, found []column) error {
	for i := range expected {
		if expected[i].value != found[i].value {
			name := expected[i].name + " "
			return differs(check, where, name+orEmpty(expected[i].value), name+orEmpty(found[i].value))
		}
	}
	return differs(check, where, fmt.Sprint(expected), fmt.Sprint(found))
}

func orEmpty(value string) string {
	if value == "" {
		return "empty"
	}
	return value
}

// numeric reads a numeric that was cast to text.
func numeric(text, what string) (figure, error) {
	f, _, ok := parseFigure([]byte(text))
	if !ok {
		return figure{}, fmt.Errorf("%s holds %q, which is no decimal of at most %d places within 128 bits", what, text, places)
	}
	return f, nil
}

func number[N int | int64 | uint64](n N) string { return fmt.Sprint(n) }
