package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jeongsan/jeongsan/eventstore/node/login"
)

// action is what a caller wants to do with a stream. The streams of metadata need
// no actions of their own: their names say what they are.
type action uint8

const (
	actionRead action = iota
	actionWrite
	actionDelete
)

func (a action) String() string { return [...]string{"read", "write to", "delete"}[a] }

const (
	// allStream is the name under which access to the whole log is granted.
	allStream = "$all"
	// everyone is the role of every user. Who has not logged in does not have it.
	everyone = "$all"
)

// caller is who makes a call. The zero value is one who gave no name.
type caller struct {
	name  string
	roles []string
}

func (c caller) is(roles ...string) bool {
	return slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(c.roles, role) })
}

func (c caller) String() string {
	if c.name == "" {
		return "callers without a user"
	}
	return fmt.Sprintf("user %q", c.name)
}

type callerKey struct{}

// callerOf returns who makes the call of a context.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller) // the zero value may do nothing
	return c
}

// denial says that a caller may not do something.
type denial struct {
	caller caller
	action action
	stream string
}

func (d *denial) Error() string {
	return fmt.Sprintf("access denied: %s may not %s %q", d.caller, d.action, d.stream)
}

// GRPCStatus is what the caller gets.
func (d *denial) GRPCStatus() *status.Status { return status.New(codes.PermissionDenied, d.Error()) }

// trailers are what clients look for beside the status.
func (d *denial) trailers() metadata.MD { return metadata.Pairs("exception", "access-denied") }

// allow returns nil where the caller of a call may do that with the stream, and
// the status to answer with where not:
//
//	nobody writes to or deletes $all, or deletes a stream of metadata
//	without TLS everybody is an administrator
//	administrators may do the rest, callers without a user nothing
//	the stream's own access list decides, where it has one for the action
//	then the one in $settings, for user or for system streams
//	then: user streams are open to every user, system streams closed
//
// A stream of metadata is judged by the list of the stream that it describes.
func (s *server) allow(ctx context.Context, want action, stream string) error {
	original, ofMetadata := strings.CutPrefix(stream, metadataPrefix)
	never := stream == allStream && want != actionRead || ofMetadata && want == actionDelete
	if s.users == nil && !never {
		return nil
	}
	who := callerOf(ctx)
	switch {
	case never, who.name == "":
		return &denial{who, want, stream}
	case who.is(login.Admins):
		return nil
	case !ofMetadata:
		original = stream
	}
	roles, err := s.granted(permission{want, ofMetadata}, original)
	if err != nil {
		return readStatus(err)
	}
	if slices.Contains(roles, everyone) || who.is(roles...) {
		return nil
	}
	return &denial{who, want, stream}
}

// granted returns the roles that have a permission.
func (s *server) granted(may permission, stream string) ([]string, error) {
	described, err := s.store.metadata(stream)
	if err != nil {
		return nil, err
	}
	if roles := described.acl.roles(may); roles != nil {
		return roles, nil
	}
	users, system, err := s.store.settings()
	if err != nil {
		return nil, err
	}
	defaults, otherwise := users, []string{everyone}
	if strings.HasPrefix(stream, "$") {
		defaults, otherwise = system, []string{login.Admins}
	}
	if roles := defaults.roles(may); roles != nil {
		return roles, nil
	}
	return otherwise, nil
}

// permission is one line of an access list.
type permission struct {
	action     action
	ofMetadata bool
}

// roles returns who has a permission by this list, nil where it does not say.
func (l *accessList) roles(may permission) []string {
	if l == nil {
		return nil
	}
	switch may {
	case permission{actionRead, false}:
		return l.read
	case permission{actionWrite, false}:
		return l.write
	case permission{actionDelete, false}:
		return l.delete
	case permission{actionRead, true}:
		return l.metaRead
	case permission{actionWrite, true}:
		return l.metaWrite
	}
	return nil
}
