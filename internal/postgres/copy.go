package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain/money"
)

// CopyIn writes rows to a table with a binary COPY. encode is called for each
// row's index in order and gives the columns in the order of their names, each by
// the method that is named like its type: Postgres converts nothing here. Beside
// pgx's own CopyFrom it asks the server for no types and boxes no values.
func CopyIn(ctx context.Context, conn *pgx.Conn, table pgx.Identifier, columns []string, rows int, encode func(i int, row *CopyRow)) error {
	source := &copySource{columns: len(columns), rows: rows, encode: encode}
	source.row.b = append(make([]byte, 0, copyBuffer+copyBuffer/4), copyHeader...)
	quoted := make([]string, len(columns))
	for i, column := range columns {
		quoted[i] = pgx.Identifier{column}.Sanitize()
	}
	tag, err := conn.PgConn().CopyFrom(ctx, source, "COPY "+table.Sanitize()+" ("+strings.Join(quoted, ", ")+") FROM STDIN BINARY")
	if err != nil {
		return fmt.Errorf("write %s: %w", strings.Join(table, "."), err)
	}
	if tag.RowsAffected() != int64(rows) {
		return fmt.Errorf("write %s: %d rows were written of %d", strings.Join(table, "."), tag.RowsAffected(), rows)
	}
	return nil
}

const (
	copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyBuffer = 64 << 10
)

// copySource encodes rows as they are read.
type copySource struct {
	columns, rows, next int
	encode              func(i int, row *CopyRow)
	row                 CopyRow
	read                int
	ended               bool
}

// Read implements io.Reader. pgx calls it on a goroutine of its own, where a panic
// of encode would end the process: it ends the copy instead.
func (s *copySource) Read(p []byte) (n int, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			n, err = 0, fmt.Errorf("row %d: the code that writes it panics: %v\n%s", s.next, fault, debug.Stack())
		}
	}()
	if s.read == len(s.row.b) {
		s.row.b, s.read = s.row.b[:0], 0
	}
	for s.read == 0 && len(s.row.b) < copyBuffer && !s.ended {
		if s.next == s.rows {
			s.row.b = binary.BigEndian.AppendUint16(s.row.b, 0xffff)
			s.ended = true
			break
		}
		s.row.b = binary.BigEndian.AppendUint16(s.row.b, uint16(s.columns))
		s.row.fields = 0
		s.encode(s.next, &s.row)
		if s.row.err != nil {
			return 0, s.row.err
		}
		if s.row.fields != s.columns {
			return 0, fmt.Errorf("row %d has %d columns of %d", s.next, s.row.fields, s.columns)
		}
		s.next++
	}
	n = copy(p, s.row.b[s.read:])
	s.read += n
	if n == 0 && s.ended {
		return 0, io.EOF
	}
	return n, nil
}

// CopyRow takes the columns of a row of CopyIn, one call for each.
type CopyRow struct {
	b      []byte
	fields int
	err    error // the first value that cannot be written
}

// begin begins a column of a length that is not known yet; end fills it in.
func (r *CopyRow) begin() (at int) {
	r.fields++
	return r.length()
}

func (r *CopyRow) length() (at int) {
	r.b = append(r.b, 0, 0, 0, 0)
	return len(r.b)
}

func (r *CopyRow) end(at int) {
	binary.BigEndian.PutUint32(r.b[at-4:], uint32(len(r.b)-at))
}

func (r *CopyRow) size(n int) {
	r.fields++
	r.b = binary.BigEndian.AppendUint32(r.b, uint32(n))
}

// Null is NULL of any type.
func (r *CopyRow) Null() {
	r.fields++
	r.b = binary.BigEndian.AppendUint32(r.b, 0xffff_ffff)
}

// Int is an int.
func (r *CopyRow) Int(v int32) {
	r.size(4)
	r.b = binary.BigEndian.AppendUint32(r.b, uint32(v))
}

// Bigint is a bigint.
func (r *CopyRow) Bigint(v int64) {
	r.size(8)
	r.b = binary.BigEndian.AppendUint64(r.b, uint64(v))
}

// Text is a text.
func (r *CopyRow) Text(v string) {
	r.size(len(v))
	r.b = append(r.b, v...)
}

// Days and microseconds count from here.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Date is a date: that of the instant in UTC.
func (r *CopyRow) Date(v time.Time) {
	r.size(4)
	r.b = binary.BigEndian.AppendUint32(r.b, uint32(int32((v.Unix()-v.Unix()%86400-postgresEpoch.Unix())/86400)))
}

// Timestamptz is a timestamptz, cut to microseconds.
func (r *CopyRow) Timestamptz(v time.Time) {
	r.Bigint(v.UnixMicro() - postgresEpoch.UnixMicro())
}

// Numeric is a numeric.
func (r *CopyRow) Numeric(v decimal.Decimal) {
	at := r.begin()
	b, err := numericPlan.Encode(v, r.b)
	if err != nil {
		r.err = fmt.Errorf("write %s: %w", v, err)
		return
	}
	r.b = b
	r.end(at)
}

var numericPlan = numericCodec{}.PlanEncode(pgtype.NewMap(), pgtype.NumericOID, pgtype.BinaryFormatCode, decimal.Decimal{})

// Amount is a numeric: cheaper where the value fits.
func (r *CopyRow) Amount(v money.Amount) {
	at := r.begin()
	r.b = appendNumeric(r.b, v.Units(), v.Scale())
	r.end(at)
}

// array begins an array of one dimension.
func (r *CopyRow) array(n int, element uint32) {
	if n == 0 {
		r.b = append(r.b, 0, 0, 0, 0, 0, 0, 0, 0)
		r.b = binary.BigEndian.AppendUint32(r.b, element)
		return
	}
	r.b = append(r.b, 0, 0, 0, 1, 0, 0, 0, 0)
	r.b = binary.BigEndian.AppendUint32(r.b, element)
	r.b = binary.BigEndian.AppendUint32(r.b, uint32(n))
	r.b = append(r.b, 0, 0, 0, 1)
}

// Ints is an int[].
func (r *CopyRow) Ints(v []int32) {
	at := r.begin()
	r.array(len(v), pgtype.Int4OID)
	for _, n := range v {
		r.b = append(r.b, 0, 0, 0, 4)
		r.b = binary.BigEndian.AppendUint32(r.b, uint32(n))
	}
	r.end(at)
}

// Bigints is a bigint[].
func (r *CopyRow) Bigints(v []int64) {
	at := r.begin()
	r.array(len(v), pgtype.Int8OID)
	for _, n := range v {
		r.b = append(r.b, 0, 0, 0, 8)
		r.b = binary.BigEndian.AppendUint64(r.b, uint64(n))
	}
	r.end(at)
}

// Booleans is a boolean[].
func (r *CopyRow) Booleans(v []bool) {
	at := r.begin()
	r.array(len(v), pgtype.BoolOID)
	for _, set := range v {
		r.b = append(r.b, 0, 0, 0, 1)
		if set {
			r.b = append(r.b, 1)
		} else {
			r.b = append(r.b, 0)
		}
	}
	r.end(at)
}

// Texts is a text[].
func (r *CopyRow) Texts(v []string) {
	at := r.begin()
	r.array(len(v), pgtype.TextOID)
	for _, s := range v {
		r.b = binary.BigEndian.AppendUint32(r.b, uint32(len(s)))
		r.b = append(r.b, s...)
	}
	r.end(at)
}

// Amounts is a numeric[].
func (r *CopyRow) Amounts(v []money.Amount) {
	at := r.begin()
	r.array(len(v), pgtype.NumericOID)
	for _, a := range v {
		start := r.length()
		r.b = appendNumeric(r.b, a.Units(), a.Scale())
		r.end(start)
	}
	r.end(at)
}
