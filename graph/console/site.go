package console

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
)

// index stands at the path of its folder.
const index = "index.html"

// What the pages may do. Neither runs a script that is not a file of this server,
// nor reaches another host. GraphiQL also makes style elements and workers while
// it runs, and has icons and a font in its style sheet.
const (
	bothPolicy  = "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
	ownPolicy   = bothPolicy + "style-src 'self'; img-src 'self'"
	builtPolicy = bothPolicy + "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; worker-src 'self'"
)

// media has the kinds of files that a page is made of; others are not served.
// What the system knows of file names plays no part.
var media = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// site is every file by the path that it is served at.
type site map[string]part

// part is one file as it is sent.
type part struct {
	content []byte
	media   string
	tag     string
	policy  string
}

func newPart(name string, content []byte, policy string) part {
	sum := sha256.Sum256(content)
	return part{content: content, media: media[path.Ext(name)], tag: `"` + hex.EncodeToString(sum[:8]) + `"`, policy: policy}
}

// add takes in the files of a folder, without those of folders below it.
func (s site) add(at string, files fs.FS, policy string) error {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if media[path.Ext(name)] == "" || entry.IsDir() {
			continue
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		where := at + name
		if name == index {
			where = at
		}
		s[where] = newPart(name, content, policy)
	}
	return nil
}
