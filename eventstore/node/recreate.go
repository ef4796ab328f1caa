package node

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/google/uuid"
)

// truncateKey is the metadata that says before which revision a stream is hidden.
const truncateKey = "$tb"

// deletedMetadata is the metadata of a stream that is deleted until somebody
// appends again. It replaces all that was there before.
var deletedMetadata = []byte(`{"` + truncateKey + `":` + strconv.FormatInt(math.MaxInt64, 10) + `}`)

// metadataEvent makes one event of metadata, with an id of its own.
func metadataEvent(data []byte) *recordWriter {
	w := new(recordWriter)
	w.add(uuid.New(), true, []byte(typeMetadata), nil, data)
	return w
}

// withTruncateBefore returns metadata with another revision before which the
// stream is hidden, and all else as it was, in its order. ok is false where the
// metadata is not a JSON object.
func withTruncateBefore(metadata []byte, revision uint64) (changed []byte, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(metadata))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	changed = []byte{'{'}
	put := func(key string, value []byte) error {
		name, err := json.Marshal(key)
		if err != nil {
			return err
		}
		if len(changed) > 1 {
			changed = append(changed, ',')
		}
		changed = append(append(append(changed, name...), ':'), value...)
		return nil
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, false
		}
		name, isText := key.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil || !isText {
			return nil, false
		}
		if name == truncateKey {
			continue
		}
		if err := put(name, value); err != nil {
			return nil, false
		}
	}
	if _, err := decoder.Token(); err != nil || len(bytes.TrimSpace(metadata[decoder.InputOffset():])) > 0 {
		return nil, false
	}
	if err := put(truncateKey, strconv.AppendUint(nil, revision, 10)); err != nil {
		return nil, false
	}
	return append(changed, '}'), true
}
