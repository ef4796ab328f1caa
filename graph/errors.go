package graph

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Codes of errors that only the way out knows. They stand in extensions.code
// beside those of package domain and the two of GraphQL itself.
const (
	codeNotYetVisible  domain.Code = "not_yet_visible" // atLeast was not reached in time
	codeResync         domain.Code = "resync"          // the token is of another log or incarnation
	codeSlowSubscriber domain.Code = "slow_subscriber" // come back with extensions.cursor
	codeTooComplex     domain.Code = "too_complex"     // the operation asks for too much at once
	codeTooMany        domain.Code = "too_many"        // the client holds too much open already
	codeCanceled       domain.Code = "canceled"
)

// present is the one place where errors become what the outside sees. What is
// the caller's to know keeps its code, field, value and remedy; anything else is
// logged and shown as an internal error with the id of the request.
func (r *Resolver) present(ctx context.Context, err error) *gqlerror.Error {
	shown := graphql.DefaultErrorPresenter(ctx, err)
	if shown.Err == nil { // made by GraphQL itself: parsing, validation, limits
		if shown.Extensions["code"] == nil {
			shown.Extensions = map[string]any{"code": domain.CodeInvalid}
		}
		return shown
	}
	known := classify(shown.Err)
	out := &gqlerror.Error{Err: shown.Err, Path: shown.Path, Locations: shown.Locations, Extensions: map[string]any{}}
	var end *endOfStream
	if errors.As(shown.Err, &end) {
		out.Extensions["cursor"] = end.cursor.String()
	}
	if known == nil {
		request := requestID(ctx)
		r.logger.ErrorContext(ctx, "request failed", "request", request, "path", shown.Path.String(), "error", shown.Err)
		out.Message = "internal error; the log of the server tells more under this request"
		out.Extensions["code"], out.Extensions["request"] = domain.CodeInternal, request
		return out
	}
	if known.Err != nil {
		r.logger.WarnContext(ctx, "request refused", "request", requestID(ctx), "code", known.Code, "error", shown.Err)
	}
	out.Message = known.Message
	out.Extensions["code"] = known.Code
	for key, value := range map[string]string{"field": known.Field, "value": known.Value, "remedy": known.Remedy} {
		if value != "" {
			out.Extensions[key] = value
		}
	}
	return out
}

// classify returns the error that the outside may see, nil where it may see none.
func classify(err error) *domain.Error {
	var known *domain.Error
	var stored *eventstore.Error
	var refused *pgconn.PgError
	var connecting *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &known):
		if known.Code == domain.CodeInternal {
			return nil
		}
		return known
	case errors.Is(err, context.Canceled):
		return &domain.Error{Code: codeCanceled, Message: "the request was given up", Err: err}
	case errors.As(err, &stored):
		return classifyStore(stored)
	case errors.As(err, &refused):
		return classifyDatabase(refused)
	case errors.As(err, &connecting), errors.As(err, &network), pgconn.SafeToRetry(err):
		return unavailable("the database", err)
	case errors.Is(err, context.DeadlineExceeded):
		return unavailable("a part of the server", err)
	}
	return nil
}

func classifyDatabase(err *pgconn.PgError) *domain.Error {
	switch {
	case err.Code == "22021": // the character NUL, which a text of the database cannot hold
		return &domain.Error{Code: domain.CodeInvalid, Message: "an argument is not plain text", Remedy: "send UTF-8 without control characters"}
	case len(err.Code) == 5 && err.Code[:2] == "57": // it is shutting down, starting up or has cancelled
		return unavailable("the database", err)
	}
	return nil
}

func classifyStore(err *eventstore.Error) *domain.Error {
	switch err.Code {
	case eventstore.CodeStreamNotFound, eventstore.CodeStreamDeleted:
		return &domain.Error{Code: domain.CodeNotFound, Field: "stream", Value: string(err.Stream), Message: "there is no such stream"}
	case eventstore.CodeUnavailable, eventstore.CodeTimeout, eventstore.CodeClosed:
		return unavailable("the event store", err)
	case eventstore.CodeCanceled:
		return &domain.Error{Code: codeCanceled, Message: "the request was given up", Err: err}
	}
	return nil
}

func unavailable(part string, err error) *domain.Error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Message: part + " does not answer in time",
		Remedy: "try again; if it stays away, see /readyz and the log of the server", Err: err,
	}
}

// recovered turns a panic into an internal error, with its stack in the log.
func (r *Resolver) recovered(ctx context.Context, cause any) error {
	r.logger.ErrorContext(ctx, "panic", "request", requestID(ctx), "cause", cause, "stack", string(debug.Stack()))
	return &domain.Error{Code: domain.CodeInternal, Message: fmt.Sprint("panic: ", cause)}
}

// endOfStream ends a subscription: why, and the cursor to come back with.
type endOfStream struct {
	cursor eventstore.Token
	err    error
}

func (e *endOfStream) Error() string { return e.err.Error() }
func (e *endOfStream) Unwrap() error { return e.err }
