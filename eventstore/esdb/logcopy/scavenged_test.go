package logcopy_test

import (
	"net"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/esdb/logcopy"
)

// scavenged is a server that holds what a scavenge has left: the embedded node
// has none, so it plays one.
type scavenged struct {
	streams.UnimplementedStreamsServer
	log []esdb.Raw
}

func (s *scavenged) Read(request *streams.ReadReq, call streams.Streams_ReadServer) error {
	options := request.GetOptions()
	if stream := options.GetStream(); stream != nil {
		return call.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{
			StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: stream.GetStreamIdentifier()},
		}})
	}
	from := options.GetAll().GetPosition().GetCommitPosition()
	for i := range s.log {
		if options.GetReadDirection() == streams.ReadReq_Options_Backwards {
			i = len(s.log) - 1
		}
		if position := uint64(i+1) * 10; position >= from {
			if err := call.Send(recorded(s.log[i], position)); err != nil {
				return err
			}
		}
		if options.GetCount() == 1 {
			return nil
		}
	}
	return nil
}

func recorded(e esdb.Raw, position uint64) *streams.ReadResp {
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: position},
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id:               &shared.UUID{Value: &shared.UUID_String_{String_: e.ID.String()}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(e.Stream)},
			StreamRevision:   e.Revision, PreparePosition: position, CommitPosition: position,
			Metadata: map[string]string{"type": e.Type, "created": "1", "content-type": "application/json"},
			Data:     e.Data,
		},
	}}}
}

func (s *scavenged) add(stream domain.StreamID, revision uint64, kind, data string) {
	s.log = append(s.log, esdb.Raw{JSON: true, Recorded: eventstore.Recorded{
		ID: uuid.New(), Stream: stream, Revision: revision, Type: kind, Data: []byte(data),
	}})
}

func (s *scavenged) serve(t *testing.T) *esdb.Store {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	streams.RegisterStreamsServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
	})
	return connect(t, "esdb://"+listener.Addr().String()+"?tls=false")
}

func TestTruncatedStreamsAreRefused(t *testing.T) {
	for name, script := range map[string]func(*scavenged){
		"from the start": func(s *scavenged) { s.add("limited", 7, "A", "{}") },
		"after a deletion": func(s *scavenged) {
			s.add("limited", 7, "A", "{}")
			s.add("$$limited", 0, "$metadata", `{"$tb":9223372036854775807}`)
		},
		"in the middle": func(s *scavenged) { s.add("limited", 0, "A", "{}"); s.add("limited", 7, "A", "{}") },
	} {
		t.Run(name, func(t *testing.T) {
			var source scavenged
			source.add("book-1", 0, "A", "{}")
			script(&source)
			_, err := logcopy.Copy(t.Context(), source.serve(t), newStore(t), options())
			require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, "limited")
			require.ErrorContains(t, err, "to 6")
		})
	}
}

// TestScavengedMetadataIsKept has metadata of which only the newest is left, as a
// scavenge leaves it: the newest keeps its revision.
func TestScavengedMetadataIsKept(t *testing.T) {
	var source scavenged
	source.add("book-1", 0, "A", "{}")
	source.add("$$book-1", 5, "$metadata", `{"$maxCount":3}`)
	source.add("never-was", 9223372036854775807, "$streamDeleted", "")
	from, target := source.serve(t), newStore(t)
	report, err := logcopy.Copy(t.Context(), from, target, options())
	require.NoError(t, err)
	require.True(t, report.Proof.Equal(), "%+v", report.Proof.Differences())
	log := dump(t, target)
	require.Len(t, log, 8)
	require.EqualValues(t, 5, log[6].Revision)
	require.JSONEq(t, `{"$maxCount":3}`, string(log[6].Data))
	// What was filled in is recognised when the copy goes on.
	source.add("book-1", 1, "A", "{}")
	report, err = logcopy.Copy(t.Context(), from, target, options())
	require.NoError(t, err)
	require.True(t, report.Proof.Equal())
	require.EqualValues(t, 3, report.Present)
	require.EqualValues(t, 1, report.Copied)
}
