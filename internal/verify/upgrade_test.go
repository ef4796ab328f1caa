package verify

import (
	"fmt"
	"math/big"
)

// version is what scripts write: 1 as they are written here, 2 as events are
// written today. What holds for one must hold for the other.
type version int

// upgraded writes an event of a book as the script's version has it. Tests write
// version 1; what counts is of version 2 already.
func (s *script) upgraded(kind string, data object) (string, object) {
	if kind != typeTransactionSettled && kind != typeEntryReversed || data["counts"] != nil {
		return kind, data
	}
	if s.version == 1 {
		if kind == typeTransactionSettled {
			return typeSettledV1, data
		}
		return typeReversedV1, data
	}
	data = data.with(nil)
	uses, _ := data["uses"].(object)
	delete(data, "uses")
	revision := func(category string, id any) (any, bool) {
		at, ok := uses[fmt.Sprintf("%s-%v", category, id)]
		return at, ok
	}
	if parties, ok := data["parties"].(object); ok {
		holders := object{}
		for role, id := range parties {
			at, ok := revision("party", id)
			if !ok {
				at = 0
			}
			holders[role] = fmt.Sprintf("%v@%v", id, at)
		}
		data["parties"] = holders
	}
	for _, category := range []string{"contract", "schedule"} {
		if at, ok := revision(category, data[category]); ok {
			data[category+"_revision"] = at
		}
	}
	s.tellRefunded(kind, data)
	return kind, data
}

// tellRefunded says of a refund what was given back of its original before, and
// keeps count.
func (s *script) tellRefunded(kind string, data object) {
	original, ok := data["original"].(object)
	amount, valid := new(big.Rat).SetString(fmt.Sprint(data["amount"]))
	if !ok || !valid {
		return
	}
	place := fmt.Sprint(original["stream"], original["revision"])
	before := new(big.Rat)
	if s.refunded[place] != nil {
		before = s.refunded[place]
	}
	if _, told := data["refunded"]; kind == typeTransactionSettled && !told && before.Sign() != 0 {
		data["refunded"] = before.FloatString(2)
	}
	if s.refunded == nil {
		s.refunded = map[string]*big.Rat{}
	}
	s.refunded[place] = new(big.Rat).Sub(before, amount)
}
