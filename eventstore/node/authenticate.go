package node

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/node/login"
)

// openUsers reads the users of a node with TLS, and makes the first ones where it has
// none. On an address that others can reach it refuses to begin, or to go on, with the
// password that everybody knows.
func (c Config) openUsers(address *net.TCPAddr) (*login.Checker, error) {
	if c.TLS == nil {
		return nil, nil
	}
	local := address.IP.IsLoopback()
	if !login.Exist(c.Dir) {
		admin, ops := cmp.Or(c.AdminPassword, login.KnownPassword), cmp.Or(c.OpsPassword, login.KnownPassword)
		if (admin == login.KnownPassword || ops == login.KnownPassword) && !local {
			return nil, &domain.Error{Code: domain.CodeInvalid, Field: "users", Value: c.Dir, Message: "the first users need passwords of their own, as others can reach " + address.String(),
				Remedy: "give those of admin and ops: JEONGSAN_NODE_ADMIN_PASSWORD and JEONGSAN_NODE_OPS_PASSWORD, or --admin-password-file and --ops-password-file"}
		}
		if _, err := login.Create(c.Dir, admin, ops); err != nil {
			return nil, err
		}
	}
	users, err := login.NewChecker(c.Dir, c.Logger)
	if err != nil {
		return nil, err
	}
	if weak := users.Knowing(login.KnownPassword); len(weak) > 0 {
		if !local {
			return nil, &domain.Error{Code: domain.CodeInvalid, Field: "users", Value: strings.Join(weak, ", "), Message: "others can reach " + address.String() + ", and everybody knows the password " + login.KnownPassword,
				Remedy: "change it first: jeongsan node users password " + weak[0]}
		}
		c.Logger.Warn("event store node: users have the password that everybody knows, which passes on loopback only", "users", weak)
	}
	return users, nil
}

var errUnauthenticated = status.Error(codes.Unauthenticated, login.ErrRefused.Error())

// authenticate puts the caller into a call's context. Without TLS nobody is asked.
// A call without credentials passes as nobody's: what it may do is for allow to
// say. Wrong ones fail whatever the method.
func (s *server) authenticate(ctx context.Context) (context.Context, error) {
	if s.users == nil {
		return ctx, nil
	}
	headers := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(headers) == 0 {
		return ctx, nil
	}
	name, password, ok := parseBasic(headers[0])
	if !ok || len(headers) > 1 {
		return nil, errUnauthenticated
	}
	user, err := s.users.Check(ctx, name, password)
	if err != nil {
		return nil, s.refuseLogin(ctx, err)
	}
	return context.WithValue(ctx, callerKey{}, caller{name: user.Name, roles: user.Roles()}), nil
}

// refuseLogin tells the caller and the log that a pair was wrong, but nobody what.
func (s *server) refuseLogin(ctx context.Context, err error) error {
	if !errors.Is(err, login.ErrRefused) {
		return status.FromContextError(err).Err()
	}
	from := ""
	if p, ok := peer.FromContext(ctx); ok {
		from = p.Addr.String()
	}
	s.logger.Warn("event store node: a login was refused", "from", from)
	return errUnauthenticated
}

// parseBasic reads the header of basic authentication.
func parseBasic(header string) (name, password string, ok bool) {
	scheme, encoded, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(pair), ":")
}

// withTrailers is an error with what clients look for beside its status.
type withTrailers interface {
	error
	trailers() metadata.MD
}

// trailersOf returns the trailers of a call that ended with an error.
func trailersOf(err error) metadata.MD {
	var carrier withTrailers
	if errors.As(err, &carrier) {
		return carrier.trailers()
	}
	return nil
}

// unary is the way of every call with one request and one response.
func (s *server) unary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	ctx, err := s.authenticate(ctx)
	if err != nil {
		return nil, err
	}
	response, err := handle(ctx, request)
	if trailers := trailersOf(err); trailers != nil {
		err = errors.Join(err, grpc.SetTrailer(ctx, trailers))
	}
	return response, err
}

// stream is the way of all other calls, also of those that no service knows.
func (s *server) stream(service any, call grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	ctx, err := s.authenticate(call.Context())
	if err != nil {
		return err
	}
	if s.users != nil {
		call = &authenticated{call, ctx}
	}
	err = handle(service, call)
	if trailers := trailersOf(err); trailers != nil {
		call.SetTrailer(trailers)
	}
	return err
}

// authenticated is a call whose context knows the caller.
type authenticated struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (a *authenticated) Context() context.Context { return a.ctx }

// unknownMethod answers calls of services that the node does not have.
func unknownMethod(_ any, call grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(call)
	return status.Errorf(codes.Unimplemented, "%s is not offered by this node", method)
}

// authenticateHTTP reports whether the caller of an HTTP request has one of the
// roles. Where not it has answered the request. Without TLS everybody has them.
func (s *server) authenticateHTTP(w http.ResponseWriter, r *http.Request, roles ...string) (ok bool) {
	if s.users == nil {
		return fromHere(w, r)
	}
	ask := func(message string) bool {
		w.Header().Set("WWW-Authenticate", `Basic realm="event store node", charset="UTF-8"`)
		http.Error(w, message, http.StatusUnauthorized)
		return false
	}
	name, password, given := r.BasicAuth()
	if !given {
		return ask("give a user and a password")
	}
	user, err := s.users.Check(r.Context(), name, password)
	switch {
	case errors.Is(err, login.ErrRefused):
		s.logger.Warn("event store node: a login was refused", "from", r.RemoteAddr)
		return ask(err.Error())
	case err != nil: // the request has ended meanwhile
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return false
	}
	if c := (caller{user.Name, user.Roles()}); !c.is(roles...) {
		http.Error(w, c.String()+" needs to be in "+strings.Join(roles, " or "), http.StatusForbidden)
		return false
	}
	return true
}

// fromHere refuses what a page in a browser of this machine could ask of a node that
// asks nobody for a password: on loopback only addresses and localhost are answered,
// as any other name may be a stranger's who lets it point here.
func fromHere(w http.ResponseWriter, r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return true
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if net.ParseIP(strings.Trim(host, "[]")) != nil || strings.EqualFold(host, "localhost") {
		return true
	}
	http.Error(w, "ask for "+local.String()+" or localhost, not for "+strconv.Quote(host), http.StatusForbidden)
	return false
}
