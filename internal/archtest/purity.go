package archtest

import (
	"go/ast"
	"go/token"
	"slices"
)

// domainImports lists all that domain/ may import besides itself. What is not
// here does I/O, reads a clock, draws a random number, or is not needed.
var domainImports = []string{
	"bytes", "cmp", "crypto/sha256", "encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "hash", "iter", "maps", "math", "math/big",
	"math/bits", "regexp", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
	"github.com/cespare/xxhash/v2", "github.com/shopspring/decimal",
}

// domainTests lists what tests under domain/ may import in addition.
var domainTests = []string{
	"flag", "io", "math/rand", "math/rand/v2", "os", "path/filepath", "reflect", "runtime", "testing", "testing/quick",
	"github.com/google/go-cmp/cmp", "github.com/google/go-cmp/cmp/cmpopts", "github.com/stretchr/testify/assert", "github.com/stretchr/testify/require", "pgregory.net/rapid",
}

// clock lists what package time offers that reads a clock, waits, or reads the
// time zones of the machine.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "LoadLocation", "Local"}

// checkDomain enforces the purity of domain/.
func checkDomain(t *tree) (found []finding) {
	for _, p := range t.packages {
		if !under(p.path, "domain") {
			continue
		}
		v := packageVariables(p)
		for _, f := range p.files {
			for name, where := range f.imports {
				if _, own := ours(name); !own && !slices.Contains(domainImports, name) && (!f.test || !slices.Contains(domainTests, name)) {
					found = append(found, finding{where, "domain/ may not import " + name})
				}
			}
			if f.test {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if what := impure(n, v); what != "" {
					found = append(found, finding{f.at(n), what})
				}
				return true
			})
		}
	}
	return found
}

// impure says what a node does that domain/ may not do, "" for nothing.
func impure(n ast.Node, v variables) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "domain/ may not start a goroutine"
	case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
		return "domain/ has no channels"
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
			return "domain/ may not use time." + n.Sel.Name + ": time arrives in the command"
		}
	case *ast.AssignStmt:
		if n.Tok == token.DEFINE {
			return ""
		}
		for _, target := range n.Lhs {
			if name := v.changed(target); name != "" {
				return "domain/ may not change the package variable " + name
			}
		}
	case *ast.IncDecStmt:
		if name := v.changed(n.X); name != "" {
			return "domain/ may not change the package variable " + name
		}
	}
	return ""
}

// variables are those that a package declares at its top level.
type variables struct {
	names map[string]bool
	specs map[*ast.ValueSpec]bool
}

func packageVariables(p *folder) variables {
	v := variables{map[string]bool{}, map[*ast.ValueSpec]bool{}}
	for _, f := range p.files {
		for _, decl := range f.syntax.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR {
				continue
			}
			for _, spec := range general.Specs {
				value := spec.(*ast.ValueSpec) // what a var declaration holds
				v.specs[value] = true
				for _, name := range value.Names {
					v.names[name.Name] = true
				}
			}
		}
	}
	return v
}

// changed returns the package variable that an assignment to an expression
// changes, "" for none. A local variable of the same name hides it.
func (v variables) changed(target ast.Expr) string {
	for {
		switch e := target.(type) {
		case *ast.IndexExpr:
			target = e.X
		case *ast.SelectorExpr:
			target = e.X
		case *ast.StarExpr:
			target = e.X
		case *ast.ParenExpr:
			target = e.X
		case *ast.Ident:
			if !v.names[e.Name] || e.Name == "_" || v.hidden(e) {
				return ""
			}
			return e.Name
		default:
			return ""
		}
	}
}

// hidden reports whether go/parser has tied an identifier to a declaration
// inside of a function. It ties nothing across files.
func (v variables) hidden(name *ast.Ident) bool {
	if name.Obj == nil {
		return false
	}
	spec, ok := name.Obj.Decl.(*ast.ValueSpec)
	return !ok || !v.specs[spec]
}
