package node

import (
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// refusal is a status with the trailers that clients look for.
type refusal struct {
	status   *status.Status
	md       metadata.MD
	tooLarge bool // an append as a whole exceeds its limit
}

func (r *refusal) Error() string { return r.status.Message() }

// GRPCStatus is how gRPC finds the status.
func (r *refusal) GRPCStatus() *status.Status { return r.status }

func (r *refusal) trailers() metadata.MD { return r.md }

// streamDeleted refuses to touch a stream that is deleted.
func streamDeleted(stream string) *refusal {
	return &refusal{
		status: status.Newf(codes.FailedPrecondition, "the stream %q is deleted", stream),
		md:     metadata.Pairs("exception", "stream-deleted", "stream-name", headerText(stream)),
	}
}

// wrongVersion refuses a deletion. Revisions below 0 stand for what they stand for
// in requests.
func wrongVersion(stream string, expected, actual int64) *refusal {
	return &refusal{
		status: status.Newf(codes.FailedPrecondition, "the stream %q is at revision %d and not as expected (%d)", stream, actual, expected),
		md: metadata.Pairs("exception", "wrong-expected-version", "stream-name", headerText(stream),
			"expected-version", strconv.FormatInt(expected, 10), "actual-version", strconv.FormatInt(actual, 10)),
	}
}

// headerText renders text so that it may stand in a header: what is not printable
// ASCII is written byte by byte, as in a URL.
func headerText(text string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		if c := text[i]; c >= ' ' && c <= '~' {
			out.WriteByte(c)
		} else {
			out.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return out.String()
}
