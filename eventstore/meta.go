package eventstore

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// MetaSchema is the version of Meta that this program writes.
const MetaSchema = 1

// Meta is what is known about the act of recording an event. State never folds it.
type Meta struct {
	Actor         string    `json:"actor"`                 // who: "operator:kim", "source:pg-1", "system"
	Authenticated string    `json:"authenticated"`         // how: "none" in development, "key", "oidc", …
	Request       string    `json:"request,omitempty"`     // id of the request or run
	Correlation   string    `json:"correlation,omitempty"` // id of the business operation
	Causation     string    `json:"causation,omitempty"`   // "<stream>@<revision>" of the event that led to this
	Delivery      string    `json:"delivery,omitempty"`    // SHA-256 of the delivery, hex
	Offset        uint64    `json:"offset,omitempty"`      // record number in the delivery, from 1
	RecordedAt    time.Time `json:"recorded_at"`           // as in the event
	Schema        int       `json:"schema"`                // version of this structure
}

// Encode renders the metadata as JSON, stamped with MetaSchema where no schema
// is given. Equal metadata gives equal bytes.
func (m Meta) Encode() ([]byte, error) {
	if m.Schema == 0 {
		m.Schema = MetaSchema
	}
	b := make([]byte, 0, 256)
	b = append(b, `{"actor":`...)
	b = appendString(b, m.Actor)
	b = append(b, `,"authenticated":`...)
	b = appendString(b, m.Authenticated)
	b = appendOptional(b, `,"request":`, m.Request)
	b = appendOptional(b, `,"correlation":`, m.Correlation)
	b = appendOptional(b, `,"causation":`, m.Causation)
	b = appendOptional(b, `,"delivery":`, m.Delivery)
	if m.Offset != 0 {
		b = append(b, `,"offset":`...)
		b = strconv.AppendUint(b, m.Offset, 10)
	}
	b = append(b, `,"recorded_at":`...)
	b, err := appendTime(b, "recorded_at", m.RecordedAt)
	if err != nil {
		return nil, err
	}
	b = append(b, `,"schema":`...)
	b = strconv.AppendInt(b, int64(m.Schema), 10)
	return append(b, '}'), nil
}

// DecodeMeta reads the metadata of a recorded event. Metadata of a later schema
// than MetaSchema is refused; unknown keys are tolerated, since a store may add
// its own ("$correlationId" and the like).
func DecodeMeta(r Recorded) (Meta, error) {
	read := reader{data: r.Metadata, whole: string(r.Metadata)}
	m, ok := read.meta()
	if !ok {
		m = Meta{}
		if err := json.Unmarshal(r.Metadata, &m); err != nil {
			return Meta{}, undecodable(r, "metadata", err)
		}
	}
	return checkMeta(r, m)
}

// checkMeta refuses metadata of a later schema.
func checkMeta(r Recorded, m Meta) (Meta, error) {
	if m.Schema > MetaSchema {
		return Meta{}, &domain.Error{
			Code: domain.CodeInvalid, Field: "metadata.schema", Value: strconv.Itoa(m.Schema),
			Message: fmt.Sprintf("the metadata of %s@%d is of a later version than this program knows", r.Stream, r.Revision),
			Remedy:  "run the version of Jeongsan that wrote it, or a later one",
		}
	}
	return m, nil
}

// meta reads metadata exactly as Encode writes it.
func (r *reader) meta() (m Meta, ok bool) {
	r.literal(`{"actor":`)
	m.Actor = r.string()
	r.literal(`,"authenticated":`)
	m.Authenticated = r.string()
	m.Request = r.optional(`,"request":`)
	m.Correlation = r.optional(`,"correlation":`)
	m.Causation = r.optional(`,"causation":`)
	m.Delivery = r.optional(`,"delivery":`)
	if r.has(`,"offset":`) {
		m.Offset = r.number()
	}
	r.literal(`,"recorded_at":`)
	r.timeInto(&m.RecordedAt)
	r.literal(`,"schema":`)
	m.Schema = r.int()
	r.literal(`}`)
	return m, !r.bad && r.at == len(r.data)
}
