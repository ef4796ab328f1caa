package node

import "strings"

// rememberedStates bounds the number of streams whose state is remembered.
const rememberedStates = 1 << 16

// streamState is what decisions about a stream rest on: the log with all that the
// group under way is about to add.
type streamState struct {
	last    int64 // revision of the last event: noStream, or that of a tombstone
	deleted bool  // until somebody appends again
	// group is the number of the group that last changed the stream or its metadata.
	group uint64
}

// tombstoned reports whether the stream is deleted for good.
func (s streamState) tombstoned() bool { return s.last == int64(tombstoneRevision) }

// state returns a stream's state. That of a stream of metadata follows the stream
// whose metadata it holds: both are tombstoned together.
func (c *committer) state(stream string) (streamState, error) {
	if original, isMetadata := strings.CutPrefix(stream, metadataPrefix); isMetadata && original != "" {
		if state, err := c.state(original); err != nil || state.tombstoned() {
			return state, err
		}
	}
	if state, ok := c.states.get(stream); ok {
		return state, nil
	}
	revision, ok, err := c.store.head(stream)
	if err != nil {
		return streamState{}, err
	}
	metadata, err := c.store.metadata(stream)
	if err != nil {
		return streamState{}, err
	}
	state := streamState{last: noStream, deleted: metadata.softDeleted()}
	if ok {
		state.last = int64(revision)
	}
	c.states.put(stream, state)
	return state, nil
}

// stateCache remembers the states of streams used recently, in two generations:
// when the younger is full, the older is forgotten. A group is far smaller than a
// generation, so that what it has put is there until it ends.
type stateCache struct {
	young, old map[string]streamState
}

func (c *stateCache) get(stream string) (streamState, bool) {
	if state, ok := c.young[stream]; ok {
		return state, true
	}
	state, ok := c.old[stream]
	if ok {
		c.put(stream, state)
	}
	return state, ok
}

func (c *stateCache) put(stream string, state streamState) {
	if c.young == nil || len(c.young) >= rememberedStates/2 {
		c.old, c.young = c.young, make(map[string]streamState)
	}
	c.young[stream] = state
}
