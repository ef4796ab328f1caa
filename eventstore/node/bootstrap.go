package node

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// systemUsers are the users that every log names. Who may log in, and with which
// password, stands elsewhere (package login): a log is copied and handed on.
var systemUsers = []struct{ login, fullName, group string }{
	{"admin", "Event Store Administrator", "$admins"},
	{"ops", "Event Store Operations", "$ops"},
}

// The streams and types of events about users.
const (
	usersStream     = "$users"
	userStream      = "$user-" // before the login name
	typeUser        = "$User"
	typeUserCreated = "$UserCreated"
)

// bootstrap writes the system streams that clients look for where a log lacks
// them. It must run before the store has another writer.
func bootstrap(s *store) error {
	c := newCommitter(s, newMetrics())
	g := c.newGroup()
	names := new(recordWriter)
	requests := []*appendRequest{{stream: usersStream, records: names}}
	for _, user := range systemUsers {
		names.add(uuid.New(), false, []byte(typeUser), nil, []byte(user.login))
		data, err := json.Marshal(map[string]any{
			"LoginName": user.login, "FullName": user.fullName, "Groups": []string{user.group}, "Disabled": false})
		if err != nil {
			return err
		}
		created := new(recordWriter)
		created.add(uuid.New(), true, []byte(typeUserCreated), nil, data)
		requests = append(requests, &appendRequest{stream: userStream + user.login, records: created})
	}
	answers := make(chan answered, len(requests))
	for _, request := range requests {
		request.expected, request.answer = noStream, answers
		// No two of them touch one stream, so that none has to wait for another.
		if !g.take(request) {
			return fmt.Errorf("the system stream %q cannot be written", request.stream)
		}
	}
	g.commit()
	for range requests {
		// A stream that is there already is left as it is.
		if a := <-answers; a.err != nil {
			return fmt.Errorf("writing the system stream %q: %w", a.request.stream, a.err)
		}
	}
	return nil
}
