package source

import (
	"encoding/json"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
)

func (c *QuarantineRecord) check() error {
	if err := domain.CheckID("source", c.Source); err != nil {
		return err
	}
	if err := checkRecord(c.Record); err != nil {
		return err
	}
	if err := domain.CheckText("content_hash", c.ContentHash, longestText); err != nil {
		return err
	}
	if err := checkDelivery(c.Delivery); err != nil {
		return err
	}
	switch {
	case c.Offset == 0:
		return invalid("offset", "0", "records of a delivery are numbered from 1", "give the record's number")
	case c.Code == "":
		return invalid("code", "", "a quarantined input needs the code of its fault", "give the code of the error")
	case len(c.Sealed.Box) > longestRaw || len(c.Raw) > longestRaw:
		return invalid("raw", strconv.Itoa(max(len(c.Raw), len(c.Sealed.Box)))+" bytes", "the record is too long to keep in one event", "refuse the delivery")
	}
	if err := domain.CheckText("field", c.Field, longestText); err != nil {
		return err
	}
	if err := domain.CheckText("reason", c.Reason, longestText); err != nil {
		return err
	}
	if c.Amount != nil && c.Currency == "" {
		return invalid("currency", "", "an amount at stake needs its currency", "send both or neither")
	}
	return nil
}

// check makes sure that a release says what became of the input.
func (c *ReleaseQuarantine) check(version int) error {
	switch settled := c.Settled.Stream != ""; {
	case settled == (c.Ignored != ""):
		return invalid("settled", string(c.Settled.Stream), "a release names the event that settled the input, or the rule that ignores it", "give one of the two")
	case settled && c.Version != 0, !settled && (c.Version < 1 || c.Version > version):
		return invalid("version", strconv.Itoa(c.Version), "the rule that ignores an input, and nothing else, is of a version of the definition", "give the version in force")
	}
	return domain.CheckText("ignored", c.Ignored, longestText)
}

func checkRecord(record string) error {
	if record == "" {
		return invalid("record", "", "an input needs its identity", "send its external id, or the hash of its bytes")
	}
	return domain.CheckText("record", record, longestRecord)
}

// checkDelivery accepts a SHA-256 in hex.
func checkDelivery(hash string) error {
	ok := len(hash) == 64
	for i := 0; ok && i < len(hash); i++ {
		c := hash[i]
		ok = c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
	}
	if ok {
		return nil
	}
	return invalid("delivery", hash, "not the hash of a delivery", "send the SHA-256 of its bytes in lower-case hex")
}

// check makes sure that nothing of the delivery disappeared.
func (c *CloseDelivery) check() error {
	if err := domain.CheckID("source", c.Source); err != nil {
		return err
	}
	if err := checkDelivery(c.Delivery); err != nil {
		return err
	}
	if err := domain.CheckText("name", c.Name, longestText); err != nil {
		return err
	}
	switch {
	case c.Bytes < 0:
		return invalid("bytes", strconv.FormatInt(c.Bytes, 10), "a delivery has no negative size", "")
	case c.Version < 1:
		return invalid("version", strconv.Itoa(c.Version), "a delivery names the version of the definition that it was read with", "define the source first")
	}
	if err := c.Counts.check(); err != nil {
		return err
	}
	for i := range c.Totals {
		if err := c.Totals[i].check("totals[" + strconv.Itoa(i) + "]"); err != nil {
			return err
		}
	}
	return nil
}

// Sum is the number of records over all outcomes; ok is false where it overflows.
func (c *Counts) Sum() (sum uint64, ok bool) {
	ok = true
	add := func(n uint64) {
		sum += n
		ok = ok && sum >= n
	}
	for _, n := range [...]uint64{c.Settled, c.Replayed, c.Quarantined, c.Refused} {
		add(n)
	}
	for _, n := range c.Ignored {
		add(n)
	}
	return sum, ok
}

func (c *Counts) check() error {
	if sum, ok := c.Sum(); !ok || sum != c.Read {
		return invalid("counts.read", strconv.FormatUint(c.Read, 10), "the outcomes do not add up to the records read: "+strconv.FormatUint(sum, 10), "count every record once")
	}
	if c.ZeroValue > c.Settled {
		return invalid("counts.zero_value", strconv.FormatUint(c.ZeroValue, 10), "more zero-value settlements than settlements", "zero_value is a part of settled")
	}
	return nil
}

func (t *Total) check(path string) error {
	if !t.Currency.Known() {
		return &domain.Error{Code: domain.CodeUnknownCurrency, Field: path + ".currency", Value: string(t.Currency), Message: "unknown currency", Remedy: "total only what could be mapped"}
	}
	sum, read := decimal.Zero, decimal.Zero
	for _, part := range [...]struct{ field, value string }{
		{"read", t.Read}, {"settled", t.Settled}, {"replayed", t.Replayed}, {"quarantined", t.Quarantined}, {"ignored", t.Ignored}, {"refused", t.Refused},
	} {
		if part.value == "" {
			continue // nothing of this outcome
		}
		value, err := decimal.NewFromString(part.value)
		if err != nil || value.Exponent() > 0 || value.Exponent() < -64 {
			return invalid(path+"."+part.field, part.value, "not a decimal total", "write digits with an optional leading minus and one decimal point")
		}
		if part.field == "read" {
			read = value
		} else {
			sum = sum.Add(value)
		}
	}
	if !sum.Equal(read) {
		return invalid(path+".read", t.Read, "the totals of the outcomes do not add up to what was read: "+sum.String(), "total every mapped amount once")
	}
	return nil
}

// accountOf is a fingerprint of what a delivery came to.
func accountOf(version int, counts *Counts, totals []Total) fingerprint {
	// Marshalling plain structures of numbers and strings cannot fail; maps come sorted.
	text, err := json.Marshal(struct {
		Version int
		Counts  *Counts
		Totals  []Total
	}{version, counts, totals})
	if err != nil {
		panic("source: counts and totals do not marshal: " + err.Error())
	}
	return fingerprintOf(string(text))
}

func invalid(field, value, message, remedy string) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: field, Value: value, Message: message, Remedy: remedy}
}
