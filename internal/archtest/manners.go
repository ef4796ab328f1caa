package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// longest is how many lines a file may have that people write.
const longest = 500

// vague lists package names that say nothing about a duty.
var vague = []string{"base", "common", "core", "helper", "helpers", "lib", "manager", "misc", "model", "models", "service", "services", "shared", "type", "types", "util", "utils"}

// checkPackages wants a doc.go in every package, a name that says something, and
// no name twice.
func checkPackages(t *tree) (found []finding) {
	places := map[string]string{}
	for _, p := range t.packages {
		documented, product := false, false
		name := p.files[0].name
		for _, f := range p.files {
			product = product || !f.test
			if strings.HasSuffix(f.path, "/doc.go") && f.syntax.Doc != nil {
				documented = strings.HasPrefix(f.syntax.Doc.Text(), "Package "+f.name+" ")
			}
		}
		if generatedOnly(p) || !product {
			continue
		}
		if !documented && p.path != "cmd/jeongsan" {
			found = append(found, finding{p.path, "no doc.go with a comment that begins with \"Package " + name + " \": its duty, what may not live there, how to add one more of its kind"})
		}
		if slices.Contains(vague, name) {
			found = append(found, finding{p.path, "the name " + name + " does not say what the package is for"})
		}
		if other, taken := places[name]; taken && name != "main" {
			found = append(found, finding{p.path, "the name " + name + " is taken by " + other})
		}
		places[name] = p.path
	}
	return found
}

func generatedOnly(p *folder) bool {
	return !slices.ContainsFunc(p.files, func(f *file) bool { return !f.generated })
}

// checkFiles wants short files, no init functions, and no sleeping instead of
// waiting for something.
func checkFiles(t *tree) (found []finding) {
	for _, p := range t.packages {
		for _, f := range p.files {
			if f.generated {
				continue
			}
			if f.lines > longest {
				found = append(found, finding{f.path, "has " + strconv.Itoa(f.lines) + " lines, more than " + strconv.Itoa(longest) + ": part it by duty"})
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					if n.Recv == nil && n.Name.Name == "init" {
						found = append(found, finding{f.at(n), "an init function: registration is an explicit slice"})
					}
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && n.Sel.Name == "Sleep" {
						found = append(found, finding{f.at(n), "time.Sleep: wait for the thing itself, with a channel, a condition or a context"})
					}
				}
				return true
			})
		}
	}
	return found
}

// exact lists where no float may be, not even in passing.
var exact = []string{"domain", "internal/verify", "internal/sim/auditor"}

// checkFloats keeps floats away from money.
func checkFloats(t *tree) (found []finding) {
	for _, p := range t.packages {
		if !under(p.path, exact...) {
			continue
		}
		for _, f := range p.files {
			if f.test {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident:
					if n.Name == "float32" || n.Name == "float64" {
						found = append(found, finding{f.at(n), "a " + n.Name + ": amounts are exact"})
					}
				case *ast.BasicLit:
					if n.Kind == token.FLOAT && !wholeNumber.MatchString(n.Value) {
						found = append(found, finding{f.at(n), "the float " + n.Value + ": amounts are exact"})
					}
				}
				return true
			})
		}
	}
	return found
}

// wholeNumber matches 1e9, which is a constant of any integer type.
var wholeNumber = regexp.MustCompile(`^[0-9]+e[0-9]+$`)

// contract lists what internal/verify may use of package eventstore: the way to
// the recorded events, and nothing that knows what they mean.
var contract = []string{"Store", "Position", "Start", "Forwards", "Recorded", "Error", "Code", "CodeOf"}

// checkIndependence keeps the second opinion a second one.
func checkIndependence(t *tree) (found []finding) {
	for _, p := range t.packages {
		if !under(p.path, "internal/verify") {
			continue
		}
		for _, f := range p.files {
			if f.test {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				selector, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := selector.X.(*ast.Ident); ok && x.Name == "eventstore" && x.Obj == nil && !slices.Contains(contract, selector.Sel.Name) {
					found = append(found, finding{f.at(n), "internal/verify may not use eventstore." + selector.Sel.Name + ": it must not share what it checks"})
				}
				return true
			})
		}
	}
	return found
}

// unfinished matches marks of work left open. It is put together so that it does
// not match itself.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b`)

// checkTexts refuses marks of unfinished work in any file that people read.
func checkTexts(t *tree) (found []finding) {
	for _, text := range t.texts {
		if generatedLine.Match(text.content) {
			continue
		}
		for i, line := range strings.Split(string(text.content), "\n") {
			if mark := unfinished.FindString(line); mark != "" {
				found = append(found, finding{text.path + ":" + strconv.Itoa(i+1), mark + ": finish it"})
			}
		}
	}
	return found
}

// rules lists every rule of the layout.
var rules = []struct {
	name  string
	check func(*tree) []finding
}{
	{"imports run inward", checkDirections},
	{"libraries have a home", checkHomes},
	{"the domain is pure", checkDomain},
	{"packages say what they are", checkPackages},
	{"files are short and start nothing", checkFiles},
	{"no floats near money", checkFloats},
	{"verify is independent", checkIndependence},
	{"nothing is left unfinished", checkTexts},
}
