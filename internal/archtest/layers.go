package archtest

import (
	"slices"
	"strings"
)

// layer says what the packages below a directory may import of ours, directly.
// The longest matching directory decides.
type layer struct {
	dir     string
	imports []string // directories; what lies below them is included
}

// layers is the picture of docs/architecture.md as a table: imports run inward.
var layers = []layer{
	{"domain", []string{"domain"}},

	{"eventstore", []string{"domain"}},
	{"eventstore/esdb", []string{"domain", "=eventstore"}},
	{"eventstore/esdb/logcopy", []string{"domain", "=eventstore", "=eventstore/esdb"}},
	{"eventstore/node", []string{"domain", "=eventstore", "eventstore/node"}},
	{"eventstore/memory", []string{"domain", "=eventstore"}},
	{"eventstore/storetest", []string{"domain", "=eventstore"}},
	{"eventstore/keyring", []string{"domain", "=eventstore"}},
	{"eventstore/command", []string{"domain", "=eventstore", "eventstore/keyring", "eventstore/command"}},

	{"collect", []string{"domain", "=eventstore", "eventstore/command", "eventstore/keyring", "collect", "internal/yamldoc"}},
	{"projections", []string{"domain", "=eventstore", "projections", "migrations", "internal/postgres"}},
	{"graph", []string{"domain", "=eventstore", "eventstore/command", "eventstore/keyring", "projections", "graph", "internal/derivation"}},
	{"migrations", []string{"domain"}},
	{"docs", nil},
	{"examples", nil},

	{"internal/amendment", []string{"domain"}},
	{"internal/archtest", nil},
	{"internal/datadir", []string{"domain"}},
	{"internal/derivation", []string{"domain", "=eventstore"}},
	{"internal/export", []string{"domain", "=eventstore"}},
	{"internal/postgres", []string{"domain"}},
	{"internal/restatement", []string{"domain", "=eventstore", "=eventstore/command"}},
	{"internal/yamldoc", []string{"domain"}},
	{"internal/terms", []string{"domain", "internal/yamldoc"}},
	{"internal/verify", []string{"=eventstore"}},
	{"internal/bench", []string{"domain", "=eventstore", "eventstore/command", "collect", "projections", "internal/postgres", "internal/verify"}},
	{"internal/sim", []string{"domain", "=eventstore", "eventstore/command", "eventstore/keyring", "eventstore/memory", "collect", "projections", "internal/sim"}},
	{"internal/sim/auditor", nil},
	{"internal/testkit", []string{"domain", "=eventstore", "eventstore/esdb", "eventstore/node", "internal/postgres", "migrations"}},

	{"tools/clienttests", nil},
	{"tools/retailsums", nil},

	{"cmd/jeongsan", []string{
		"domain", "=eventstore", "eventstore/esdb", "eventstore/node", "eventstore/keyring", "eventstore/command",
		"collect", "projections", "graph", "migrations", "docs", "examples",
		"internal/amendment", "internal/bench", "internal/datadir", "internal/derivation", "internal/export", "internal/postgres", "internal/restatement", "internal/terms", "internal/verify", "internal/yamldoc",
	}},
}

func layerOf(dir string) (layer, bool) {
	var best layer
	found := false
	for _, l := range layers {
		if under(dir, l.dir) && len(l.dir) >= len(best.dir) {
			best, found = l, true
		}
	}
	return best, found
}

// allows reports whether a layer may import a directory. "=dir" is that package
// alone, without what lies below it.
func (l layer) allows(dir string) bool {
	return slices.ContainsFunc(l.imports, func(allowed string) bool {
		if exact, ok := strings.CutPrefix(allowed, "="); ok {
			return dir == exact
		}
		return under(dir, allowed)
	})
}

// checkDirections enforces layers. Tests may import what they like.
func checkDirections(t *tree) (found []finding) {
	for _, p := range t.packages {
		l, known := layerOf(p.path)
		if !known {
			found = append(found, finding{p.path, "the package has no place in layers: say in internal/archtest what it may import"})
			continue
		}
		for _, f := range p.files {
			if f.test {
				continue
			}
			for name, where := range f.imports {
				if dir, ok := ours(name); ok && !l.allows(dir) {
					found = append(found, finding{where, p.path + " may not import " + dir + ": allowed are " + orNone(l.imports)})
				}
			}
		}
	}
	return found
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none of ours"
	}
	return strings.ReplaceAll(strings.Join(list, ", "), "=", "")
}

// home says where a library may be imported outside of tests: what it does stays
// in one place, and can be exchanged there.
type home struct {
	library string // import path, or its beginning where it ends in "/"
	dirs    []string
}

var homes = []home{
	{"github.com/EventStore/EventStore-Client-Go/v4/esdb", []string{"eventstore/esdb"}},
	{"github.com/EventStore/EventStore-Client-Go/v4/protos/", []string{"eventstore/node", "eventstore/esdb"}},
	{"github.com/cockroachdb/pebble/", []string{"eventstore/node", "eventstore/command", "internal/bench", "internal/sim"}},
	{"github.com/tink-crypto/tink-go/", []string{"eventstore/keyring"}},
	{"google.golang.org/grpc/", []string{"eventstore/node", "eventstore/esdb"}},
	{"cel.dev/", []string{"collect"}},
	{"github.com/pressly/goose/", []string{"migrations"}},
	{"github.com/jackc/pgx/", []string{"projections", "graph", "migrations", "internal/postgres", "internal/testkit", "internal/verify", "internal/bench", "cmd/jeongsan"}},
	{"github.com/99designs/gqlgen/", []string{"graph"}},
	{"github.com/vektah/gqlparser/", []string{"graph"}},
	{"github.com/vikstrous/dataloadgen", []string{"graph"}},
	{"golang.org/x/term", []string{"cmd/jeongsan"}},
	{"github.com/spf13/", []string{"cmd/jeongsan"}},
	{"github.com/vbauerster/mpb/", []string{"cmd/jeongsan"}},
	{"github.com/jedib0t/go-pretty/", []string{"cmd/jeongsan"}},
	{"github.com/lmittmann/tint", []string{"cmd/jeongsan"}},
	{"github.com/mattn/go-isatty", []string{"cmd/jeongsan"}},
	{"github.com/gofrs/flock", []string{"internal/datadir", "eventstore/keyring", "eventstore/node/login", "internal/postgres", "internal/testkit"}},
	{"github.com/stretchr/testify/", []string{"eventstore/storetest", "internal/testkit"}},
	{"testing", []string{"eventstore/storetest", "internal/testkit"}},
}

// checkHomes keeps each library where it belongs.
func checkHomes(t *tree) (found []finding) {
	for _, p := range t.packages {
		for _, f := range p.files {
			for name, where := range f.imports {
				for _, h := range homes {
					beginning := strings.HasSuffix(h.library, "/") && strings.HasPrefix(name+"/", h.library)
					if (name == h.library || beginning) && !f.test && !under(p.path, h.dirs...) {
						found = append(found, finding{where, name + " is imported by " + strings.Join(h.dirs, ", ") + " only"})
					}
				}
			}
		}
	}
	return found
}
