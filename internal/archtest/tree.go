package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Module is the path of the module.
const Module = "github.com/jeongsan/jeongsan"

// tree is the parsed source of the module.
type tree struct {
	packages []*folder
	texts    []text // every file a person may read
}

// folder is one directory with Go files.
type folder struct {
	path  string // relative to the root, "." for the root itself
	files []*file
}

// file is one Go file.
type file struct {
	path      string
	name      string // of the package, without _test
	test      bool
	generated bool
	lines     int
	set       *token.FileSet
	syntax    *ast.File
}

// text is one file as bytes.
type text struct {
	path    string
	content []byte
}

// finding is one violation.
type finding struct {
	where string
	what  string
}

func (f finding) String() string { return f.where + ": " + f.what }

// textual says which files are read as text.
var textual = regexp.MustCompile(`(^|/)(Makefile|LICENSE|NOTICE|run)$|\.(go|md|sql|ya?ml|graphqls|sh|js|ts|css|html|mod)$`)

var generatedLine = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// read parses every Go file below a root. Hidden directories but .ci, testdata,
// modules of their own (tools/) and what npm fetched or built are left out.
func read(root fs.FS) (*tree, error) {
	t := &tree{}
	byPath := map[string]*folder{}
	set := token.NewFileSet()
	err := fs.WalkDir(root, ".", func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); (strings.HasPrefix(name, ".") && name != "." && name != ".ci") || slices.Contains([]string{"testdata", "node_modules", "built"}, name) {
				return fs.SkipDir
			}
			return nil
		}
		if !textual.MatchString(p) {
			return nil
		}
		content, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		t.texts = append(t.texts, text{p, content})
		if path.Ext(p) != ".go" {
			return nil
		}
		syntax, err := parser.ParseFile(set, p, content, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := path.Dir(p)
		if byPath[dir] == nil {
			byPath[dir] = &folder{path: dir}
			t.packages = append(t.packages, byPath[dir])
		}
		byPath[dir].files = append(byPath[dir].files, &file{
			path: p, name: strings.TrimSuffix(syntax.Name.Name, "_test"), test: strings.HasSuffix(p, "_test.go"),
			generated: generatedLine.Match(content), lines: bytes.Count(content, []byte("\n")), set: set, syntax: syntax,
		})
		return nil
	})
	return t, err
}

// imports yields the import paths of a file with their place.
func (f *file) imports(yield func(path, where string) bool) {
	for _, spec := range f.syntax.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // go/parser has accepted it, so it is quoted
		}
		if !yield(name, f.at(spec)) {
			return
		}
	}
}

func (f *file) at(node ast.Node) string {
	position := f.set.Position(node.Pos())
	return fmt.Sprintf("%s:%d", f.path, position.Line)
}

// under reports whether a directory is one of those named or lies below it.
func under(dir string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return dir == root || strings.HasPrefix(dir, root+"/")
	})
}

// ours returns the directory of an import of this module.
func ours(importPath string) (string, bool) {
	if importPath == Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, Module+"/")
}
