package command

import (
	"errors"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

func unknownOutcome(err error) error {
	return &domain.Error{
		Code: domain.CodeOutcomeUnknown, Message: "the command may or may not have been carried out",
		Remedy: "send the same again: its key makes that safe", Err: err,
	}
}

func notTried(err error) error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Message: "the command was given up before it was tried",
		Remedy: "send it again", Err: err,
	}
}

func closed() error {
	return &domain.Error{Code: domain.CodeUnavailable, Message: "the command door is closed", Remedy: "send the command again when the program runs"}
}

// storeError turns a definite failure of the store, one that surely had no
// effect, into what a caller is told.
func storeError(err error) error {
	var e *domain.Error
	if errors.As(err, &e) {
		return err
	}
	fault := &domain.Error{Code: domain.CodeUnavailable, Field: "eventstore", Message: "the event store does not take the command", Remedy: "check the event store, then send the command again", Err: err}
	switch eventstore.CodeOf(err) {
	case eventstore.CodeTooLarge, eventstore.CodeInvalid, eventstore.CodeDamaged:
		fault.Code, fault.Remedy = domain.CodeInternal, ""
	}
	return fault
}

// readError turns a failure to read the log into what a caller is told.
func readError(err error) error {
	var e *domain.Error
	if errors.As(err, &e) {
		return err
	}
	return &domain.Error{Code: domain.CodeUnavailable, Field: "eventstore", Message: "the event store cannot be read", Remedy: "check the event store, then send the command again", Err: err}
}
