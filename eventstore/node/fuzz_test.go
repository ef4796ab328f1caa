package node

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// sealed gives a block's head and records the checksums that belong to them, as
// far as they can be found, so that damage gets past these.
func sealed(raw []byte) []byte {
	raw = append([]byte(nil), raw...)
	if len(raw) < blockFixed {
		return raw
	}
	first := blockFixed + int(binary.LittleEndian.Uint16(raw[41:]))
	if first > len(raw) {
		return raw
	}
	binary.LittleEndian.PutUint32(raw[1:], crc32.Checksum(raw[5:first], castagnoli))
	for at := first; at+recordFixed <= len(raw); {
		size := int(binary.LittleEndian.Uint32(raw[at:]))
		if size > len(raw)-at-recordFixed {
			break
		}
		binary.LittleEndian.PutUint32(raw[at+4:], recordChecksum(raw[at:at+4], raw[at+recordFixed:at+recordFixed+size]))
		at += recordFixed + size
	}
	return raw
}

// FuzzBlock reads what may stand on a disk, with checksums that are wrong and with
// some that are right. It never panics, and what it accepts is what a writer made.
func FuzzBlock(f *testing.F) {
	var w recordWriter
	w.add(uuid.New(), true, []byte("T"), nil, []byte("{}"))
	w.add(uuid.New(), false, []byte("U"), []byte("custom"), nil)
	f.Add(newBlock("a", 0, 0, 1, w.records, w.count, w.last).raw)
	f.Add(newBlock("", 1<<40, math.MaxInt64, -1, w.records, w.count, w.last).raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) < blockFixed {
			return
		}
		position := binary.LittleEndian.Uint64(raw[17:])
		_ = readBlock(position, raw)
		raw = sealed(raw)
		b, err := parseBlock(position, raw)
		if err != nil {
			return
		}
		records, err := b.all()
		if err != nil {
			return
		}
		var again recordWriter
		for i, rec := range records {
			require.Equal(t, b.revision+uint64(i), rec.revision)
			again.add([16]byte(rec.id), rec.json, rec.kind, rec.metadata, rec.data)
		}
		require.Equal(t, int(b.count), again.count)
		_ = newBlock(b.stream, b.position, b.revision, b.created, again.records, again.count, again.last)
	})
}

// FuzzProposed compares the hand-made decoder of proposed events with the generated
// one: what it accepts it understands in the same way, and what a client may send
// it accepts.
func FuzzProposed(f *testing.F) {
	f.Add([]byte{0x12, 0x02, 0x0a, 0x00})
	// Halves of an id in two places, which the generated decoder puts together.
	f.Add([]byte("\x12\x2e\x0a\x04\x0a\x02\x08\x01\x0a\x04\x0a\x02\x10\x05\x12\x09\x0a\x04type\x12\x01T\x12\x15\x0a\x0ccontent-type\x12\x05plain"))
	for _, id := range []*shared.UUID{plainID(uuid.New()), {Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{MostSignificantBits: -1, LeastSignificantBits: 5}}}} {
		seed, err := proto.Marshal(&streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: &streams.AppendReq_ProposedMessage{
			Id: id, Metadata: map[string]string{"type": "T", "content-type": "application/json", "other": ""}, CustomMetadata: []byte("c"), Data: []byte("d")}}})
		require.NoError(f, err)
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		byHand, err := decodeByHand(t, message)
		var request streams.AppendReq
		if generatedErr := proto.Unmarshal(message, &request); generatedErr != nil {
			// Texts that are not UTF-8 pass by hand where nobody reads them.
			if err == nil && !strings.Contains(generatedErr.Error(), "UTF-8") {
				t.Fatalf("accepted what is no message: %v", generatedErr)
			}
			return
		}
		generated, valid := meant(&request)
		if err == nil {
			require.True(t, valid, "accepted %v", &request)
			require.Empty(t, cmp.Diff(generated, byHand, cmp.AllowUnexported(proposal{})))
		}
		if !valid {
			return
		}
		canonical, err := proto.Marshal(withoutUnknown(&request))
		require.NoError(t, err)
		byHand, err = decodeByHand(t, canonical)
		require.NoError(t, err, "refused %v", &request)
		require.Empty(t, cmp.Diff(generated, byHand, cmp.AllowUnexported(proposal{})))
	})
}

// decodeByHand decodes a proposal as the node does and reads it from its record.
func decodeByHand(t *testing.T, message []byte) (p proposal, err error) {
	var w recordWriter
	if err := parseProposed(message, &w); err != nil {
		require.Zero(t, w.count)
		require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
		return p, err
	}
	require.Equal(t, 1, w.count)
	records, err := newBlock("a", 0, 0, 1, w.records, w.count, w.last).all()
	require.NoError(t, err)
	rec := records[0]
	return proposal{uuid.UUID(rec.id), string(rec.kind), rec.json, string(rec.metadata), string(rec.data)}, nil
}

// meant is what a client means with a message, by way of the generated code.
func meant(request *streams.AppendReq) (p proposal, valid bool) {
	message := request.GetProposedMessage()
	p.id, valid = meantID(message.GetId())
	content, named := message.GetMetadata()["content-type"]
	p.kind, p.json = message.GetMetadata()["type"], content == "application/json"
	p.custom, p.data = string(message.GetCustomMetadata()), string(message.GetData())
	return p, valid && p.id != uuid.Nil && p.kind != "" && named
}

// knownID is an id without fields that the protocol does not have.
func knownID(message *shared.UUID) *shared.UUID {
	if message == nil {
		return nil
	}
	known := proto.Clone(message).(*shared.UUID)
	known.ProtoReflect().SetUnknown(nil)
	if halves := known.GetStructured(); halves != nil {
		halves.ProtoReflect().SetUnknown(nil)
	}
	return known
}

func meantID(message *shared.UUID) (id uuid.UUID, valid bool) {
	switch value := message.GetValue().(type) {
	case *shared.UUID_String_:
		id, err := uuid.Parse(value.String_)
		return id, err == nil
	case *shared.UUID_Structured_:
		binary.BigEndian.PutUint64(id[:], uint64(value.Structured.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(id[8:], uint64(value.Structured.GetLeastSignificantBits()))
		return id, true
	}
	return id, false
}

func withoutUnknown(request *streams.AppendReq) *streams.AppendReq {
	message := request.GetProposedMessage()
	return &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: &streams.AppendReq_ProposedMessage{
		Id: knownID(message.GetId()), Metadata: message.GetMetadata(), CustomMetadata: message.GetCustomMetadata(), Data: message.GetData()}}}
}

// FuzzBatch compares the hand-made reader of a batch's messages with the generated
// one.
func FuzzBatch(f *testing.F) {
	for _, seed := range fuzzSeeds()[1] {
		encoded, err := proto.Marshal(seed[0])
		require.NoError(f, err)
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		var byHand batchMessage
		err := byHand.parse(message)
		var generated streams.BatchAppendReq
		if proto.Unmarshal(message, &generated) != nil {
			return // its events are looked at later
		}
		if err == nil {
			require.Equal(t, generated.GetIsFinal(), byHand.final)
			require.Equal(t, len(generated.GetProposedMessages()), len(byHand.events))
		}
		canonical := &streams.BatchAppendReq{CorrelationId: knownID(generated.GetCorrelationId()), Options: generated.GetOptions(),
			ProposedMessages: generated.GetProposedMessages(), IsFinal: generated.GetIsFinal()}
		encoded, err := proto.Marshal(canonical)
		require.NoError(t, err)
		id, identified := meantID(canonical.GetCorrelationId())
		if err := byHand.parse(encoded); err != nil {
			require.False(t, identified && id != uuid.Nil, "refused %v", canonical)
			return
		}
		require.Equal(t, id, byHand.id.id) // that of one without a value is nil
		require.True(t, proto.Equal(canonical.GetOptions(), byHand.options) || canonical.GetOptions() == nil && byHand.options == nil)
		for i, event := range canonical.GetProposedMessages() {
			var same streams.BatchAppendReq_ProposedMessage
			require.NoError(t, proto.Unmarshal(byHand.events[i], &same))
			require.True(t, proto.Equal(event, &same))
		}
	})
}

// FuzzMetadata compares two readings of a stream's metadata.
func FuzzMetadata(f *testing.F) {
	f.Add(`{"$maxCount":3,"$maxAge":10,"$tb":9223372036854775807,"custom":{"$tb":5}}`)
	f.Add(`{"$acl":{"$r":["a","b"],"$w":"c","$d":null},"$tb":0}`)
	f.Add(`{"$maxCount":3.0,"$maxAge":-1,"$tb":"3"}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, data string) {
		parsed := parseMetadata(record{json: true, data: []byte(data)})
		require.Equal(t, streamMetadata{}, parseMetadata(record{data: []byte(data)}), "not JSON")
		changed, ok := withTruncateBefore([]byte(data), 7)
		if ok {
			again := parseMetadata(record{json: true, data: changed})
			if again.truncateBefore != 7 {
				require.Equal(t, streamMetadata{}, again)
			}
		}
		if strings.Contains(data, "acl") || strings.Contains(data, `\`) {
			return // of access lists the model knows nothing
		}
		m := newModel(zeroTime)
		m.put("$$a", proposal{json: true, data: data})
		hidden := m.hiding("a")
		require.Equal(t, uint64(hidden.count), parsed.maxCount)
		require.Equal(t, uint64(hidden.before), parsed.truncateBefore)
		require.Equal(t, hidden.age, min(parsed.maxAge, (1<<33)*time.Second))
	})
}

// FuzzBasic reads headers of basic authentication.
func FuzzBasic(f *testing.F) {
	f.Add("Basic YWRtaW46Y2hhbmdlaXQ=")
	f.Add("basic  Og==")
	f.Fuzz(func(t *testing.T, header string) {
		name, password, ok := parseBasic(header)
		if !ok {
			return
		}
		again, secret, ok := parseBasic("Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
		require.True(t, ok)
		require.Equal(t, []string{name, password}, []string{again, secret})
		require.NotContains(t, name, ":")
	})
}

// bytesCodec sends bytes as they are.
type bytesCodec struct{}

func (bytesCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (bytesCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (bytesCodec) Name() string { return "proto" }

// FuzzCalls sends bytes to every method of a running node, cut into messages. It
// answers each with a status that a client understands and goes on.
func FuzzCalls(f *testing.F) {
	n, err := open(Config{Dir: "log", Logger: silent}, inMemory(vfs.NewMem()))
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, n.Close()) })
	conn := dial(f, n)
	methods := []string{
		"event_store.client.streams.Streams/Append", "event_store.client.streams.Streams/BatchAppend",
		"event_store.client.streams.Streams/Read", "event_store.client.streams.Streams/Delete",
		"event_store.client.streams.Streams/Tombstone", "event_store.client.server_features.ServerFeatures/GetSupportedMethods",
		"event_store.client.gossip.Gossip/Read",
	}
	for method, seeds := range fuzzSeeds() {
		for _, seed := range seeds {
			var joined []byte
			for _, message := range seed {
				encoded, err := proto.Marshal(message)
				require.NoError(f, err)
				joined = append(binary.BigEndian.AppendUint16(joined, uint16(len(encoded))), encoded...)
			}
			f.Add(uint8(method), joined)
		}
	}
	f.Fuzz(func(t *testing.T, method uint8, joined []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		call, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true},
			"/"+methods[int(method)%len(methods)], grpc.ForceCodec(bytesCodec{}))
		require.NoError(t, err)
		for len(joined) >= 2 {
			size := min(int(binary.BigEndian.Uint16(joined)), len(joined)-2)
			message := joined[2 : 2+size]
			if err := call.SendMsg(&message); err != nil {
				break // it has been answered
			}
			joined = joined[2+size:]
		}
		require.NoError(t, call.CloseSend())
		var answer []byte
		err = call.RecvMsg(&answer)
		for i := 0; err == nil && i < 3; i++ {
			if isWaiting(answer) {
				return // a subscription has no end
			}
			err = call.RecvMsg(&answer)
		}
		switch status.Code(err) {
		case codes.Unknown:
			// A request that ends too soon, and those that EventStoreDB answers so.
			require.Regexp(t, "EOF|cannot be read forwards from its end|no event can have the position", err.Error())
		case codes.Internal:
			// Where gRPC finds no message, or no request at all.
			require.Regexp(t, "unmarshal|cardinality", err.Error(), "an error of the node's own")
		case codes.DataLoss, codes.Unavailable, codes.Aborted:
			t.Fatalf("the node fails: %v", err)
		}
		require.NoError(t, n.server.accepting())
	})
}

// isWaiting reports whether a message says that what comes next may take for ever.
func isWaiting(message []byte) bool {
	var response streams.ReadResp
	return proto.Unmarshal(message, &response) == nil && (response.GetConfirmation() != nil || response.GetCaughtUp() != nil)
}

// fuzzSeeds are requests by the number of their method.
func fuzzSeeds() map[int][][]proto.Message {
	event := proposed("T", contentJSON, []byte("{}"))
	part := &streams.BatchAppendReq_ProposedMessage{Id: event.GetProposedMessage().GetId(), Metadata: event.GetProposedMessage().GetMetadata()}
	appended := appendOptions("a", noStream)
	anything := proto.Clone(appended).(*streams.AppendReq)
	anything.GetOptions().ExpectedStreamRevision = &streams.AppendReq_Options_Any{Any: &shared.Empty{}}
	about := proto.Clone(anything).(*streams.AppendReq)
	about.GetOptions().StreamIdentifier = plainStream("$$a")
	batch := &streams.BatchAppendReq{CorrelationId: plainID(uuid.New()), IsFinal: true, ProposedMessages: []*streams.BatchAppendReq_ProposedMessage{part, part},
		Options: &streams.BatchAppendReq_Options{StreamIdentifier: plainStream("b")}}
	first := proto.Clone(batch).(*streams.BatchAppendReq)
	first.IsFinal = false
	return map[int][][]proto.Message{
		0: {{appended, event}, {anything, event, event}, {about, event}, {event}},
		1: {{batch}, {first, &streams.BatchAppendReq{CorrelationId: first.GetCorrelationId(), IsFinal: true}}},
		2: {{readOptions(nil)}, {readOptions(func(o *streams.ReadReq_Options) { ofStream(o, "a"); o.ResolveLinks = true })},
			{readOptions(func(o *streams.ReadReq_Options) { subscription(o); withFilter(o, true, prefixes("T"), 1, 1) })}},
		3: {{&streams.DeleteReq{Options: &streams.DeleteReq_Options{StreamIdentifier: plainStream("a"), ExpectedStreamRevision: &streams.DeleteReq_Options_Any{Any: &shared.Empty{}}}}}},
		4: {{&streams.TombstoneReq{Options: &streams.TombstoneReq_Options{StreamIdentifier: plainStream("a"), ExpectedStreamRevision: &streams.TombstoneReq_Options_Revision{Revision: 5}}}}},
		5: {{&shared.Empty{}}},
		6: {{&shared.Empty{}}},
	}
}
