package book

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
)

// Content is the ContentHash of an adjustment that people post: "1:" and 128 bits of
// the SHA-256 over all that it says, by value, so that every way in gives the
// same content the same hash. Legs count in their order.
func (c *PostAdjustment) Content() (string, error) {
	type leg struct {
		Account   string `json:"account"`
		Side      string `json:"side"`
		Amount    string `json:"amount"`
		HoldUntil string `json:"hold_until"`
		Into      string `json:"into"`
	}
	content := struct {
		Key
		Book        string `json:"book"`
		Adjusts     *Key   `json:"adjusts"`
		Reason      string `json:"reason"`
		OccurredAt  string `json:"occurred_at"`
		EffectiveOn string `json:"effective_on"`
		Legs        []leg  `json:"legs"`
	}{c.Key, c.Book, c.Adjusts, c.Reason, c.OccurredAt.UTC().Format(time.RFC3339Nano), string(c.EffectiveOn), make([]leg, len(c.Postings))}
	for i := range c.Postings {
		p := &c.Postings[i]
		side := "credit"
		if p.Side == ledger.Debit {
			side = "debit"
		}
		content.Legs[i] = leg{string(p.Account), side, p.Amount.Shorten().String(), string(p.HoldUntil), p.Into}
	}
	b, err := json.Marshal(content)
	if err != nil {
		return "", &domain.Error{Code: domain.CodeInvalid, Field: "content", Message: "the content cannot be hashed", Err: err}
	}
	sum := sha256.Sum256(b)
	return "1:" + hex.EncodeToString(sum[:16]), nil
}
