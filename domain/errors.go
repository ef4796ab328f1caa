package domain

import (
	"errors"
	"strings"
)

// Code classifies an error for programs. The set is closed; every code is
// mapped to the outside (HTTP, GraphQL, exit status) in one place per door.
type Code string

const (
	// CodeInvalid: the input can never be accepted as it is.
	CodeInvalid Code = "invalid"
	// CodeNotFound: what was named does not exist.
	CodeNotFound Code = "not_found"
	// CodeConflict: the same identity came with other content, or the state forbids it.
	CodeConflict Code = "conflict"
	// CodeUnknownParty: a party that the input names is not registered.
	CodeUnknownParty Code = "unknown_party"
	// CodeMissingContract: no contract covers the transaction.
	CodeMissingContract Code = "missing_contract"
	// CodeMissingSchedule: the contract's schedule has no version for the date.
	CodeMissingSchedule Code = "missing_schedule"
	// CodeUnknownCurrency: not an ISO 4217 currency known to this version.
	CodeUnknownCurrency Code = "unknown_currency"
	// CodeTooPrecise: more decimals than the currency and the source's policy allow.
	CodeTooPrecise Code = "too_precise"
	// CodeOutOfRange: an amount or balance exceeds what can be represented exactly.
	CodeOutOfRange Code = "out_of_range"
	// CodeMissingOriginal: a refund or reversal names no original, or one that is not there.
	CodeMissingOriginal Code = "missing_original"
	// CodeExceedsOriginal: refunds would exceed the original in sum.
	CodeExceedsOriginal Code = "exceeds_original"
	// CodeMalformed: bytes that cannot be decoded as the format says.
	CodeMalformed Code = "malformed"
	// CodeUnavailable: a part needed now does not answer; nothing was done.
	CodeUnavailable Code = "unavailable"
	// CodeOutcomeUnknown: it may or may not have happened; retry with the same key.
	CodeOutcomeUnknown Code = "outcome_unknown"
	// CodeInternal: a fault of the program.
	CodeInternal Code = "internal"
)

// Error is the one error type of the project. It names the field and the value
// at fault and says what to do about it.
type Error struct {
	Code    Code   `json:"code"`
	Field   string `json:"field,omitempty"`
	Value   string `json:"value,omitempty"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
	Err     error  `json:"-"`
}

// Error renders one line: message, field, value, remedy, cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Field != "" {
		b.WriteString(" (" + e.Field)
		if e.Value != "" {
			b.WriteString(" = " + quote(e.Value))
		}
		b.WriteString(")")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first Error in err's chain, CodeInternal for
// any other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

const longestQuoted = 120

func quote(s string) string {
	if len(s) > longestQuoted {
		s = strings.ToValidUTF8(s[:longestQuoted], "") + "…"
	}
	return "\"" + s + "\""
}
