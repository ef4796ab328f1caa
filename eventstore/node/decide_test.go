package node

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func freshEvents(n int) []proposal {
	made := make([]proposal, n)
	for i := range made {
		made[i] = proposal{id: uuid.New(), kind: "T", json: true, custom: "{}", data: `{}`}
	}
	return made
}

// appendWay is one of the two ways to append.
type appendWay func(stream string, expected int64, events ...proposal) (outcome, error)

// inBothWays runs a test with Append and with BatchAppend.
func inBothWays(t *testing.T, test func(t *testing.T, filesystem vfs.FS, way func(*testing.T, plainClient) appendWay)) {
	t.Run("append", func(t *testing.T) {
		test(t, vfs.NewMem(), func(t *testing.T, c plainClient) appendWay {
			return func(stream string, expected int64, events ...proposal) (outcome, error) {
				return c.append(t.Context(), stream, expected, events...)
			}
		})
	})
	t.Run("batch", func(t *testing.T) {
		test(t, vfs.NewMem(), func(t *testing.T, c plainClient) appendWay {
			return func(stream string, expected int64, events ...proposal) (outcome, error) {
				return c.batch(t.Context(), 2, stream, expected, events...)
			}
		})
	})
}

func mustDo(t testing.TB, ok ending) func(outcome, error) outcome {
	return func(o outcome, err error) outcome {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, ok, o.ending)
		return o
	}
}

// TestExpectedRevisions goes through the whole table of what may be expected of a
// stream in every condition, once with what the node remembers and once after a
// restart.
func TestExpectedRevisions(t *testing.T) {
	type c struct{ expected, revision int64 }
	const (
		below, last, above = 1, 2, 9
		refused, buried    = -100, -101 // wrong expected version; stream deleted
		nothing            = -102       // a success without any event in the stream
	)
	conditions := []struct {
		name    string
		make    func(c plainClient, stream string)
		current int64 // as refusals tell it
		two     []c   // what becomes of an append of two new events
		none    []c   // and of one of no event
	}{
		{"a stream that never was", func(plainClient, string) {}, -1,
			[]c{{expectAny, 1}, {expectNothing, 1}, {expectExists, refused}, {0, refused}, {above, refused}},
			[]c{{expectAny, nothing}, {expectNothing, nothing}, {expectExists, refused}, {0, refused}}},
		{"metadata only", func(c plainClient, stream string) {
			mustDo(t, done)(c.append(t.Context(), "$$"+stream, expectNothing, proposal{uuid.New(), typeMetadata, true, "", `{"$maxCount":9}`}))
		}, -1,
			[]c{{expectAny, 1}, {expectNothing, 1}, {expectExists, 1}, {0, refused}},
			[]c{{expectAny, nothing}, {expectNothing, nothing}, {expectExists, nothing}, {0, refused}}},
		{"three events", func(c plainClient, stream string) {
			mustDo(t, done)(c.append(t.Context(), stream, expectNothing, freshEvents(3)...))
		}, last,
			[]c{{expectAny, 4}, {expectNothing, refused}, {expectExists, 4}, {below, refused}, {last, 4}, {above, refused}},
			[]c{{expectAny, last}, {expectNothing, refused}, {expectExists, last}, {below, refused}, {last, last}, {above, refused}}},
		{"deleted", func(c plainClient, stream string) {
			mustDo(t, done)(c.append(t.Context(), stream, expectNothing, freshEvents(3)...))
			mustDo(t, done)(c.delete(t.Context(), stream, last))
		}, last,
			[]c{{expectAny, 4}, {expectNothing, 4}, {expectExists, buried}, {below, refused}, {last, 4}, {above, refused}},
			[]c{{expectAny, last}, {expectNothing, refused}, {expectExists, buried}, {below, refused}, {last, last}, {above, refused}}},
		{"deleted, with metadata only", func(c plainClient, stream string) {
			mustDo(t, done)(c.append(t.Context(), "$$"+stream, expectNothing, proposal{uuid.New(), typeMetadata, true, "", `{}`}))
			mustDo(t, done)(c.delete(t.Context(), stream, expectAny))
		}, -1,
			[]c{{expectAny, 1}, {expectNothing, 1}, {expectExists, buried}, {0, refused}},
			[]c{{expectAny, nothing}, {expectNothing, nothing}, {expectExists, buried}, {0, refused}}},
		{"tombstoned", func(c plainClient, stream string) {
			mustDo(t, done)(c.append(t.Context(), stream, expectNothing, freshEvents(3)...))
			mustDo(t, done)(c.tombstone(t.Context(), stream, last))
		}, 0,
			[]c{{expectAny, buried}, {expectNothing, buried}, {expectExists, buried}, {below, buried}, {last, buried}, {above, buried}, {lastRevision, buried}},
			[]c{{expectAny, buried}, {expectNothing, buried}, {expectExists, buried}, {last, buried}}},
		{"tombstoned before it was", func(c plainClient, stream string) {
			mustDo(t, done)(c.tombstone(t.Context(), stream, expectNothing))
		}, 0,
			[]c{{expectAny, buried}, {expectNothing, buried}, {expectExists, buried}, {0, buried}},
			[]c{{expectAny, buried}}},
	}
	inBothWays(t, func(t *testing.T, filesystem vfs.FS, way func(*testing.T, plainClient) appendWay) {
		stream := func(k int, kind string, i int, round string) string { return fmt.Sprint("s-", k, kind, i, round) }
		for _, round := range []string{"remembered", "restarted"} {
			n := openNode(t, "log", inMemory(filesystem))
			client := plainClient{rawClient(t, n)}
			for k, condition := range conditions {
				for i := range condition.two {
					condition.make(client, stream(k, "two", i, round))
				}
				for i := range condition.none {
					condition.make(client, stream(k, "none", i, round))
				}
			}
			if round == "restarted" {
				require.NoError(t, n.Close())
				n = openNode(t, "log", inMemory(filesystem))
				client = plainClient{rawClient(t, n)}
			}
			send := way(t, client)
			for k, condition := range conditions {
				check := func(name string, cases []c, events int) {
					for i, c := range cases {
						t.Run(fmt.Sprintf("%s, %s, expected %d, %d events", round, condition.name, c.expected, events), func(t *testing.T) {
							got, err := send(stream(k, name, i, round), c.expected, freshEvents(events)...)
							require.NoError(t, err)
							want := outcome{ending: done, revision: c.revision, position: got.position}
							switch c.revision {
							case refused:
								want = outcome{ending: wrong, revision: condition.current}
							case buried:
								want = outcome{ending: gone}
							case nothing:
								want.revision = -1
							}
							require.Equal(t, want, got)
							require.Equal(t, want.ending == done && events > 0, got.position > 0)
						})
					}
				}
				check("two", condition.two, 2)
				check("none", condition.none, 0)
			}
			require.NoError(t, n.Close())
		}
	})
}

// TestRepeatedAppends goes through what is recognised as a repetition. The stream
// has events 0 and 1 appended in one go, 2 to 4 in another.
func TestRepeatedAppends(t *testing.T) {
	inBothWays(t, func(t *testing.T, filesystem vfs.FS, way func(*testing.T, plainClient) appendWay) {
		e := freshEvents(5)
		x, y := freshEvents(1)[0], freshEvents(1)[0]
		n := openNode(t, "log", inMemory(filesystem))
		client := plainClient{rawClient(t, n)}
		send := way(t, client)
		mustDo(t, done)(send("s", expectAny, e[:2]...))
		mustDo(t, done)(send("s", expectExists, e[2:]...))
		for _, round := range []string{"remembered", "restarted"} {
			if round == "restarted" {
				require.NoError(t, n.Close())
				n = openNode(t, "log", inMemory(filesystem))
				client = plainClient{rawClient(t, n)}
				send = way(t, client)
			}
			stored, _, err := client.read(t.Context(), reach{stream: "s", count: 100})
			require.NoError(t, err)
			require.Len(t, stored, 5)
			for _, c := range []struct {
				name     string
				expected int64
				events   []proposal
				revision int64 // -100: wrong expected version
			}{
				{"the whole of an append", expectAny, e[:2], 1},
				{"with stream exists", expectExists, e[:2], 1},
				{"two appends at once", expectAny, e, 4},
				{"in another order", expectAny, []proposal{e[4], e[0]}, 0},
				{"one event", expectAny, e[3:4], 3},
				{"one known, one not", expectAny, []proposal{e[0], x}, -100},
				{"exact, the same", 1, e[2:], 4},
				{"no stream, the same", expectNothing, e[:2], 1},
				{"across two appends", 0, e[1:4], 3},
				{"the end of one", 3, e[4:], 4},
				{"one too many", 3, []proposal{e[4], x}, -100},
				{"another event first", 0, []proposal{x, e[2]}, -100},
				{"another event then", 0, []proposal{e[1], x}, -100},
				{"in another place", 1, e[1:2], -100},
				{"another event, no stream", expectNothing, []proposal{x}, -100},
			} {
				t.Run(round+", "+c.name, func(t *testing.T) {
					got, err := send("s", c.expected, c.events...)
					require.NoError(t, err)
					if c.revision == -100 {
						require.Equal(t, outcome{ending: wrong, revision: 4}, got)
						return
					}
					require.Equal(t, outcome{done, c.revision, stored[c.revision].position}, got)
				})
			}
			after, _, err := client.read(t.Context(), reach{stream: "s", count: 100})
			require.NoError(t, err)
			require.Equal(t, stored, after, "a repetition writes nothing")
		}

		t.Run("first unknown, then known", func(t *testing.T) {
			require.Equal(t, int64(6), mustDo(t, done)(send("s", expectAny, y, e[0])).revision)
			require.Equal(t, int64(0), mustDo(t, done)(send("s", expectAny, e[0])).revision, "the first one counts")
		})
		t.Run("in another stream", func(t *testing.T) {
			first := mustDo(t, done)(send("s2", expectAny, e[0]))
			require.Equal(t, int64(0), first.revision)
			require.Equal(t, first, mustDo(t, done)(send("s2", expectAny, e[0])), "each stream on its own")
			require.NotEqual(t, first, mustDo(t, done)(send("s", expectAny, e[0])))
		})
		t.Run("after an exact append", func(t *testing.T) {
			exact := freshEvents(3)
			want := mustDo(t, done)(send("s3", expectNothing, exact...))
			require.Equal(t, want, mustDo(t, done)(send("s3", expectAny, exact...)))
		})
		t.Run("of what is hidden", func(t *testing.T) {
			describeMetadata(t, client, "s", noStream, `{"$tb":1}`)
			require.Equal(t, outcome{done, 0, 0}, mustDo(t, done)(send("s", expectAny, e[0])))
			require.Equal(t, outcome{done, 0, 0}, mustDo(t, done)(send("s", expectNothing, e[0])))
			require.NotZero(t, mustDo(t, done)(send("s", expectNothing, e[:2]...)).position)
			mustDo(t, done)(client.delete(t.Context(), "s", expectAny))
			require.Equal(t, outcome{done, 4, 0}, mustDo(t, done)(send("s", expectAny, e...)), "and nothing is made again")
			require.Equal(t, outcome{done, 4, 0}, mustDo(t, done)(send("s", 1, e[2:]...)))
			messages, err := readRaw(t, client, readOptions(func(o *streams.ReadReq_Options) { ofStream(o, "s") }))
			require.NoError(t, err)
			require.Equal(t, "not-found:s", describe(messages))
		})
	})
}

// TestRepetitionsInOneFlush sends the same events many times at once, so that
// repetitions meet in one group.
func TestRepetitionsInOneFlush(t *testing.T) {
	client := plainClient{rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))}
	for name, expected := range map[string]int64{"any": expectAny, "none": expectNothing} {
		t.Run(name, func(t *testing.T) {
			for round := range 20 {
				stream := fmt.Sprint(name, round)
				events := freshEvents(3)
				var wg sync.WaitGroup
				results := make([]outcome, 16)
				errs := make([]error, len(results))
				for i := range results {
					wg.Go(func() { results[i], errs[i] = client.append(t.Context(), stream, expected, events...) })
				}
				wg.Wait()
				for i := range results {
					require.NoError(t, errs[i])
					require.Equal(t, done, results[i].ending)
					require.Equal(t, results[0], results[i])
				}
				stored, _, err := client.read(t.Context(), reach{stream: stream, count: 100})
				require.NoError(t, err)
				require.Len(t, stored, len(events))
			}
		})
	}
}

// TestRecentIDsAreBounded has more ids than are remembered.
func TestRecentIDsAreBounded(t *testing.T) {
	var recent recentIDs
	position := uint64(0)
	for range 3 {
		for range rememberedIDs / 64 {
			var w recordWriter
			for range 64 {
				w.add(uuid.New(), false, []byte("T"), nil, nil)
			}
			b := newBlock("s", position, 0, 0, w.records, w.count, w.last)
			position = b.end()
			recent.take(b)
			require.LessOrEqual(t, len(recent.young)+len(recent.old), rememberedIDs)
			records, err := b.all()
			require.NoError(t, err)
			found, ok := recent.find(eventKey{[16]byte(records[63].id), "s"})
			require.True(t, ok)
			require.Equal(t, place{63, records[63].position}, found)
		}
	}
}

// TestWrongExpectedVersionEchoes looks at every field of the answer, also at those
// that only old clients read.
func TestWrongExpectedVersionEchoes(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	write(t, client, "a", 0, 2, "T")
	event := proposal{id: uuid.New(), kind: "T"}
	mustDo(t, done)(plainClient{client}.append(t.Context(), "b", expectAny, event))
	for _, c := range []struct {
		name, stream string
		change       func(*streams.AppendReq_Options)
		want         string
	}{
		{"no stream", "a", func(o *streams.AppendReq_Options) {}, "expected_no_stream expected_revision_20_6_0=max current=1"},
		{"a revision", "a", func(o *streams.AppendReq_Options) {
			o.ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: 7}
		}, "expected_revision=7 expected_revision_20_6_0=7 current=1"},
		{"stream exists", "none", func(o *streams.AppendReq_Options) {
			o.ExpectedStreamRevision = &streams.AppendReq_Options_StreamExists{StreamExists: &shared.Empty{}}
		}, "expected_stream_exists stream_exists_20_6_0 current=none"},
		{"any", "b", func(o *streams.AppendReq_Options) {
			o.ExpectedStreamRevision = &streams.AppendReq_Options_Any{Any: &shared.Empty{}}
		}, "expected_any any_20_6_0 current=0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := appendOptions(c.stream, noStream)
			c.change(options.GetOptions())
			known := proposed("T", contentJSON, nil)
			known.GetProposedMessage().Id = plainID(event.id)
			answer, _, err := appendRaw(t, client, options, known, proposed("T", contentJSON, nil))
			require.NoError(t, err)
			w := answer.GetWrongExpectedVersion()
			var got []string
			switch expected := w.GetExpectedRevisionOption().(type) {
			case *streams.AppendResp_WrongExpectedVersion_ExpectedAny:
				got = append(got, "expected_any")
			case *streams.AppendResp_WrongExpectedVersion_ExpectedNoStream:
				got = append(got, "expected_no_stream")
			case *streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists:
				got = append(got, "expected_stream_exists")
			case *streams.AppendResp_WrongExpectedVersion_ExpectedRevision:
				got = append(got, fmt.Sprint("expected_revision=", expected.ExpectedRevision))
			}
			switch expected := w.GetExpectedRevisionOption_20_6_0().(type) {
			case *streams.AppendResp_WrongExpectedVersion_Any_20_6_0:
				got = append(got, "any_20_6_0")
			case *streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0:
				got = append(got, "stream_exists_20_6_0")
			case *streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0:
				got = append(got, strings.ReplaceAll(fmt.Sprint("expected_revision_20_6_0=", expected.ExpectedRevision_20_6_0), "18446744073709551615", "max"))
			}
			require.Equal(t, w.GetCurrentNoStream() != nil, w.GetNoStream_20_6_0() != nil)
			require.Equal(t, w.GetCurrentRevision(), w.GetCurrentRevision_20_6_0())
			if w.GetCurrentNoStream() != nil {
				got = append(got, "current=none")
			} else {
				got = append(got, fmt.Sprint("current=", w.GetCurrentRevision()))
			}
			require.Equal(t, c.want, strings.Join(got, " "))
		})
	}
}
