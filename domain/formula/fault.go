package formula

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jeongsan/jeongsan/domain"
)

// fault is what is wrong at one place of a formula; outside it is a *domain.Error.
type fault struct {
	code    domain.Code
	at      int    // byte of the source
	piece   string // what stands there
	message string
	remedy  string
}

func invalid(at int, piece, message, remedy string) *fault {
	return &fault{code: domain.CodeInvalid, at: at, piece: piece, message: message, remedy: remedy}
}

// outside turns a fault into the error that callers see.
func (f *fault) outside(source string) error {
	return &domain.Error{Code: f.code, Field: "formula", Value: f.piece, Message: f.message + " at " + place(source, f.at), Remedy: f.remedy}
}

// inside turns an error of a number or amount into the fault of a node.
func inside(err error, n *node) *fault {
	var e *domain.Error
	if errors.As(err, &e) {
		return &fault{code: e.Code, at: n.at, piece: e.Value, message: e.Message, remedy: e.Remedy}
	}
	return &fault{code: domain.CodeInternal, at: n.at, piece: n.String(), message: err.Error()}
}

// place names a byte of the source as people count: characters from 1, and the
// line too where there are several.
func place(source string, at int) string {
	before := source[:min(at, len(source))]
	column := "column " + strconv.Itoa(utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])+1)
	if !strings.Contains(source, "\n") {
		return column
	}
	return "line " + strconv.Itoa(strings.Count(before, "\n")+1) + ", " + column
}

// nearest returns the candidate that a word most likely stands for, the earlier of
// equals, or "" where none is near.
func nearest(word string, candidates []string) string {
	if len(word) > longestName {
		return ""
	}
	best, least := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		if gap := len(c) - len(word); gap >= least || -gap >= least {
			continue
		}
		if d := distance(strings.ToLower(word), c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, exchange or swap with their
// neighbour to get from a to b.
func distance(a, b string) int {
	var earlier, before, row [longestName + 1]int
	for j := range len(b) + 1 {
		before[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(before[j]+cost, before[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], earlier[j-1]+1)
			}
		}
		earlier, before = before, row
	}
	return before[len(b)]
}
