package book

import (
	"encoding/json"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// Revision is the revision of a reference stream that a settlement looked at.
// Its JSON is a number, or null where it was not recorded.
type Revision uint64

// NotRecorded stands for a revision that nobody wrote down: settlements of version
// 1 named the streams that they had used, which need not be all.
const NotRecorded Revision = math.MaxUint64

// Recorded returns the revision; ok is false where it was not recorded.
func (r Revision) Recorded() (revision uint64, ok bool) { return uint64(r), r != NotRecorded }

// MarshalJSON implements json.Marshaler.
func (r Revision) MarshalJSON() ([]byte, error) {
	if r == NotRecorded {
		return []byte("null"), nil
	}
	return strconv.AppendUint(nil, uint64(r), 10), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Revision) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*r = NotRecorded
		return nil
	}
	revision, ok := parseRevision(string(data))
	if !ok {
		return badRevision(string(data))
	}
	*r = revision
	return nil
}

// Party is who stood in a role of a transaction, with the revision of the party's
// stream that was looked at.
type Party struct {
	Role     string
	ID       string
	Revision Revision
}

// AppendHolder appends "<id>@<revision>", or "<id>@" where the revision was not
// recorded. It is the JSON of a party, under its role.
func (p Party) AppendHolder(b []byte) []byte {
	b = append(append(b, p.ID...), '@')
	if p.Revision == NotRecorded {
		return b
	}
	return strconv.AppendUint(b, uint64(p.Revision), 10)
}

// ParseHolder reads what AppendHolder wrote.
func ParseHolder(text string) (id string, revision Revision, ok bool) {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return "", 0, false
	}
	if at == len(text)-1 {
		return text[:at], NotRecorded, true
	}
	revision, ok = parseRevision(text[at+1:])
	return text[:at], revision, ok
}

// parseRevision reads a whole number in its one spelling.
func parseRevision(text string) (Revision, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || len(text) > 1 && text[0] == '0' || text[0] == '+' || Revision(n) == NotRecorded {
		return 0, false
	}
	return Revision(n), true
}

// Parties is who stood in which role: sorted by role, each role once. It is shared
// between settlements and never changed. Its JSON is {"seller":"p1@0"}.
type Parties []Party

// PartiesOf sorts parties by role; revision tells that of each party's stream.
func PartiesOf(ids map[string]string, revision func(id string) Revision) Parties {
	parties := make(Parties, 0, len(ids))
	for _, role := range slices.Sorted(maps.Keys(ids)) {
		parties = append(parties, Party{role, ids[role], revision(ids[role])})
	}
	return parties
}

// Get returns the party in a role.
func (p Parties) Get(role string) (id string, named bool) {
	for i := range p {
		if p[i].Role == role {
			return p[i].ID, true
		}
	}
	return "", false
}

// Party is Get for those who take no party for an empty id.
func (p Parties) Party(role string) string {
	id, _ := p.Get(role)
	return id
}

// All yields roles with their parties, in the order of roles.
func (p Parties) All() iter.Seq2[string, string] {
	return func(yield func(role, id string) bool) {
		for i := range p {
			if !yield(p[i].Role, p[i].ID) {
				return
			}
		}
	}
}

// Equal reports whether the same parties stand in the same roles with the same
// revisions.
func (p Parties) Equal(o Parties) bool { return slices.Equal(p, o) }

// MarshalJSON implements json.Marshaler.
func (p Parties) MarshalJSON() ([]byte, error) {
	if p == nil {
		return []byte("null"), nil
	}
	holders := make(map[string]string, len(p))
	for _, party := range p {
		holders[party.Role] = string(party.AppendHolder(nil))
	}
	return json.Marshal(holders)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Parties) UnmarshalJSON(data []byte) error {
	var holders map[string]string
	if err := json.Unmarshal(data, &holders); err != nil {
		return err
	}
	if holders == nil {
		*p = nil
		return nil
	}
	parties := make(Parties, 0, len(holders))
	for _, role := range slices.Sorted(maps.Keys(holders)) {
		id, revision, ok := ParseHolder(holders[role])
		if !ok {
			return badRevision(holders[role])
		}
		parties = append(parties, Party{role, id, revision})
	}
	*p = parties
	return nil
}

func badRevision(text string) error {
	return &domain.Error{
		Code: domain.CodeMalformed, Field: "revision", Value: text, Message: "no revision of a stream",
		Remedy: "write a party as \"<id>@<revision>\", a revision as a whole number or null",
	}
}
