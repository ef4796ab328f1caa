package book

import (
	"strconv"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Limits of a transaction's texts, in bytes.
const (
	LongestExternalID = 256
	LongestText       = 128 // method, product
	LongestReason     = 500
	longestHash       = 160
	// MaxParties is how many roles a transaction may name, MaxAttributes how many
	// attributes it may bring.
	MaxParties       = 32
	MaxAttributes    = 32
	LongestAttribute = 256 // bytes of a value
)

func (k Key) check(prefix string) error {
	if err := domain.CheckID(prefix+"source", k.Source); err != nil {
		return err
	}
	if k.ExternalID == "" {
		return invalid(prefix+"external_id", "", "a transaction needs the id that its source gave it", "map a field that identifies the record")
	}
	return domain.CheckText(prefix+"external_id", k.ExternalID, LongestExternalID)
}

// check refuses what no book can accept, whatever its state.
func (t *Transaction) check() error {
	if err := t.Key.check(""); err != nil {
		return err
	}
	if err := domain.CheckID("book", t.Book); err != nil {
		return err
	}
	if err := checkHash(t.ContentHash); err != nil {
		return err
	}
	if err := domain.CheckName("type", t.Type); err != nil {
		return err
	}
	if err := domain.CheckText("method", t.Method, LongestText); err != nil {
		return err
	}
	if err := domain.CheckText("product", t.Product, LongestText); err != nil {
		return err
	}
	if err := domain.CheckText("original_id", t.OriginalID, LongestExternalID); err != nil {
		return err
	}
	if err := checkParties(t.Parties); err != nil {
		return err
	}
	if err := checkAttributes(t.Attributes); err != nil {
		return err
	}
	if err := checkInstant("occurred_at", t.OccurredAt); err != nil {
		return err
	}
	_, err := money.ParseCurrency(string(t.Currency))
	return err
}

// checkAmount refuses decimals that the currency and the policy do not allow.
func (t *Transaction) checkAmount(policy Policy) error {
	exponent, digits := t.Currency.Exponent(), t.Amount.Digits()
	allowed := exponent
	if policy.SubMinor {
		allowed += money.ExtraDigits
	}
	if digits <= allowed {
		return nil
	}
	fault := &domain.Error{
		Code: domain.CodeTooPrecise, Field: "amount", Value: t.Amount.String(), Message: "too many decimals for " + string(t.Currency),
		Remedy: "send at most " + strconv.Itoa(int(allowed)) + " decimals",
	}
	if !policy.SubMinor {
		fault.Remedy += ", or let the source's policy settle finer amounts"
	}
	return fault
}

// checkParties names the alphabetically first role at fault, so that the answer
// does not depend on the order of the map.
func checkParties(parties map[string]string) error {
	if len(parties) > MaxParties {
		return invalid("parties", strconv.Itoa(len(parties)), "too many parties", "name at most "+strconv.Itoa(MaxParties))
	}
	var first error
	at := ""
	for role, id := range parties {
		err := domain.CheckName("parties", role)
		if err == nil && domain.CheckID("", id) != nil {
			err = domain.CheckID("parties."+role, id)
		}
		if err != nil && (first == nil || role < at) {
			first, at = err, role
		}
	}
	return first
}

// checkAttributes names the alphabetically first attribute at fault.
func checkAttributes(attributes map[string]string) error {
	if len(attributes) > MaxAttributes {
		return invalid("attributes", strconv.Itoa(len(attributes)), "too many attributes", "send at most "+strconv.Itoa(MaxAttributes))
	}
	var first error
	at := ""
	for name, value := range attributes {
		err := domain.CheckName("attributes", name)
		if err == nil && domain.CheckText("", value, LongestAttribute) != nil {
			err = domain.CheckText("attributes."+name, value, LongestAttribute)
		}
		if err != nil && (first == nil || name < at) {
			first, at = err, name
		}
	}
	return first
}

// checkHash accepts "<scheme>:<hex>".
func checkHash(hash string) error {
	scheme, digest, found := strings.Cut(hash, ":")
	ok := found && scheme != "" && digest != "" && len(hash) <= longestHash
	for i := 0; ok && i < len(scheme); i++ {
		ok = scheme[i] >= '0' && scheme[i] <= '9'
	}
	for i := 0; ok && i < len(digest); i++ {
		c := digest[i]
		ok = c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
	}
	if ok {
		return nil
	}
	return invalid("content_hash", hash, "not a content hash", "send \"<scheme>:<hex>\" over the decoded source fields")
}

// aDay is more than any zone is away from UTC.
const aDay = 24 * time.Hour

// checkInstant refuses the zero time and instants whose date, in some zone, is
// not of the years 1 to 9999.
func checkInstant(field string, t time.Time) error {
	if at := t.UTC(); !t.IsZero() && at.Add(-aDay).Year() >= 1 && at.Add(aDay).Year() <= 9999 {
		return nil
	}
	return invalid(field, t.String(), "a time is missing or out of range", "send an instant from 0001-01-02 to 9999-12-30")
}

func invalid(field, value, message, remedy string) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: field, Value: value, Message: message, Remedy: remedy}
}
