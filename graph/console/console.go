package console

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"time"
)

//go:embed static
var static embed.FS

//go:embed built
var built embed.FS

// folder is where our own page and its parts stand.
const folder = "/console/"

// Handler serves the pages of this binary. It is safe for concurrent use.
func Handler() http.Handler {
	bundle, err := fs.Sub(built, "built/graphiql")
	if err != nil {
		panic(err) // the path is valid, and nothing else is checked
	}
	handler, err := New(bundle)
	if err != nil {
		panic(err) // what is embedded can be read, and the tests have read it
	}
	return handler
}

// New serves a bundle of GraphiQL at "/" and our own page at "/console/". Where
// the bundle has no index.html, our own page stands at "/" too. Any other path is
// not found. The files are read once, here; an error is one of reading them.
func New(bundle fs.FS) (http.Handler, error) {
	own, err := fs.Sub(static, "static")
	if err != nil {
		return nil, err
	}
	parts := site{}
	if err := parts.add(folder, own, ownPolicy); err != nil {
		return nil, err
	}
	_, err = fs.Stat(bundle, index)
	hasGraphiQL := err == nil
	switch {
	case hasGraphiQL:
		err = parts.add("/", bundle, builtPolicy)
	case errors.Is(err, fs.ErrNotExist):
		err = parts.addOwnPage("/", own, ownPage{Parts: folder[1:]})
	}
	if err != nil {
		return nil, err
	}
	if err := parts.addOwnPage(folder, own, ownPage{HasGraphiQL: hasGraphiQL}); err != nil {
		return nil, err
	}
	return parts, nil
}

// ownPage is what our own page is made for.
type ownPage struct {
	Parts       string // where its parts are, relative to it
	HasGraphiQL bool   // above it
}

func (s site) addOwnPage(path string, own fs.FS, page ownPage) error {
	layout, err := template.ParseFS(own, index)
	if err != nil {
		return err
	}
	var html bytes.Buffer
	if err := layout.Execute(&html, page); err != nil {
		return err
	}
	s[path] = newPart(index, html.Bytes(), ownPolicy)
	return nil
}

// ServeHTTP answers GET and HEAD for exactly the paths that there are.
func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if r.URL.Path+"/" == folder {
		http.Redirect(w, r, folder, http.StatusFound)
		return
	}
	found, ok := s[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", found.media)
	header.Set("ETag", found.tag)
	header.Set("Cache-Control", "no-cache") // asked again each time, answered by the tag
	header.Set("Content-Security-Policy", found.policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(found.content))
}
