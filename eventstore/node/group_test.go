package node

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDecisionsWithinOneFlush holds a flush back while requests queue up that depend
// on each other, so that all of them are decided in one go and in this order.
func TestDecisionsWithinOneFlush(t *testing.T) {
	event := func(p proposal) *recordWriter {
		w := new(recordWriter)
		w.add(p.id, p.json, []byte(p.kind), []byte(p.custom), []byte(p.data))
		return w
	}
	e := freshEvents(4)
	buried := func() *recordWriter { return event(proposal{id: freshEvents(1)[0].id, kind: typeTombstone}) }
	type step struct {
		stream    string
		expected  int64
		operation operation
		records   *recordWriter
		want      string
	}
	for name, steps := range map[string][]step{
		"repetitions": {
			{"s", noStream, opAppend, event(e[0]), "at 0"},
			{"s", noStream, opAppend, event(e[0]), "at 0"},
			{"s", anyRevision, opAppend, event(e[0]), "at 0"},
			{"s", noStream, opAppend, event(e[1]), "wrong 0"},
			{"s", anyRevision, opAppend, event(e[1]), "at 1"},
			{"s", anyRevision, opAppend, event(e[1]), "at 1"},
			{"s", 0, opAppend, event(e[1]), "at 1"},
			{"t", anyRevision, opAppend, event(e[1]), "at 0"},
			{"s", 1, opAppend, event(e[2]), "at 2"},
			{"s", streamExists, opAppend, event(e[2]), "at 2"},
			{"s", 9, opAppend, event(e[3]), "wrong 2"},
		},
		"deletions": {
			{"s", anyRevision, opDelete, metadataEvent(deletedMetadata), "wrong -1"},
			{"s", noStream, opAppend, event(e[0]), "at 0"},
			{"s", 0, opDelete, metadataEvent(deletedMetadata), "at 0"},
			{"s", streamExists, opAppend, event(e[1]), "deleted"},
			{"s", anyRevision, opAppend, event(e[0]), "hidden 0"}, // a repetition
			{"s", noStream, opAppend, event(e[1]), "at 1"},        // and $$s@1
			{"s", streamExists, opDelete, metadataEvent(deletedMetadata), "at 2"},
			{"$$s", 2, opAppend, metadataEvent([]byte(`{"a":1}`)), "at 3"}, // and $$s@4
			{"s", streamExists, opAppend, event(e[2]), "at 2"},
			{"$$s", 4, opAppend, metadataEvent([]byte(`{"b":2,"$tb":9223372036854775807}`)), "at 5"},
			{"s", 2, opAppend, event(e[3]), "at 3"}, // and $$s@6
			{"$$s", 6, opAppend, metadataEvent([]byte(`{}`)), "at 7"},
		},
		"tombstones": {
			{"$$s", anyRevision, opAppend, metadataEvent([]byte(`{}`)), "at 0"},
			{"s", anyRevision, opAppend, event(e[0]), "at 0"},
			{"s", 0, opTombstone, buried(), "at 9223372036854775807"},
			{"s", anyRevision, opAppend, event(e[0]), "deleted"},
			{"$$s", anyRevision, opAppend, metadataEvent([]byte(`{}`)), "deleted"},
			{"s", anyRevision, opDelete, metadataEvent(deletedMetadata), "deleted"},
			{"s", anyRevision, opTombstone, buried(), "deleted"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, disk := gated(t, 0)
			disk.shut()
			answers := make(chan answered, len(steps)+1)
			n.committer.requests <- &appendRequest{stream: "first", expected: noStream, records: event(freshEvents(1)[0]), answer: answers}
			<-disk.arrived
			requests := make([]*appendRequest, len(steps))
			for i, step := range steps {
				requests[i] = &appendRequest{stream: step.stream, expected: step.expected, operation: step.operation, records: step.records, answer: answers}
				n.committer.requests <- requests[i]
			}
			disk.release()
			require.NoError(t, (<-answers).err)
			for i, step := range steps {
				a := <-answers
				require.Same(t, requests[i], a.request, "answers come in order")
				require.NoError(t, a.err)
				require.Equal(t, step.want, describeAnswer(a.appendAnswer), "step %d", i)
			}
			client := plainClient{rawClient(t, n)}
			all, _ := wholeOf(t, client, "")
			want := map[string]string{
				"repetitions": "first@0 s@0 s@1 t@0 s@2",
				"deletions":   "first@0 s@0 $$s@0 s@1 $$s@1 $$s@2 $$s@3 $$s@4 s@2 $$s@5 s@3 $$s@6 $$s@7",
				"tombstones":  "first@0 $$s@0 s@0 s@9223372036854775807",
			}[name]
			require.Equal(t, want, revisionsOf(all[4:]))
			for i, event := range all[4:] {
				switch revisionsOf(all[4+i : 5+i]) {
				case "$$s@1":
					require.JSONEq(t, `{"$tb":1}`, event.data)
				case "$$s@4":
					require.JSONEq(t, `{"a":1,"$tb":2}`, event.data)
				case "$$s@6":
					require.JSONEq(t, `{"b":2,"$tb":3}`, event.data)
				}
			}
		})
	}
}

func describeAnswer(a appendAnswer) string {
	switch {
	case a.deleted:
		return "deleted"
	case a.wrong:
		return "wrong " + strconv.FormatInt(a.revision, 10)
	case a.position == 0:
		return "hidden " + strconv.FormatInt(a.revision, 10)
	}
	return "at " + strconv.FormatInt(a.revision, 10)
}
