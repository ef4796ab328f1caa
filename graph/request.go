package graph

import (
	"context"
	"net/http"
	"regexp"

	"github.com/google/uuid"
)

// requestHeader names a request, so that an answer, an event's metadata and the
// log of the server can be brought together. A caller may choose the id.
const requestHeader = "X-Request-Id"

var acceptableID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

type requestKey struct{}

func withRequestID(ctx context.Context, header http.Header) (context.Context, string) {
	id := header.Get(requestHeader)
	if !acceptableID.MatchString(id) {
		id = uuid.NewString()
	}
	return context.WithValue(ctx, requestKey{}, id), id
}

// requestID is the id of the request that ctx belongs to.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
