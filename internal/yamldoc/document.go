package yamldoc

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/jeongsan/jeongsan/domain"
)

// MaxBytes is the longest document that is read.
const MaxBytes = 4 << 20

// Document remembers where each value of a decoded document stands and collects
// faults. It is used by one goroutine.
type Document struct {
	name   string
	places map[string]place
	faults []fault
}

type place struct{ line, column int }

type fault struct {
	place
	path string
	err  *domain.Error
}

// Decode reads one YAML document into the struct that into points at, whose
// fields carry yaml tags as in goccy/go-yaml (`yaml:"name"`, `yaml:",inline"`).
// name is what errors call the file. Faults are collected, see Err; what could
// be decoded is decoded all the same, so that later checks find further faults.
func Decode(name string, data []byte, into any) *Document {
	d := &Document{name: name, places: map[string]place{"": {1, 1}}}
	if len(data) > MaxBytes {
		d.Fault("", "", fmt.Sprintf("the document is longer than %d bytes", MaxBytes), "split it")
		return d
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		d.syntax(err)
		return d
	}
	body := d.single(file)
	if body != nil {
		d.decode("", body, elem(into))
	}
	return d
}

// single returns the body of the one document of the file, nil after a fault.
func (d *Document) single(file *ast.File) ast.Node {
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if _, comment := doc.Body.(*ast.CommentGroupNode); comment {
			continue
		}
		if body != nil {
			d.at("", doc.Body)
			d.Fault("", "", "the file holds more than one YAML document", "put each into a file of its own")
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		d.Fault("", "", "the document is empty", "see docs/ and examples/ for what belongs here")
	}
	return body
}

func (d *Document) syntax(err error) {
	var located yaml.Error
	if errors.As(err, &located) && located.GetToken() != nil {
		d.note("", located.GetToken())
		d.Fault("", "", located.GetMessage(), "correct the YAML")
		return
	}
	d.Fault("", "", strings.TrimSpace(err.Error()), "correct the YAML")
}

// Fault adds a fault at the value of a path such as "rules[2].percent". A path
// that is not in the document stands at its nearest parent.
func (d *Document) Fault(path, value, message, remedy string) {
	p := d.place(path)
	field := fmt.Sprintf("%s:%d:%d", d.name, p.line, p.column)
	if path != "" {
		field += " " + path
	}
	d.faults = append(d.faults, fault{p, path, &domain.Error{
		Code: domain.CodeInvalid, Field: field, Value: value, Message: message, Remedy: remedy,
	}})
}

// FaultFrom adds err as a fault at a path. Of a *domain.Error value, message and
// remedy are taken over.
func (d *Document) FaultFrom(path string, err error) {
	var e *domain.Error
	if errors.As(err, &e) {
		d.Fault(path, e.Value, e.Message, e.Remedy)
		return
	}
	d.Fault(path, "", err.Error(), "")
}

// Has reports whether the document gives a value at the path.
func (d *Document) Has(path string) bool {
	_, ok := d.places[path]
	return ok && path != ""
}

// Unread reports whether the value at the path could not be read as it stands: a
// fault was noted at it, around it, or at one of its keys. What a later check finds
// missing there is no fault of its own.
func (d *Document) Unread(path string) bool {
	return slices.ContainsFunc(d.faults, func(f fault) bool {
		around, within := strings.CutPrefix(path, f.path)
		inside, holds := strings.CutPrefix(f.path, path)
		return within && (around == "" || f.path == "" || strings.ContainsAny(around[:1], ".[")) ||
			holds && strings.LastIndexAny(inside, ".[") == 0 && path != ""
	})
}

// Line returns the line of the value at a path, or of its nearest parent.
func (d *Document) Line(path string) int { return d.place(path).line }

func (d *Document) place(path string) place {
	for {
		if p, ok := d.places[path]; ok {
			return p
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return d.places[""]
		}
		path = path[:cut]
	}
}

// Err returns nil, or Faults in the order of their lines.
func (d *Document) Err() error {
	if len(d.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(d.faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	out := make(Faults, len(d.faults))
	for i, f := range d.faults {
		out[i] = f.err
	}
	return out
}

// at notes where a value begins; a mapping without braces begins with its first key.
func (d *Document) at(path string, n ast.Node) {
	t := n.GetToken()
	switch n := n.(type) {
	case *ast.MappingValueNode:
		t = n.Key.GetToken()
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			t = n.Values[0].Key.GetToken()
		}
	}
	d.note(path, t)
}

func (d *Document) note(path string, t *token.Token) {
	if t != nil && t.Position != nil {
		d.places[path] = place{t.Position.Line, t.Position.Column}
	}
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Join appends a key to a path: "a" and "b c" give `a["b c"]`.
func Join(path, key string) string {
	if !plainKey.MatchString(key) {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// Index appends an index to a path: "rules" and 2 give "rules[2]".
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
