package verify

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// build makes of a value what encoding/json makes of it, by way of the scanner.
func build(s *scanner) (any, error) {
	switch s.peek() {
	case '{':
		out := map[string]any{}
		err := s.object(func(key []byte) error {
			name := string(key)
			value, err := build(s)
			out[name] = value
			return err
		})
		return out, err
	case '[':
		out := []any{}
		err := s.array(func() error {
			value, err := build(s)
			out = append(out, value)
			return err
		})
		return out, err
	case '"':
		text, err := s.str()
		return string(text), err
	}
	word, err := s.word()
	if err != nil {
		return nil, err
	}
	var out any
	d := json.NewDecoder(bytes.NewReader(word))
	d.UseNumber()
	return out, d.Decode(&out)
}

func standard(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		return nil, err
	}
	return out, nil
}

func TestScannerReadsAllOfJSON(t *testing.T) {
	text := []byte(" {\"a\" : \"x\\\"\\u00e9\\n정산\" , \"b\":[1,-2.5e3,true,false,null,[],{}],\"c\":{\"d\":\"\"},\"e\":null}\n")
	want, err := standard(text)
	require.NoError(t, err)
	s := &scanner{text: text}
	got, err := build(s)
	require.NoError(t, err)
	require.Equal(t, want, got)

	s.reset(text)
	var raw []byte
	require.NoError(t, s.whole(func(key []byte) error {
		if string(key) == "b" {
			var err error
			raw, err = s.raw()
			return err
		}
		return s.skip()
	}))
	require.Equal(t, "[1,-2.5e3,true,false,null,[],{}]", string(raw))
}

func TestScannerRefuses(t *testing.T) {
	for _, text := range []string{
		"", "{", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`, `{a:1}`, `{"a":1}x`, `[]`, `"a"`, `{"a":"` + "\n" + `"}`, `{"a":"\x"}`, `{"a":"b`, `{"a":"\`,
		`{"a":tru}`, `{"a":1-2}`, `{"a":[1 2]}`, `{"a":[}`,
	} {
		s := &scanner{text: []byte(text)}
		require.Error(t, s.whole(func([]byte) error { return s.skip() }), text)
	}
	deep := &scanner{text: append(bytes.Repeat([]byte("["), 1000), bytes.Repeat([]byte("]"), 1000)...)}
	require.ErrorContains(t, deep.skip(), "deep")
}

// What encoding/json reads as an object, the scanner reads alike.
func FuzzScanner(f *testing.F) {
	f.Add([]byte(`{"a":"x\"é","b":[1,-2.5e3,true,null],"c":{"d":""}}`))
	f.Add([]byte(`{"a":"\ud83d\ude00","b":"\ud800"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := &scanner{text: text}
		_ = s.whole(func([]byte) error { return s.skip() }) // must not panic
		if len(bytes.TrimSpace(text)) == 0 || bytes.TrimSpace(text)[0] != '{' || !json.Valid(text) || bytes.Count(text, []byte("[")) > 20 || bytes.Count(text, []byte("{")) > 20 {
			return
		}
		want, err := standard(text)
		if err != nil {
			t.Fatal(err)
		}
		s.reset(text)
		got, err := build(s)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if valid := bytes.ToValidUTF8(text, nil); len(valid) == len(text) && !reflect.DeepEqual(want, got) {
			t.Fatalf("%s\nwant %#v\ngot  %#v", text, want, got)
		}
	})
}
