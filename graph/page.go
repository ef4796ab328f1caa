package graph

import (
	"encoding/base64"
	"encoding/json"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
)

const (
	usualPage   = 50
	longestPage = 500
)

// pageSize returns how many edges are asked for.
func pageSize(first *int) (int, error) {
	if first == nil {
		return usualPage, nil
	}
	if *first < 1 || *first > longestPage {
		return 0, &domain.Error{
			Code: domain.CodeInvalid, Field: "first", Value: strconv.Itoa(*first), Message: "not a page size",
			Remedy: "ask for 1 to " + strconv.Itoa(longestPage) + " at once and continue after endCursor",
		}
	}
	return *first, nil
}

// cut makes a page of at most size items out of one more than that, and tells
// where it ends.
func cut[T any](items []T, size int, cursor func(T) string) ([]T, *generated.PageInfo) {
	info := &generated.PageInfo{HasNextPage: len(items) > size}
	if info.HasNextPage {
		items = items[:size]
	}
	if n := len(items); n > 0 {
		first, last := cursor(items[0]), cursor(items[n-1])
		info.StartCursor, info.EndCursor = &first, &last
	}
	return items, info
}

// encodeCursor writes the place of an edge in its connection, opaque and safe in
// URLs. The name of the connection keeps cursors from being mixed up.
func encodeCursor(connection string, parts ...string) string {
	b, err := json.Marshal(append([]string{connection}, parts...))
	if err != nil {
		panic(err) // strings always encode
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor reads what encodeCursor wrote for the same connection, and
// returns nil without a cursor.
func decodeCursor(connection string, cursor *string, parts int) ([]string, error) {
	if cursor == nil {
		return nil, nil
	}
	var decoded []string
	b, err := base64.RawURLEncoding.DecodeString(*cursor)
	if err == nil {
		err = json.Unmarshal(b, &decoded)
	}
	if err != nil || len(decoded) != 1+parts || decoded[0] != connection {
		return nil, badCursor(connection, *cursor)
	}
	return decoded[1:], nil
}

func badCursor(connection, cursor string) error {
	return &domain.Error{
		Code: domain.CodeInvalid, Field: "after", Value: cursor, Message: "not a cursor of the connection " + connection,
		Remedy: "pass endCursor exactly as the page before gave it, with the same filter",
	}
}

// positionCursor is the cursor of an edge that has a place in the log.
func (r *Resolver) positionCursor(connection string, position eventstore.Position) string {
	return encodeCursor(connection, r.token(position).String())
}

// cursorPosition reads a positionCursor of this log; Start without one.
func (r *Resolver) cursorPosition(connection string, cursor *string) (eventstore.Position, error) {
	parts, err := decodeCursor(connection, cursor, 1)
	if err != nil || parts == nil {
		return eventstore.Start, err
	}
	token, err := eventstore.ParseToken(parts[0])
	if err != nil {
		return eventstore.Start, badCursor(connection, *cursor)
	}
	return token.Position, r.own("after", token)
}
