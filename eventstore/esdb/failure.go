package esdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// failure turns whatever the client returned into the one error type of stores.
// ctx is the caller's: where it has ended, that is the reason, whatever the
// client makes of it.
func failure(ctx context.Context, op string, stream domain.StreamID, err error) error {
	var known *eventstore.Error
	if errors.As(err, &known) {
		return err
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		return &eventstore.Error{Code: contextCode(ctxErr), Op: op, Stream: stream, Err: ctxErr}
	}
	return &eventstore.Error{Code: codeOf(op, err), Op: op, Stream: stream, Err: err}
}

func contextCode(err error) eventstore.Code {
	if errors.Is(err, context.DeadlineExceeded) {
		return eventstore.CodeTimeout
	}
	return eventstore.CodeCanceled
}

func codeOf(op string, err error) eventstore.Code {
	// The outermost error of the client decides: FromError would not look through
	// the wrappings that some of its calls add.
	var client *esdb.Error
	if !errors.As(err, &client) {
		return statusCode(op, err)
	}
	switch client.Code() {
	case esdb.ErrorCodeWrongExpectedVersion:
		return eventstore.CodeWrongExpected
	case esdb.ErrorCodeStreamDeleted:
		return eventstore.CodeStreamDeleted
	case esdb.ErrorCodeResourceNotFound:
		switch op {
		case opAppend, opDelete, opTombstone:
			return eventstore.CodeUnavailable // "not leader" without saying who is
		}
		return eventstore.CodeStreamNotFound
	case esdb.ErrorCodeAccessDenied:
		return eventstore.CodeDenied
	case esdb.ErrorCodeUnauthenticated:
		return eventstore.CodeUnauthenticated
	case esdb.ErrorCodeUnsupportedFeature:
		return eventstore.CodeUnsupported
	case esdb.ErrorCodeDeadlineExceeded, esdb.ErrorAborted:
		return eventstore.CodeTimeout // Aborted is the server's own write timeout
	case esdb.ErrorUnavailable, esdb.ErrorCodeNotLeader, esdb.ErrorCodeConnectionClosed:
		return eventstore.CodeUnavailable
	}
	return statusCode(op, err)
}

// statusCode looks for a gRPC status that the client did not interpret.
func statusCode(op string, err error) eventstore.Code {
	var carrier interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &carrier) {
		return eventstore.CodeUnknown
	}
	switch carrier.GRPCStatus().Code() {
	case codes.InvalidArgument:
		return eventstore.CodeInvalid
	case codes.ResourceExhausted:
		if op == opAppend {
			return eventstore.CodeTooLarge
		}
	case codes.FailedPrecondition:
		if op == opDelete || op == opTombstone {
			return eventstore.CodeWrongExpected // the client names the other reason, a tombstone
		}
	case codes.Unauthenticated:
		return eventstore.CodeUnauthenticated
	case codes.PermissionDenied:
		return eventstore.CodeDenied
	case codes.Unimplemented:
		return eventstore.CodeUnsupported
	case codes.DeadlineExceeded, codes.Aborted:
		return eventstore.CodeTimeout
	case codes.Unavailable:
		return eventstore.CodeUnavailable
	case codes.Canceled:
		return eventstore.CodeCanceled
	case codes.DataLoss:
		return eventstore.CodeDamaged
	}
	return eventstore.CodeUnknown
}

// lostConnection reports whether the link that gave an error must not be used again.
func lostConnection(err error) bool {
	var client *esdb.Error
	if errors.As(err, &client) {
		switch client.Code() {
		case esdb.ErrorUnavailable, esdb.ErrorCodeConnectionClosed, esdb.ErrorCodeNotLeader:
			return true
		}
	}
	return statusCode("", err) == eventstore.CodeUnavailable
}

// severed is what interrupt throws and guard catches.
type severed struct{ err error }

// interrupt leaves a call of the client that found its connection lost, at the
// last moment before the client would go on to rediscover: that leaks the old
// connection, and where it fails, every call that comes meanwhile waits for ever.
// The moment shows as a line of the client's log, written on the caller's own
// goroutine, which always runs inside guard.
func interrupt(level esdb.LogLevel, format string, args []any) {
	if level != esdb.LogError || format != "unexpected exception: %v" || len(args) != 1 {
		return
	}
	if err, ok := args[0].(error); ok && status.Code(err) == codes.Unavailable {
		panic(severed{err})
	}
}

// guard runs a call of the client. It catches what interrupt throws, and turns the
// client's own panics into errors: it panics where a server sends a message that
// it does not expect.
func guard(call func() error) (err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case severed:
			err = thrown.err
		default:
			err = fmt.Errorf("the client panicked: %v", thrown)
		}
	}()
	return call()
}
