package export

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain"
)

// Format is a form in which the log can be written.
type Format string

// The formats. Hledger and Ledger are one: both programs read the same file.
const (
	Hledger   Format = "hledger"
	Ledger    Format = "ledger"
	Beancount Format = "beancount"
	JSONL     Format = "jsonl"
	CSV       Format = "csv"
)

// Formats lists all formats.
func Formats() []Format { return []Format{Hledger, Ledger, Beancount, JSONL, CSV} }

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	if f := Format(s); slices.Contains(Formats(), f) {
		return f, nil
	}
	return "", &domain.Error{Code: domain.CodeInvalid, Field: "format", Value: s, Message: "not a format", Remedy: "choose hledger, ledger, beancount, jsonl or csv"}
}

// Accounting reports whether accounting programs read the format: entries in order
// of booking dates, and balances. The others have a row per posting.
func (f Format) Accounting() bool { return f.dialect() != nil }

// Extension is how the name of a file in this format ends.
func (f Format) Extension() string {
	switch f {
	case Hledger, Ledger:
		return "journal"
	default:
		return string(f)
	}
}

func (f Format) dialect() dialect {
	switch f {
	case Hledger, Ledger:
		return journal{}
	case Beancount:
		return beancount{}
	default:
		return nil
	}
}

func (f Format) rows() rows {
	if f == CSV {
		return csv{}
	}
	return jsonl{}
}
