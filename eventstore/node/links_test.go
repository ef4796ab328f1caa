package node

import (
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/stretchr/testify/require"
)

// describeLinks renders events with the links that led to them.
func describeLinks(messages []*streams.ReadResp) (parts []string) {
	name := func(e *streams.ReadResp_ReadEvent_RecordedEvent) string {
		if e == nil {
			return "nothing"
		}
		return fmt.Sprint(string(e.GetStreamIdentifier().GetStreamName()), "@", e.GetStreamRevision())
	}
	for _, message := range messages {
		if event := message.GetEvent(); event == nil {
			parts = append(parts, describe([]*streams.ReadResp{message}))
		} else if event.GetLink() == nil {
			parts = append(parts, name(event.GetEvent()))
		} else {
			parts = append(parts, name(event.GetLink())+"→"+name(event.GetEvent()))
		}
	}
	return parts
}

func TestLinksAreResolved(t *testing.T) {
	inBothFormsOfMemory(t, func(t *testing.T, _ *Node, client streams.StreamsClient) {
		writeBlocks(t, client, "a", 3, 2)
		writeBlocks(t, client, "cut@off", 3)
		describeMetadata(t, client, "cut@off", noStream, `{"$tb":2}`)
		writeBlocks(t, client, "gone", 1)
		describeMetadata(t, client, "gone", noStream, `{"$tb":9223372036854775807}`)
		messages := []*streams.AppendReq{appendOptions("l", noStream)}
		want := []string{}
		for i, c := range []struct{ data, target string }{
			{"0@a", "a@0"}, {"4@a", "a@4"}, {"1@a", "a@1"}, {"3@a", "a@3"},
			{"5@a", "nothing"}, {"0@b", "nothing"}, {"0@gone", "nothing"},
			{"2@cut@off", "cut@off@2"}, {"1@cut@off", "nothing"}, {"0@$$gone", "$$gone@0"}, {"0@l", "l@0"},
			{"", "nothing"}, {"a", "nothing"}, {"x@a", "nothing"}, {"-1@a", "nothing"}, {"1@", "nothing"}, {"@a", "nothing"},
			{"9223372036854775807@a", "nothing"}, {"9223372036854775808@a", "nothing"}, {"0@\xff", "nothing"},
		} {
			messages = append(messages, proposed(typeLink, contentBinary, []byte(c.data)))
			want = append(want, fmt.Sprint("l@", i, "→", c.target))
		}
		messages = append(messages, proposed("T", contentJSON, []byte("0@a")))
		want = append(want, fmt.Sprint("l@", len(want)))
		_, _, err := appendRaw(t, client, messages...)
		require.NoError(t, err)

		got, err := readRaw(t, client, readingOf("l", "start", resolving))
		require.NoError(t, err)
		require.Equal(t, want, describeLinks(got))
		plain, err := readRaw(t, client, readingOf("l", "start"))
		require.NoError(t, err)
		for i, message := range got {
			original := plain[i].GetEvent()
			require.Nil(t, original.GetLink(), "nobody asked")
			require.Equal(t, original.GetCommitPosition(), message.GetEvent().GetCommitPosition(), "positions are the link's")
			if link := message.GetEvent().GetLink(); link != nil {
				require.Equal(t, original.GetEvent().String(), link.String())
			}
		}
		targets, err := readRaw(t, client, readingOf("a", "start"))
		require.NoError(t, err)
		require.Equal(t, targets[4].GetEvent().GetEvent().String(), got[1].GetEvent().GetEvent().String())

		got, err = readRaw(t, client, readingOf("l", "1", resolving, backwards))
		require.NoError(t, err)
		require.Equal(t, []string{want[1], want[0]}, describeLinks(got))

		// The whole log: a filter sees the link, not its target.
		links := func(o *streams.ReadReq_Options) {
			o.ResolveLinks = true
			withFilter(o, true, prefixes(typeLink), 1, 1)
		}
		got, err = readRaw(t, client, readOptions(links))
		require.NoError(t, err)
		require.Equal(t, want[:len(want)-1], describeLinks(got))
		got, more := follow(t, client, readOptions(func(o *streams.ReadReq_Options) {
			subscription(o)
			links(o)
			fromPosition(o, plain[18].GetEvent().GetCommitPosition())
		}), 3)
		require.Equal(t, []string{"confirmation", want[19], "checkpoint"}, describeLinks(got))
		more(2) // the event that is no link: checkpoint, caught up
		_, _, err = appendRaw(t, client, appendOptions("m", noStream), proposed(typeLink, contentBinary, []byte("2@a")))
		require.NoError(t, err)
		require.Equal(t, []string{"m@0→a@2"}, describeLinks(more(1)))

		got, stream := follow(t, client, readingOf("l", "18", subscription, resolving), 4)
		require.Equal(t, []string{"confirmation", want[19], want[20], "caught-up"}, describeLinks(got))
		_, _, err = appendRaw(t, client, appendOptions("l", 20), proposed(typeLink, contentBinary, []byte("0@a")))
		require.NoError(t, err)
		require.Equal(t, []string{"l@21→a@0"}, describeLinks(stream(1)))
	})
}
