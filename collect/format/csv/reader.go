package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jeongsan/jeongsan/collect/format"
)

// Options are the keys of format.csv in a source definition.
type Options struct {
	// Delimiter is one ASCII character; a comma where empty.
	Delimiter string `yaml:"delimiter"`
	// Columns are the columns that the source must deliver.
	Columns []string `yaml:"columns"`
	// FinalNewline is "required" where empty: a file whose last line has no end
	// is taken for cut off. "optional" trusts the sender.
	FinalNewline string `yaml:"final_newline"`
}

// Check returns the faults of the options with the key each is about.
func (o *Options) Check(fault func(key, value, message, remedy string)) {
	if o.Delimiter != "" && (len(o.Delimiter) != 1 || o.Delimiter == `"` || o.Delimiter == "\n" || o.Delimiter == "\r" || o.Delimiter[0] >= utf8.RuneSelf) {
		fault("delimiter", o.Delimiter, "not a usable delimiter", `write one ASCII character, as "," ";" "|" or "\t"`)
	}
	if len(o.Columns) == 0 {
		fault("columns", "", "the columns of the header are missing", "list the names of the columns that every file must have")
	}
	for i, name := range o.Columns {
		key := fmt.Sprintf("columns[%d]", i)
		if name == "" {
			fault(key, "", "a column needs a name", "")
		}
		if slices.Contains(o.Columns[:i], name) {
			fault(key, name, "the column is listed twice", "leave out one")
		}
	}
	if o.FinalNewline != "" && o.FinalNewline != "required" && o.FinalNewline != "optional" {
		fault("final_newline", o.FinalNewline, "unknown choice", "use required or optional")
	}
}

type reader struct {
	window    *format.Window
	delimiter byte
	optional  bool // final newline
	header    []byte
	columns   int   // of the header
	target    []int // column of the file → index in record.Values, -1 to leave out
	warnings  []string
	record    format.Record
	cells     []string
	scratch   []byte // the text of all cells of a quoted record
	ends      []int  // of each cell in scratch
}

// Open reads the header. It returns *domain.Error with CodeMalformed where the
// header is broken or lacks a column.
func (o *Options) Open(source io.Reader) (format.Reader, error) {
	window, err := format.NewWindow(source)
	if err != nil {
		return nil, err
	}
	r := &reader{window: window, delimiter: ',', optional: o.FinalNewline == "optional"}
	if o.Delimiter != "" {
		r.delimiter = o.Delimiter[0]
	}
	line, err := r.line()
	if errors.Is(err, io.EOF) {
		return nil, format.Malformed("header", "", "the delivery is empty: it has no header line", "ask the sender for the whole file")
	}
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(line.raw) {
		return nil, format.Malformed("header", "", "the header is not UTF-8", "convert the file to UTF-8; files from older systems are often EUC-KR or Windows-1252")
	}
	if line.fault != "" {
		return nil, format.Malformed("header", "", "the header line: "+line.fault, "correct the file or the delimiter of the source definition")
	}
	r.header = append(slices.Clone(line.raw), '\n')
	r.window.Skip(line.size)
	if err := r.match(o.Columns); err != nil {
		return nil, err
	}
	return r, nil
}

// match finds the declared columns in the header that stands in r.cells.
func (r *reader) match(declared []string) error {
	names := make([]string, len(r.cells))
	for i, name := range r.cells {
		names[i] = strings.Clone(strings.TrimSpace(name))
	}
	index := make(map[string]int, len(declared))
	for i, name := range declared {
		index[name] = i
	}
	r.columns, r.target = len(names), make([]int, len(names))
	found := make([]bool, len(declared))
	var unknown []string
	for i, name := range names {
		at, known := index[name]
		r.target[i] = -1
		switch {
		case known && found[at]:
			return format.Malformed("header", name, "the header names a column twice", "ask the sender which of the two is meant")
		case known:
			found[at], r.target[i] = true, at
		default:
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}
	var missing []string
	for i, name := range declared {
		if !found[i] {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return format.Malformed("header", strings.Join(missing, ", "), "the header lacks columns that the source definition requires",
			"check that this is a file of this source, and its delimiter; else change format.csv.columns")
	}
	if len(unknown) > 0 {
		r.warnings = append(r.warnings, "columns that the source definition does not list are ignored: "+strings.Join(unknown, ", "))
	}
	r.record.Names, r.record.Index = declared, index
	r.record.Values = make([]format.Value, len(declared))
	return nil
}

func (r *reader) Header() []byte     { return r.header }
func (r *reader) Warnings() []string { return r.warnings }

// Next implements format.Reader.
func (r *reader) Next() (*format.Record, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	number, err := r.window.Count(line.raw)
	if err != nil {
		return nil, err
	}
	record := &r.record
	record.Number, record.Raw, record.Fault = number, line.raw, nil
	record.Values = record.Values[:len(record.Names)]
	switch {
	case line.fault != "":
		record.Fault = format.Malformed("", "", line.fault, "correct the row and send it again")
	case len(r.cells) != r.columns:
		record.Fault = format.Malformed("", "", fmt.Sprintf("the row has %d fields, the header has %d", len(r.cells), r.columns), "correct the row and send it again")
	default:
		for i, cell := range r.cells {
			if at := r.target[i]; at >= 0 {
				record.Values[at] = format.Value{Text: cell}
			}
		}
	}
	if record.Fault != nil {
		record.Values = record.Values[:0]
	}
	r.window.Skip(line.size)
	return record, nil
}

type line struct {
	raw   []byte
	size  int // with its line end
	fault string
}

// line finds the next record that is not empty and splits it into r.cells. The
// window still holds it afterwards.
func (r *reader) line() (line, error) {
	for {
		data := r.window.Bytes()
		if len(data) == 0 && r.window.AtEnd() {
			return line{}, io.EOF
		}
		size, terminated := 0, false
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			size, terminated = i+1, true
		} else if r.window.AtEnd() {
			size = len(data)
		} else {
			if err := r.window.Fill(); err != nil {
				return line{}, err
			}
			continue
		}
		raw := trimEnd(data[:size])
		var fault string
		if bytes.IndexByte(raw, '"') < 0 {
			if len(raw) == 0 {
				r.window.Skip(size)
				continue
			}
			r.plain(raw)
		} else {
			var open bool
			size, fault, open = r.quoted(data)
			if open && !r.window.AtEnd() {
				if err := r.window.Fill(); err != nil {
					return line{}, err
				}
				continue
			}
			if open {
				return line{}, r.window.CutOff("the delivery ends inside a quoted field")
			}
			terminated = size > 0 && data[size-1] == '\n'
			raw = trimEnd(data[:size])
		}
		if !terminated && !r.optional {
			return line{}, r.window.CutOff("the last line has no end")
		}
		return line{raw, size, fault}, nil
	}
}

// trimEnd drops the line end: LF with any number of CR before it.
func trimEnd(b []byte) []byte {
	return bytes.TrimRight(bytes.TrimSuffix(b, []byte{'\n'}), "\r")
}

// plain splits a line without quotes. All cells share one string.
func (r *reader) plain(raw []byte) {
	r.cells = r.cells[:0]
	s := string(raw)
	for {
		i := strings.IndexByte(s, r.delimiter)
		if i < 0 {
			r.cells = append(r.cells, s)
			return
		}
		r.cells = append(r.cells, s[:i])
		s = s[i+1:]
	}
}

// quoted splits a record that holds quotes. It returns the size of the record
// with its line end, what is wrong with it, and open where the data ends before
// the record does.
func (r *reader) quoted(data []byte) (size int, fault string, open bool) {
	r.cells, r.scratch, r.ends = r.cells[:0], r.scratch[:0], r.ends[:0]
	i := 0
	for {
		quotes := i < len(data) && data[i] == '"'
		if quotes {
			var closed bool
			if i, closed = r.quotedCell(data, i+1); !closed {
				return 0, "", true
			}
		}
		cell := len(r.scratch)
		end, stray := r.plainCell(data, i)
		if i = end; i == len(data) && !r.window.AtEnd() {
			return 0, "", true
		}
		switch {
		case fault != "":
		case quotes && len(r.scratch) > cell:
			fault = "a quoted field goes on after its closing quote"
		case stray:
			fault = "a quote stands inside a field that is not quoted"
		}
		r.ends = append(r.ends, len(r.scratch))
		if i == len(data) || data[i] == '\n' {
			break
		}
		i++ // the delimiter
	}
	s, from := string(r.scratch), 0
	for _, end := range r.ends {
		r.cells = append(r.cells, s[from:end])
		from = end
	}
	return min(i+1, len(data)), fault, false
}

// quotedCell reads from behind an opening quote to behind the closing one. A
// quote that ends the data closes only where nothing follows.
func (r *reader) quotedCell(data []byte, i int) (end int, closed bool) {
	for ; i < len(data); i++ {
		switch {
		case data[i] != '"':
			r.scratch = append(r.scratch, data[i])
		case i+1 == len(data):
			return i + 1, r.window.AtEnd()
		case data[i+1] == '"':
			r.scratch = append(r.scratch, '"')
			i++
		default:
			return i + 1, true
		}
	}
	return i, false
}

// plainCell reads up to the delimiter or the line end.
func (r *reader) plainCell(data []byte, i int) (end int, stray bool) {
	for i < len(data) && data[i] != r.delimiter && data[i] != '\n' {
		stray = stray || data[i] == '"'
		next := max(lineEnd(data, i), i+1)
		if data[i] != '\r' || next < len(data) && data[next] != '\n' {
			r.scratch = append(r.scratch, data[i:next]...)
		}
		i = next
	}
	return i, stray
}

// lineEnd passes over the CRs that stand at i.
func lineEnd(data []byte, i int) int {
	for i < len(data) && data[i] == '\r' {
		i++
	}
	return i
}

var _ format.Reader = (*reader)(nil)
