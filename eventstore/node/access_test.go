package node

import (
	"context"
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func statusOf(err error) codes.Code { return status.Code(err) }

// attempt does something with a stream and returns the status and the trailers. The
// name of the whole log stands for itself.
func attempt(t *testing.T, conn *grpc.ClientConn, want action, stream string) (codes.Code, metadata.MD) {
	t.Helper()
	client := streams.NewStreamsClient(conn)
	var trailers metadata.MD
	switch want {
	case actionRead:
		call, err := client.Read(t.Context(), readOptions(func(o *streams.ReadReq_Options) {
			if stream != allStream {
				ofStream(o, stream)
			}
		}), grpc.Trailer(&trailers))
		for err == nil {
			_, err = call.Recv()
		}
		if err.Error() == "EOF" {
			err = nil
		}
		return statusOf(err), trailers
	case actionWrite:
		options := appendOptions(stream, noStream)
		options.GetOptions().ExpectedStreamRevision = &streams.AppendReq_Options_Any{Any: &shared.Empty{}}
		_, trailers, err := appendRaw(t, client, options) // no event: what it changes is nothing
		return statusOf(err), trailers
	default:
		_, err := client.Tombstone(t.Context(), &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{
			StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
			ExpectedStreamRevision: &streams.TombstoneReq_Options_Revision{Revision: 1 << 40}}}, grpc.Trailer(&trailers))
		if statusOf(err) == codes.FailedPrecondition { // as it was meant to: nothing is deleted
			return codes.OK, nil
		}
		return statusOf(err), trailers
	}
}

// describeStream writes the metadata of a stream, or with its full name any other
// stream of the node's own.
func describeStream(t *testing.T, admin *grpc.ClientConn, stream, kind, content string) {
	t.Helper()
	options := appendOptions(stream, noStream)
	options.GetOptions().ExpectedStreamRevision = &streams.AppendReq_Options_Any{Any: &shared.Empty{}}
	answer, _, err := appendRaw(t, streams.NewStreamsClient(admin), options, proposed(kind, contentJSON, []byte(content)))
	require.NoError(t, err)
	require.NotNil(t, answer.GetSuccess())
}

// TestAccess is the table of section 9: who may do what, by which rule.
func TestAccess(t *testing.T) {
	s := openSecured(t)
	admin := s.as(t, "admin")
	for stream, acl := range map[string]string{
		"empty":       `{}`,
		"readers":     `{"$r":"readers"}`,
		"names":       `{"$r":["kim","ops"],"$w":"kim","$d":"ops"}`,
		"shut":        `{"$r":[],"$w":[],"$d":[],"$mr":[],"$mw":[]}`,
		"meta":        `{"$mr":"kim","$mw":"readers"}`,
		"everyone":    `{"$r":"$all","$w":"$all"}`,
		"admins":      `{"$r":"$admins","$w":"$admins"}`,
		"operators":   `{"$r":"$ops"}`,
		"$everyone":   `{"$r":"$all","$mr":"$all"}`,
		"broken-list": `"kim"`,
	} {
		describeStream(t, admin, metadataPrefix+stream, typeMetadata, `{"$acl":`+acl+`}`)
	}
	// Every user by the letters that may: r, w, d on the stream, R, W on its metadata.
	all := func(want string) map[string]string {
		return map[string]string{"": "", "ops": want, "kim": want, "admin": "rwdRW"}
	}
	check := func(t *testing.T, table map[string]map[string]string) {
		for stream, users := range table {
			for user, want := range users {
				conn, got := s.as(t, user), ""
				for _, try := range []struct {
					letter string
					want   action
					stream string
				}{
					{"r", actionRead, stream}, {"w", actionWrite, stream}, {"d", actionDelete, stream},
					{"R", actionRead, metadataPrefix + stream}, {"W", actionWrite, metadataPrefix + stream},
				} {
					code, trailers := attempt(t, conn, try.want, try.stream)
					switch code {
					case codes.OK:
						got += try.letter
					case codes.PermissionDenied:
						require.Equal(t, []string{"access-denied"}, trailers.Get("exception"))
					default:
						t.Fatalf("%s: %q as %q: %v", try.want, try.stream, user, code)
					}
				}
				require.Equal(t, want, got, "%q with stream %q", user, stream)
			}
		}
	}
	check(t, map[string]map[string]string{
		"user-stream": all("rwdRW"),
		"$system":     all(""),
		"$users":      all(""),
		"$settings":   all(""),
		"empty":       all("rwdRW"),
		"readers":     {"": "", "ops": "wdRW", "kim": "rwdRW", "admin": "rwdRW"},
		"names":       {"": "", "ops": "rdRW", "kim": "rwRW", "admin": "rwdRW"},
		"shut":        all(""),
		"meta":        {"": "", "ops": "rwd", "kim": "rwdRW", "admin": "rwdRW"},
		"everyone":    all("rwdRW"),
		"admins":      {"": "", "ops": "dRW", "kim": "dRW", "admin": "rwdRW"},
		"operators":   {"": "", "ops": "rwdRW", "kim": "wdRW", "admin": "rwdRW"},
		"$everyone":   all("rR"),
		"broken-list": all("rwdRW"), // as no metadata at all
		// The whole log may be read, and its metadata written, by administrators.
		allStream: {"": "", "ops": "", "kim": "", "admin": "rRW"},
	})

	t.Run("the whole log for a role", func(t *testing.T) {
		describeStream(t, admin, metadataPrefix+allStream, typeMetadata, `{"$acl":{"$r":"readers"}}`)
		check(t, map[string]map[string]string{allStream: {"": "", "ops": "", "kim": "r", "admin": "rRW"}})
	})
	t.Run("other defaults", func(t *testing.T) {
		describeStream(t, admin, settingsStream, settingsStream,
			`{"$userStreamAcl":{"$r":"$all","$w":"ops","$d":[]},"$systemStreamAcl":{"$r":["readers"]}}`)
		check(t, map[string]map[string]string{
			"user-stream": {"": "", "ops": "rwRW", "kim": "rRW", "admin": "rwdRW"},
			"$system":     {"": "", "ops": "", "kim": "r", "admin": "rwdRW"},
			"readers":     {"": "", "ops": "wRW", "kim": "rRW", "admin": "rwdRW"},
		})
	})
	t.Run("metadata is never deleted", func(t *testing.T) {
		for _, user := range []string{"", "ops", "kim", "admin"} {
			code, trailers := attempt(t, s.as(t, user), actionDelete, metadataPrefix+"user-stream")
			require.Equal(t, codes.PermissionDenied, code, user)
			require.Equal(t, []string{"access-denied"}, trailers.Get("exception"))
		}
	})
}

// TestAccessWithoutTLS: everybody is an administrator, which is not everything.
func TestAccessWithoutTLS(t *testing.T) {
	n := openNode(t, t.TempDir(), defaultTuning())
	conn := dial(t, n)
	describeStream(t, conn, "$$shut", typeMetadata, `{"$acl":{"$r":[],"$w":[],"$d":[],"$mr":[],"$mw":[]}}`)
	for stream, want := range map[string][3]codes.Code{
		"shut":    {},
		"$$shut":  {actionDelete: codes.PermissionDenied},
		"$users":  {},
		allStream: {actionWrite: codes.PermissionDenied, actionDelete: codes.PermissionDenied},
	} {
		for _, try := range []action{actionRead, actionWrite, actionDelete} {
			code, _ := attempt(t, conn, try, stream)
			require.Equal(t, want[try].String(), code.String(), "%s %q", try, stream)
		}
	}
	// A header that no client should send here is not looked at.
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Basic !!!")
	call, err := streams.NewStreamsClient(conn).Read(ctx, readOptions(subscription))
	require.NoError(t, err)
	_, err = call.Recv()
	require.NoError(t, err)
}

// TestAccessIsAskedAgain: a subscription ends when its user loses the right.
func TestAccessIsAskedAgain(t *testing.T) {
	s := openSecured(t)
	admin := s.as(t, "admin")
	for _, c := range []struct {
		name   string
		change func(stream string)
	}{
		{"metadata", func(stream string) {
			describeStream(t, admin, metadataPrefix+stream, typeMetadata, `{"$acl":{"$r":"ops"}}`)
		}},
		{"settings", func(string) { // last, because it concerns every stream
			describeStream(t, admin, settingsStream, settingsStream, `{"$userStreamAcl":{"$r":"ops"}}`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stream := "followed-" + c.name
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var trailers metadata.MD
			call, err := streams.NewStreamsClient(s.as(t, "kim")).Read(ctx, readOptions(func(o *streams.ReadReq_Options) {
				ofStream(o, stream)
				subscription(o)
			}), grpc.Trailer(&trailers))
			require.NoError(t, err)
			for i := range 2 { // confirmed and caught up
				_, err = call.Recv()
				require.NoError(t, err, fmt.Sprint(i))
			}
			c.change(stream)
			_, err = call.Recv()
			requireStatus(t, codes.PermissionDenied, err)
			require.Equal(t, []string{"access-denied"}, call.Trailer().Get("exception"))
		})
	}
}
