package graph

import (
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// Kinds of global ids. A global id is "<kind>:<rest>".
const (
	partyKind       = "party"       // party:<id>
	contractKind    = "contract"    // contract:<id>
	scheduleKind    = "schedule"    // schedule:<id>@<version>
	sourceKind      = "source"      // source:<id>
	transactionKind = "transaction" // transaction:<book>@<revision>
	stepKind        = "step"        // step:<book>@<revision>
	calendarKind    = "calendar"    // calendar:<id>@<version>
	accountKind     = "account"     // account:<book>/<owner>/<purpose>/<currency>
	eventKind       = "event"       // event:<stream>@<revision>
)

func globalID(kind, id string) string { return kind + ":" + id }

func numberedID(kind, id string, number uint64) string {
	return kind + ":" + id + "@" + strconv.FormatUint(number, 10)
}

// splitID returns the kind and the rest of a global id.
func splitID(id string) (kind, rest string, err error) {
	kind, rest, ok := strings.Cut(id, ":")
	if !ok || rest == "" {
		return "", "", badID(id)
	}
	return kind, rest, nil
}

// splitNumber returns the parts of the rest of a numberedID.
func splitNumber(id, rest string) (string, uint64, error) {
	at := strings.LastIndexByte(rest, '@')
	if at <= 0 {
		return "", 0, badID(id)
	}
	number, err := strconv.ParseUint(rest[at+1:], 10, 63)
	if err != nil {
		return "", 0, badID(id)
	}
	return rest[:at], number, nil
}

func badID(id string) error {
	return &domain.Error{
		Code: domain.CodeInvalid, Field: "id", Value: id, Message: "not a global id",
		Remedy: "pass the field id exactly as an earlier answer gave it",
	}
}
