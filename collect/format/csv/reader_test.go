package csv_test

import (
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect/format"
	"github.com/jeongsan/jeongsan/collect/format/csv"
	"github.com/jeongsan/jeongsan/domain"
)

// read returns the fields of every record, "!fault" for a malformed one.
func read(o *csv.Options, source io.Reader) (rows [][]string, raw []string, err error) {
	r, err := o.Open(source)
	if err != nil {
		return nil, nil, err
	}
	for n := uint64(1); ; n++ {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, raw, nil
		}
		if err != nil {
			return rows, raw, err
		}
		if record.Number != n {
			return rows, raw, fmt.Errorf("record %d is numbered %d", n, record.Number)
		}
		raw = append(raw, string(record.Raw))
		if record.Fault != nil {
			rows = append(rows, []string{"!" + record.Fault.Message})
			continue
		}
		var row []string
		for _, name := range record.Names {
			v, ok := record.Field(name)
			if !ok {
				return rows, raw, fmt.Errorf("no field %s", name)
			}
			row = append(row, v.Text)
		}
		rows = append(rows, row)
	}
}

func TestRecords(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want [][]string
	}{
		"plain":              {"a,b\n1,2\n3,4\n", [][]string{{"1", "2"}, {"3", "4"}}},
		"crlf and bom":       {"\ufeffa,b\r\n1,2\r\n", [][]string{{"1", "2"}}},
		"columns reordered":  {"b,x,a\n2,?,1\n", [][]string{{"1", "2"}}},
		"quoted":             {"a,b\n\"1,\"\"x\"\"\",\"two\nlines\"\n3,\"\"\n", [][]string{{`1,"x"`, "two\nlines"}, {"3", ""}}},
		"quoted crlf":        {"a,b\r\n\"1\",\"2\"\r\n3,\"4\"\r\n", [][]string{{"1", "2"}, {"3", "4"}}},
		"empty lines":        {"a,b\n\n1,2\n\r\n3,4\n\n", [][]string{{"1", "2"}, {"3", "4"}}},
		"empty fields":       {"a,b\n,\n", [][]string{{"", ""}}},
		"header quoted":      {"\"a\", b \n1,2\n", [][]string{{"1", "2"}}},
		"short and long":     {"a,b\n1\n1,2,3\n5,6\n", [][]string{{"!the row has 1 fields, the header has 2"}, {"!the row has 3 fields, the header has 2"}, {"5", "6"}}},
		"quote inside":       {"a,b\n1,x\"y\n5,6\n", [][]string{{"!a quote stands inside a field that is not quoted"}, {"5", "6"}}},
		"text after quote":   {"a,b\n\"1\"x,2\n5,6\n", [][]string{{"!a quoted field goes on after its closing quote"}, {"5", "6"}}},
		"cr inside is data":  {"a,b\n1\r1,2\n", [][]string{{"1\r1", "2"}}},
		"no records":         {"a,b\n", nil},
		"hangul":             {"a,b\n정산,\"가,나\"\n", [][]string{{"정산", "가,나"}}},
		"spaces are content": {"a,b\n 1 ,2\n", [][]string{{" 1 ", "2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := &csv.Options{Columns: []string{"a", "b"}}
			for _, source := range []io.Reader{strings.NewReader(c.data), iotest.OneByteReader(strings.NewReader(c.data)), iotest.DataErrReader(strings.NewReader(c.data))} {
				rows, raw, err := read(o, source)
				require.NoError(t, err)
				require.Equal(t, c.want, rows)
				require.Len(t, raw, len(c.want))
			}
		})
	}
}

func TestOptions(t *testing.T) {
	rows, _, err := read(&csv.Options{Delimiter: ";", Columns: []string{"a"}, FinalNewline: "optional"}, strings.NewReader("a;b\n1;2"))
	require.NoError(t, err)
	require.Equal(t, [][]string{{"1"}}, rows)
	r, err := (&csv.Options{Columns: []string{"a"}}).Open(strings.NewReader("a,new\n1,2\n"))
	require.NoError(t, err)
	require.Equal(t, []string{`columns that the source definition does not list are ignored: "new"`}, r.Warnings())
	require.Equal(t, "a,new\n", string(r.Header()))
}

func TestRefusedWhole(t *testing.T) {
	long := strings.Repeat("x", format.MaxRecordBytes+1)
	for name, c := range map[string]struct{ data, message string }{
		"empty":              {"", "the delivery is empty"},
		"missing column":     {"a,c\n1,2\n", "the header lacks columns"},
		"column twice":       {"a,b,a\n1,2,3\n", "the header names a column twice"},
		"wrong delimiter":    {"a;b\n1;2\n", "the header lacks columns"},
		"cut in a record":    {"a,b\n1,2\n3", "the last line has no end"},
		"cut in a field":     {"a,b\n1,2\n3,4", "the last line has no end"},
		"cut in quotes":      {"a,b\n1,2\n\"3,", "the delivery ends inside a quoted field"},
		"not utf-8":          {"a,b\n1,\xb0\xa1\n", "the delivery is not UTF-8: byte 7"},
		"header not utf-8":   {"a,b,\xb0\xa1\n1,2,3\n", "the header is not UTF-8"},
		"utf-16":             {"\xff\xfea\x00,\x00b\x00\n\x00", "the delivery is UTF-16"},
		"long record":        {"a,b\n1," + long + "\n", "the record is longer than"},
		"quote never closes": {"a,b\n1,\"" + strings.Repeat("x,y\n", format.MaxRecordBytes), "the record is longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(&csv.Options{Columns: []string{"a", "b"}}, strings.NewReader(c.data))
			require.ErrorContains(t, err, c.message)
			require.Equal(t, domain.CodeMalformed, domain.CodeOf(err))
		})
	}
}

// FuzzCSV: never a panic; what the standard library reads, we read the same; the
// raw bytes of the records, with the header, read the same again.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"1,2\n", ",\r\r\n", "\"1\n\",\"a\"\"b\"\r\n", "1\n,\n\n\"\"\n", "\"x\"y,\"\n\",1\n", "1,\"2\r\n\"\r\n", "\xff,1\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		o := &csv.Options{Columns: []string{"a", "b"}, FinalNewline: "optional"}
		rows, raw, err := read(o, strings.NewReader("a,b\n"+body))
		if err != nil {
			require.Equal(t, domain.CodeMalformed, domain.CodeOf(err))
			return
		}
		require.True(t, utf8.ValidString(body))
		require.Len(t, raw, len(rows))
		for i := range rows {
			again, _, err := read(o, strings.NewReader("a,b\n"+raw[i]+"\n"))
			require.NoError(t, err)
			require.Equal(t, rows[i:i+1], again, "record %q", raw[i])
		}
		std := stdcsv.NewReader(strings.NewReader("a,b\n" + body))
		std.FieldsPerRecord = -1
		want, err := std.ReadAll()
		if err != nil || strings.Contains(body, "\r") { // the library rewrites CRLF within quotes
			return
		}
		want = want[1:]
		require.Len(t, rows, len(want))
		for i := range want {
			if len(want[i]) == 2 {
				require.Equal(t, want[i], rows[i])
			} else {
				require.Contains(t, rows[i][0], "!the row has")
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	const lines = 10_000
	data := "a,b\n" + strings.Repeat("some text of a usual length,12345.67\n", lines)
	b.ReportAllocs()
	for n := 0; n < b.N; n += lines {
		r, err := (&csv.Options{Columns: []string{"a", "b"}}).Open(strings.NewReader(data))
		require.NoError(b, err)
		for err == nil {
			_, err = r.Next()
		}
		require.ErrorIs(b, err, io.EOF)
	}
}
