package node

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

func asMetadata(text string) proposal { return proposal{uuid.New(), typeMetadata, true, "", text} }

// wholeOf reads a stream to its end, or the whole log where it is "".
func wholeOf(t testing.TB, c plainClient, stream string) ([]seen, ending) {
	t.Helper()
	events, end, err := c.read(t.Context(), reach{stream: stream, from: whence{start: true}, count: ^uint64(0)})
	require.NoError(t, err)
	return events, end
}

func revisionsOf(events []seen) string {
	var all []string
	for _, event := range events {
		all = append(all, fmt.Sprint(event.stream, "@", event.revision))
	}
	return strings.Join(all, " ")
}

// TestDeletionsFollowTheTable goes through what may be expected by a deletion and a
// tombstone, with what the node remembers and after a restart.
func TestDeletionsFollowTheTable(t *testing.T) {
	type c struct{ expected, actual int64 } // actual where it is wrong
	const yes, buried = -100, -101
	for _, condition := range []struct {
		name              string
		make              func(c plainClient, stream string)
		delete, tombstone []c
	}{
		{"a stream that never was", func(plainClient, string) {},
			[]c{{expectAny, -1}, {expectNothing, -1}, {expectExists, -1}, {0, -1}},
			[]c{{expectAny, yes}, {expectNothing, yes}, {expectExists, -1}, {0, -1}}},
		{"metadata only", func(c plainClient, stream string) {
			mustDo(t, done)(c.append(t.Context(), "$$"+stream, expectNothing, asMetadata(`{}`)))
		},
			[]c{{expectAny, yes}, {expectNothing, yes}, {expectExists, yes}, {0, -1}},
			[]c{{expectAny, yes}, {expectNothing, yes}, {expectExists, yes}, {0, -1}}},
		{"three events", func(c plainClient, stream string) {
			mustDo(t, done)(c.append(t.Context(), stream, expectNothing, freshEvents(3)...))
		},
			[]c{{expectAny, yes}, {expectNothing, 2}, {expectExists, yes}, {1, 2}, {2, yes}, {9, 2}},
			[]c{{expectAny, yes}, {expectNothing, 2}, {expectExists, yes}, {1, 2}, {2, yes}, {9, 2}}},
		{"deleted", func(c plainClient, stream string) {
			mustDo(t, done)(c.append(t.Context(), stream, expectNothing, freshEvents(3)...))
			mustDo(t, done)(c.delete(t.Context(), stream, 2))
		},
			[]c{{expectAny, yes}, {expectNothing, yes}, {expectExists, buried}, {1, 2}, {2, yes}, {9, 2}},
			[]c{{expectAny, yes}, {expectNothing, yes}, {expectExists, buried}, {1, 2}, {2, yes}, {9, 2}}},
		{"tombstoned", func(c plainClient, stream string) {
			mustDo(t, done)(c.append(t.Context(), stream, expectNothing, freshEvents(3)...))
			mustDo(t, done)(c.tombstone(t.Context(), stream, 2))
		},
			[]c{{expectAny, buried}, {expectNothing, buried}, {expectExists, buried}, {2, buried}, {lastRevision, buried}},
			[]c{{expectAny, buried}, {expectNothing, buried}, {expectExists, buried}, {2, buried}, {lastRevision, buried}}},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %v", condition.name, restart), func(t *testing.T) {
				filesystem := vfs.NewMem()
				n := openNode(t, "log", inMemory(filesystem))
				client := plainClient{rawClient(t, n)}
				for i := range condition.delete {
					condition.make(client, fmt.Sprint("delete", i))
				}
				for i := range condition.tombstone {
					condition.make(client, fmt.Sprint("tombstone", i))
				}
				if restart {
					require.NoError(t, n.Close())
					client = plainClient{rawClient(t, openNode(t, "log", inMemory(filesystem)))}
				}
				want := func(c c, position uint64) outcome {
					switch c.actual {
					case yes:
						require.NotZero(t, position)
						return outcome{ending: done, position: position}
					case buried:
						return outcome{ending: gone}
					}
					return outcome{ending: wrong, revision: c.actual}
				}
				for i, c := range condition.delete {
					stream := fmt.Sprint("delete", i)
					got, err := client.delete(t.Context(), stream, c.expected)
					require.NoError(t, err)
					require.Equal(t, want(c, got.position), got, "expected %d", c.expected)
					if c.actual != yes {
						continue
					}
					about, _ := wholeOf(t, client, "$$"+stream)
					require.Len(t, about, 1, "of metadata only the newest is seen")
					require.Equal(t, got.position, about[0].position)
					require.Equal(t, `{"$tb":9223372036854775807}`, about[0].data)
					require.Equal(t, typeMetadata, about[0].kind)
					require.True(t, about[0].json)
					_, end := wholeOf(t, client, stream)
					require.Equal(t, notFound, end)
				}
				for i, c := range condition.tombstone {
					stream := fmt.Sprint("tombstone", i)
					got, err := client.tombstone(t.Context(), stream, c.expected)
					require.NoError(t, err)
					require.Equal(t, want(c, got.position), got, "expected %d", c.expected)
					if c.actual != yes {
						continue
					}
					all, _ := wholeOf(t, client, "")
					last := all[len(all)-1]
					require.Equal(t, seen{proposal{id: last.id, kind: "$streamDeleted"}, stream, lastRevision, got.position, last.created}, last)
				}
			})
		}
	}
}

func TestTombstonedForGood(t *testing.T) {
	filesystem := vfs.NewMem()
	n := openNode(t, "log", inMemory(filesystem))
	client := plainClient{rawClient(t, n)}
	mustDo(t, done)(client.append(t.Context(), "s", expectNothing, freshEvents(2)...))
	mustDo(t, done)(client.append(t.Context(), "$$s", expectNothing, asMetadata(`{"$maxCount":1}`)))
	mustDo(t, done)(client.tombstone(t.Context(), "s", expectAny))
	for _, restarted := range []bool{false, true} {
		if restarted {
			require.NoError(t, n.Close())
			client = plainClient{rawClient(t, openNode(t, "log", inMemory(filesystem)))}
		}
		for _, stream := range []string{"s", "$$s"} {
			for _, expected := range []int64{expectAny, expectNothing, expectExists, 0, 1} {
				mustDo(t, gone)(client.append(t.Context(), stream, expected, freshEvents(1)...))
				mustDo(t, gone)(client.append(t.Context(), stream, expected))
				mustDo(t, gone)(client.batch(t.Context(), 1, stream, expected, freshEvents(1)...))
			}
			_, end := wholeOf(t, client, stream)
			require.Equal(t, gone, end)
		}
		mustDo(t, gone)(client.delete(t.Context(), "s", expectAny))
		mustDo(t, gone)(client.tombstone(t.Context(), "s", expectAny))
	}
	all, _ := wholeOf(t, client, "")
	require.Equal(t, "s@0 s@1 $$s@0 s@9223372036854775807", revisionsOf(all[len(all)-4:]))
}

// TestComingBack deletes streams and brings them back in every way.
func TestComingBack(t *testing.T) {
	const hidden = `{"custom":[1,{"x":"ü"}],"$tb":9223372036854775807,"$acl":{"$r":["a"]}}`
	for _, c := range []struct {
		name     string
		metadata string // written by hand in place of a deletion
		back     func(t *testing.T, c plainClient) outcome
		revision int64  // in the answer
		about    string // the newest metadata; "" for none after what was written
		stream   string // what is seen then
	}{
		{"any", "", func(t *testing.T, c plainClient) outcome {
			return mustDo(t, done)(c.append(t.Context(), "s", expectAny, freshEvents(2)...))
		}, 4, `{"$tb":3}`, "s@3 s@4"},
		{"no stream", "", func(t *testing.T, c plainClient) outcome {
			return mustDo(t, done)(c.append(t.Context(), "s", expectNothing, freshEvents(1)...))
		}, 3, `{"$tb":3}`, "s@3"},
		{"the exact revision", "", func(t *testing.T, c plainClient) outcome {
			return mustDo(t, done)(c.append(t.Context(), "s", 2, freshEvents(1)...))
		}, 3, `{"$tb":3}`, "s@3"},
		{"a batch", "", func(t *testing.T, c plainClient) outcome {
			return mustDo(t, done)(c.batch(t.Context(), 1, "s", expectAny, freshEvents(2)...))
		}, 4, `{"$tb":3}`, "s@3 s@4"},
		{"with more metadata", hidden, func(t *testing.T, c plainClient) outcome {
			return mustDo(t, done)(c.append(t.Context(), "s", expectAny, freshEvents(1)...))
		}, 3, `{"custom":[1,{"x":"ü"}],"$acl":{"$r":["a"]},"$tb":3}`, "s@3"},
		{"metadata", "", func(t *testing.T, c plainClient) outcome {
			return mustDo(t, done)(c.append(t.Context(), "$$s", 0, asMetadata(`{"$maxCount":5,"k":null}`)))
		}, 1, `{"$maxCount":5,"k":null,"$tb":3}`, ""},
		{"metadata that would delete again", "", func(t *testing.T, c plainClient) outcome {
			return mustDo(t, done)(c.append(t.Context(), "$$s", expectAny, asMetadata(hidden)))
		}, 1, `{"custom":[1,{"x":"ü"}],"$acl":{"$r":["a"]},"$tb":3}`, ""},
		{"metadata in two events", "", func(t *testing.T, c plainClient) outcome {
			return mustDo(t, done)(c.append(t.Context(), "$$s", expectAny, asMetadata(`{"a":1}`), asMetadata(`{"b":1}`)))
		}, 2, `{"b":1,"$tb":3}`, ""},
		{"metadata that is none", "", func(t *testing.T, c plainClient) outcome {
			return mustDo(t, done)(c.append(t.Context(), "$$s", 0, asMetadata(`{"$tb":`)))
		}, 1, "", "s@0 s@1 s@2"},
		{"metadata that is no object", "", func(t *testing.T, c plainClient) outcome {
			return mustDo(t, done)(c.append(t.Context(), "$$s", 0, asMetadata(`[1]`)))
		}, 1, "", "s@0 s@1 s@2"},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %v", c.name, restart), func(t *testing.T) {
				filesystem := vfs.NewMem()
				n := openNode(t, "log", inMemory(filesystem))
				client := plainClient{rawClient(t, n)}
				mustDo(t, done)(client.append(t.Context(), "s", expectNothing, freshEvents(3)...))
				if c.metadata == "" {
					mustDo(t, done)(client.delete(t.Context(), "s", expectAny))
				} else {
					mustDo(t, done)(client.append(t.Context(), "$$s", expectAny, asMetadata(c.metadata)))
				}
				if restart {
					require.NoError(t, n.Close())
					client = plainClient{rawClient(t, openNode(t, "log", inMemory(filesystem)))}
				}
				_, end := wholeOf(t, client, "s")
				require.Equal(t, notFound, end)
				got := c.back(t, client)
				require.Equal(t, c.revision, got.revision)
				about, _ := wholeOf(t, client, "$$s")
				require.Len(t, about, 1)
				all, _ := wholeOf(t, client, "")
				if last := all[len(all)-1]; c.about == "" {
					require.Equal(t, got.position, last.position, "nothing follows")
				} else {
					require.JSONEq(t, c.about, about[0].data)
					require.Equal(t, about[0], last, "what follows is the metadata")
					require.Equal(t, got.position, all[len(all)-2].position)
				}
				events, end := wholeOf(t, client, "s")
				require.Equal(t, done, end)
				require.Equal(t, c.stream, revisionsOf(events))
				// What was deleted is still in the whole log.
				require.Contains(t, revisionsOf(all), "s@0 s@1 s@2")
				// And it can be deleted and brought back once more.
				mustDo(t, done)(client.delete(t.Context(), "s", expectExists))
				again := mustDo(t, done)(client.append(t.Context(), "s", expectNothing, freshEvents(1)...))
				events, _ = wholeOf(t, client, "s")
				require.Equal(t, fmt.Sprint("s@", again.revision), revisionsOf(events))
			})
		}
	}
}

// TestDeletedAndBroughtBackAtOnce has writers and deleters of one stream at once, so
// that deletions and appends meet in one flush. Whoever appends to a deleted stream
// brings it back, there and nowhere else.
func TestDeletedAndBroughtBackAtOnce(t *testing.T) {
	client := plainClient{rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))}
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			for range 40 {
				var err error
				switch rand.IntN(5) {
				case 0, 1:
					_, err = client.append(t.Context(), "s", expectAny, freshEvents(1)...)
				case 2:
					_, err = client.append(t.Context(), "s", expectNothing, freshEvents(1)...)
				case 3:
					_, err = client.delete(t.Context(), "s", expectAny)
				case 4:
					_, err = client.append(t.Context(), "$$s", expectAny, asMetadata(`{"k":1}`))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	all, _ := wholeOf(t, client, "")
	deleted, next := false, int64(0)
	for i, event := range all {
		follows := func() string {
			require.Less(t, i+1, len(all))
			require.Equal(t, "$$s", all[i+1].stream, "after %s@%d", event.stream, event.revision)
			return all[i+1].data
		}
		switch event.stream {
		case "s":
			require.Equal(t, next, event.revision)
			if next++; deleted {
				require.JSONEq(t, fmt.Sprintf(`{"$tb":%d}`, event.revision), follows())
			}
			deleted = false
		case "$$s":
			var fields map[string]json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(event.data), &fields))
			if deleted && fields["k"] != nil && fields["$tb"] == nil {
				require.JSONEq(t, fmt.Sprintf(`{"k":1,"$tb":%d}`, next), follows())
			}
			deleted = string(fields["$tb"]) == "9223372036854775807"
		}
	}
	require.Positive(t, next)
}

func TestWithTruncateBefore(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{}`, `{"$tb":7}`},
		{` { "a" : 1 , "$tb" : 3 , "b" : [ {} ] } `, `{"a":1,"b":[ {} ],"$tb":7}`},
		{`{"$tb":1,"$tb":2}`, `{"$tb":7}`},
		{`{"a":1,"a":2}`, `{"a":1,"a":2,"$tb":7}`},
		{`{"n":12345678901234567890.5}`, `{"n":12345678901234567890.5,"$tb":7}`},
		{``, ""}, {`null`, ""}, {`[]`, ""}, {`"x"`, ""}, {`{`, ""}, {`{"a"}`, ""}, {`{"a":}`, ""}, {`{} {}`, ""}, {`{}x`, ""}, {`{"a":1,}`, ""},
	} {
		got, ok := withTruncateBefore([]byte(c.in), 7)
		require.Equal(t, c.want != "", ok, c.in)
		require.Equal(t, c.want, string(got), c.in)
	}
}

func TestDeletionRefusals(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	for name, options := range map[string]*streams.DeleteReq_Options{
		"nothing":         nil,
		"no name":         {ExpectedStreamRevision: &streams.DeleteReq_Options_Any{}},
		"no expectation":  {StreamIdentifier: plainStream("s")},
		"beyond all":      {StreamIdentifier: plainStream("s"), ExpectedStreamRevision: &streams.DeleteReq_Options_Revision{Revision: 1 << 63}},
		"metadata of nil": {StreamIdentifier: plainStream("$$"), ExpectedStreamRevision: &streams.DeleteReq_Options_Any{}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Delete(t.Context(), &streams.DeleteReq{Options: options})
			requireStatus(t, codes.InvalidArgument, err)
			same := &streams.TombstoneReq_Options{StreamIdentifier: options.GetStreamIdentifier()}
			if revision, ok := options.GetExpectedStreamRevision().(*streams.DeleteReq_Options_Revision); ok {
				same.ExpectedStreamRevision = &streams.TombstoneReq_Options_Revision{Revision: revision.Revision}
			} else if options.GetExpectedStreamRevision() != nil {
				same.ExpectedStreamRevision = &streams.TombstoneReq_Options_Any{}
			}
			_, err = client.Tombstone(t.Context(), &streams.TombstoneReq{Options: same})
			requireStatus(t, codes.InvalidArgument, err)
		})
	}
}

// TestNamesInTrailers has names that do not fit into a header as they are.
func TestNamesInTrailers(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	for name, want := range map[string]string{"a b%c": "a b%c", "정산": "%EC%A0%95%EC%82%B0", "a\nb": "a%0Ab"} {
		mustDo(t, done)(plainClient{client}.tombstone(t.Context(), name, expectAny))
		_, trailers, err := appendRaw(t, client, appendOptions(name, noStream), proposed("T", contentJSON, nil))
		requireStatus(t, codes.FailedPrecondition, err)
		require.Equal(t, []string{"stream-deleted"}, trailers.Get("exception"))
		require.Equal(t, []string{want}, trailers.Get("stream-name"))
	}
}
