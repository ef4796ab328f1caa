package ndjson_test

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect/format"
	"github.com/jeongsan/jeongsan/collect/format/ndjson"
	"github.com/jeongsan/jeongsan/domain"
)

type row struct {
	fields map[string]any
	fault  string
	raw    string
}

// plain turns a value into what encoding/json makes of it with UseNumber.
func plain(v format.Value) any {
	switch v.Kind {
	case format.Number:
		return json.Number(v.Text)
	case format.Bool:
		return v.Text == "true"
	case format.Null:
		return nil
	case format.List:
		out := []any{}
		for _, item := range v.Items {
			out = append(out, plain(item))
		}
		return out
	case format.Object:
		out := map[string]any{}
		for i, item := range v.Items {
			out[v.Names[i]] = plain(item)
		}
		return out
	}
	return v.Text
}

func read(source io.Reader) ([]row, error) {
	r, err := (&ndjson.Options{}).Open(source)
	if err != nil {
		return nil, err
	}
	var rows []row
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		out := row{raw: string(record.Raw)}
		if record.Fault != nil {
			out.fault = record.Fault.Message
		} else {
			out.fields = plain(format.Value{Kind: format.Object, Names: record.Names, Items: record.Values}).(map[string]any)
		}
		rows = append(rows, out)
	}
}

func TestRecords(t *testing.T) {
	data := "\ufeff" + `{"id":"a","n":1.10,"big":12345678901234567890.5,"e":1E+2,"ok":true,"no":null,"o":{"x":[1,"2",{}]}}` + "\r\n" +
		"\n" +
		`  {"s":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00정산"} ` + "\n" +
		`{}` // the closing brace is the end
	for _, source := range []io.Reader{strings.NewReader(data), iotest.OneByteReader(strings.NewReader(data))} {
		rows, err := read(source)
		require.NoError(t, err)
		require.Len(t, rows, 3)
		require.Equal(t, map[string]any{
			"id": "a", "n": json.Number("1.10"), "big": json.Number("12345678901234567890.5"), "e": json.Number("1E+2"), "ok": true, "no": nil,
			"o": map[string]any{"x": []any{json.Number("1"), "2", map[string]any{}}},
		}, rows[0].fields)
		require.Equal(t, map[string]any{"s": "\"\\/\b\f\n\r\té😀정산"}, rows[1].fields)
		require.Empty(t, rows[2].fields)
	}
}

func TestMalformedLinesDoNotStopTheRest(t *testing.T) {
	for line, want := range map[string]string{
		`[1]`:                                   "not a JSON object",
		`{"a":1} x`:                             "goes on after",
		`{"a":1,"a":2}`:                         "a name is given twice",
		`{"o":{"b":1,"b":2}}`:                   "a name is given twice",
		`{"a":01}`:                              "not valid JSON",
		`{"a":1.}`:                              "a digit expected",
		`{"a":.5}`:                              "a value expected",
		`{"a":+5}`:                              "a value expected",
		`{"a":NaN}`:                             "a value expected",
		`{"a":"\x"}`:                            "a broken escape",
		`{"a":"\ud800"}`:                        "a broken escape",
		`{"a":"\ud800\u0041"}`:                  "a broken escape",
		"{\"a\":\"\t\"}":                        "a control character",
		`{"a":"x}`:                              "no closing quote",
		`{"a":1`:                                "',' expected",
		`{"a"`:                                  "':' expected",
		`{a:1}`:                                 "a name in quotes expected",
		`{"a":1,}`:                              "a name in quotes expected",
		`{"a":[1,]}`:                            "a value expected",
		`{"a":truth}`:                           "a value expected",
		`{"a":` + strings.Repeat("9", 65) + `}`: "longer than 64 characters",
		`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`: "nested too deeply",
	} {
		rows, err := read(strings.NewReader(line + "\n{\"b\":1}\n"))
		require.NoError(t, err, line)
		require.Len(t, rows, 2, line)
		require.Contains(t, rows[0].fault, want, line)
		require.Equal(t, line, rows[0].raw)
		require.Equal(t, map[string]any{"b": json.Number("1")}, rows[1].fields)
	}
}

func TestRefusedWhole(t *testing.T) {
	for name, c := range map[string]struct{ data, message string }{
		"cut off":     {"{\"a\":1}\n{\"a\":", "the last line is not a whole JSON object"},
		"not utf-8":   {"{\"a\":\"\xb0\xa1\"}\n", "not UTF-8"},
		"long record": {`{"a":"` + strings.Repeat("x", 300<<10) + "\"}\n", "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(strings.NewReader(c.data))
			require.ErrorContains(t, err, c.message)
			require.Equal(t, domain.CodeMalformed, domain.CodeOf(err))
		})
	}
}

// FuzzNDJSON: never a panic; what is accepted is what the standard library reads,
// and what that refuses is refused.
func FuzzNDJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.50,-0,1e5,{"b":null}]}`, `{"\u0041":"\ud83d\ude00"}`, `{"a":1}{}`, `{"a":"\/"}`, `{"a":-}`, " { } "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		rows, err := read(strings.NewReader(line + "\n{}\n"))
		if err != nil {
			require.Equal(t, domain.CodeMalformed, domain.CodeOf(err))
			return
		}
		require.NotEmpty(t, rows)
		require.Equal(t, "{}", rows[len(rows)-1].raw)
		for _, r := range rows {
			valid := json.Valid([]byte(r.raw)) && strings.HasPrefix(strings.TrimSpace(r.raw), "{")
			if r.fault != "" {
				strict := []string{"twice", "deeply", "longer than 64", "broken escape", "1000 names"}
				known := false
				for _, s := range strict {
					known = known || strings.Contains(r.fault, s)
				}
				require.True(t, !valid || known, "%q: %s", r.raw, r.fault)
				continue
			}
			require.True(t, valid, "%q", r.raw)
			decoder := json.NewDecoder(strings.NewReader(r.raw))
			decoder.UseNumber()
			var want map[string]any
			require.NoError(t, decoder.Decode(&want))
			require.True(t, reflect.DeepEqual(want, r.fields), "%q", r.raw)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	const lines = 10_000
	data := strings.Repeat(`{"id":"T-1234567","approved_at":"2026-11-22T10:00:00+09:00","payment":{"method":"card","currency":"KRW","amount":129000},"seller":"seller-jeju"}`+"\n", lines)
	b.ReportAllocs()
	for n := 0; n < b.N; n += lines {
		r, err := (&ndjson.Options{}).Open(strings.NewReader(data))
		require.NoError(b, err)
		for err == nil {
			_, err = r.Next()
		}
		require.ErrorIs(b, err, io.EOF)
	}
}
