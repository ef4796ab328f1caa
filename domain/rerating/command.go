package rerating

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
)

// Source is the source of the adjustments that re-ratings post.
const Source = "rerating"

// Operation is an explicit re-rating: why, under which name, and on which date its
// adjustments are effective.
type Operation struct {
	ID          string      `json:"id"`
	Reason      string      `json:"reason"`
	OccurredAt  time.Time   `json:"occurred_at"`
	EffectiveOn domain.Date `json:"effective_on"`
}

// Check refuses an operation that no book would take.
func (o *Operation) Check() error {
	if err := domain.CheckID("id", o.ID); err != nil {
		return err
	}
	if o.Reason == "" {
		return &domain.Error{Code: domain.CodeInvalid, Field: "reason", Message: "a re-rating needs a reason", Remedy: "say why, for those who read the history"}
	}
	if err := domain.CheckText("reason", o.Reason, book.LongestReason); err != nil {
		return err
	}
	_, err := domain.ParseDate("effective_on", string(o.EffectiveOn))
	return err
}

// Command asks to post a change. Its key is that of the operation and the
// transaction, so that the same change is posted once, however often it is sent.
func (o *Operation) Command(bookID string, c *Change) (book.PostAdjustment, error) {
	command := book.PostAdjustment{
		Book: bookID, Reason: o.Reason, OccurredAt: o.OccurredAt, EffectiveOn: o.EffectiveOn, Postings: c.Legs,
	}
	if c.Closing != nil {
		command.Key = book.Key{Source: Source, ExternalID: corrections + strconv.FormatUint(c.Revision, 10) + "/" + strconv.Itoa(c.Corrections+1)}
	} else {
		restates := c.Restates
		restates.Rerating = o.ID
		command.Key, command.Adjusts, command.Restates = book.Key{Source: Source, ExternalID: o.externalID(c.Transaction.Key)}, &c.Transaction.Key, &restates
	}
	content, err := json.Marshal(struct {
		Adjusts  *book.Key
		Postings []book.AdjustmentPosting
		Restates *book.Restatement
	}{command.Adjusts, command.Postings, command.Restates})
	if err != nil {
		return command, &domain.Error{Code: domain.CodeInternal, Field: "adjustment", Message: "it cannot be encoded", Err: err}
	}
	digest := sha256.Sum256(content)
	command.ContentHash = "1:" + hex.EncodeToString(digest[:])
	return command, nil
}

// externalID is "<operation>/<source>/<external id>", the last two as a hash where
// that is longer than an id may be.
func (o *Operation) externalID(key book.Key) string {
	id := o.ID + "/" + key.Source + "/" + key.ExternalID
	if len(id) <= book.LongestExternalID {
		return id
	}
	digest := sha256.Sum256([]byte(key.Source + "/" + key.ExternalID))
	return o.ID + "/" + hex.EncodeToString(digest[:])
}
