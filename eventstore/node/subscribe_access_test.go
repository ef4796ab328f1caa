package node

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// TestAccessIsAskedForAgain changes who may read while somebody does.
func TestAccessIsAskedForAgain(t *testing.T) {
	s := openSecured(t)
	admin, kim := streams.NewStreamsClient(s.as(t, "admin")), streams.NewStreamsClient(s.as(t, "kim"))
	settings := func(revision int64, json string) {
		t.Helper()
		_, _, err := appendRaw(t, admin, appendOptions(settingsStream, revision), proposed(settingsStream, contentJSON, []byte(json)))
		require.NoError(t, err)
	}
	describeMetadata(t, admin, allStream, noStream, `{"$acl":{"$r":"readers"}}`)
	start := origin(t, admin)
	open := func(request *streams.ReadReq) grpc.ServerStreamingClient[streams.ReadResp] {
		t.Helper()
		call, err := kim.Read(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, "confirmation caught-up", describe(receive(t, call, 2)))
		return call
	}
	denied := func(call grpc.ServerStreamingClient[streams.ReadResp]) {
		t.Helper()
		for {
			if _, err := call.Recv(); err != nil {
				requireStatus(t, codes.PermissionDenied, err)
				require.Equal(t, []string{"access-denied"}, call.Trailer().Get("exception"))
				return
			}
		}
	}
	all := open(readOptions(func(o *streams.ReadReq_Options) { fromPosition(o, start); subscription(o) }))
	a, b := open(readingOf("a", "start", subscription)), open(readingOf("b", "start", subscription))

	describeMetadata(t, admin, "a", noStream, `{"$acl":{"$r":["someone"]}}`)
	denied(a)
	// Other changes end nothing.
	settings(noStream, `{"$userStreamAcl":{"$w":"kim"}}`)
	write(t, admin, "a", 0, 1, "T")
	write(t, admin, "b", 0, 1, "T")
	require.Equal(t, "b@0", describe(receive(t, b, 1)))
	require.Equal(t, "$$a@0 $settings@0 a@0 b@0", describe(receive(t, all, 4)))

	// A link does not lead where its reader may not go.
	_, _, err := appendRaw(t, admin, appendOptions("links", noStream), proposed(typeLink, contentBinary, []byte("0@a")), proposed(typeLink, contentBinary, []byte("0@b")))
	require.NoError(t, err)
	links, err := readRaw(t, kim, readingOf("links", "start", resolving))
	require.NoError(t, err)
	require.Equal(t, []string{"links@0→nothing", "links@1→b@0"}, describeLinks(links))

	settings(0, `{"$userStreamAcl":{"$r":"someone"}}`)
	denied(b)
	require.Equal(t, "links@0 links@1 $settings@1", describe(receive(t, all, 3)))
	describeMetadata(t, admin, allStream, 0, `{}`)
	denied(all)
	_, err = readRaw(t, kim, readOptions(nil))
	requireStatus(t, codes.PermissionDenied, err)
}
