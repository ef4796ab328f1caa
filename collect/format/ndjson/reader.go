package ndjson

import (
	"bytes"
	"io"

	"github.com/jeongsan/jeongsan/collect/format"
)

// Options are the keys of format.ndjson in a source definition: there are none.
type Options struct{}

// Check finds nothing to refuse.
func (o *Options) Check(func(key, value, message, remedy string)) {}

type reader struct {
	window *format.Window
	record format.Record
	parser parser
}

// Open begins to read.
func (o *Options) Open(source io.Reader) (format.Reader, error) {
	window, err := format.NewWindow(source)
	if err != nil {
		return nil, err
	}
	return &reader{window: window}, nil
}

func (r *reader) Header() []byte     { return nil }
func (r *reader) Warnings() []string { return nil }

// Next implements format.Reader.
func (r *reader) Next() (*format.Record, error) {
	for {
		data := r.window.Bytes()
		if len(data) == 0 && r.window.AtEnd() {
			return nil, io.EOF
		}
		i := bytes.IndexByte(data, '\n')
		if i < 0 && !r.window.AtEnd() {
			if err := r.window.Fill(); err != nil {
				return nil, err
			}
			continue
		}
		size := i + 1
		if i < 0 {
			size = len(data)
		}
		raw := bytes.TrimSuffix(bytes.TrimSuffix(data[:size], []byte{'\n'}), []byte{'\r'})
		if len(bytes.TrimSpace(raw)) == 0 {
			r.window.Skip(size)
			continue
		}
		return r.decode(raw, size, i >= 0)
	}
}

// decode parses a line. The object's closing brace is the end of a record, so
// the last line needs no line end, but it must be whole.
func (r *reader) decode(raw []byte, size int, terminated bool) (*format.Record, error) {
	names, values, fault := r.parser.object(raw, r.record.Names[:0], r.record.Values[:0])
	if fault != "" && !terminated {
		return nil, r.window.CutOff("the last line is not a whole JSON object")
	}
	number, err := r.window.Count(raw)
	if err != nil {
		return nil, err
	}
	r.record = format.Record{Number: number, Raw: raw, Names: names, Values: values}
	if fault != "" {
		r.record.Names, r.record.Values = names[:0], values[:0]
		r.record.Fault = format.Malformed("", "", fault, "correct the line and send it again")
	}
	r.window.Skip(size)
	return &r.record, nil
}

var _ format.Reader = (*reader)(nil)
