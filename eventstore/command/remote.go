package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/jeongsan/jeongsan/domain"
)

// NewRemote returns the door of another process, whose base URL is given, as
// "http://127.0.0.1:8480". A nil client is http.DefaultClient. Requests that the
// other process surely did not get are answered CodeUnavailable; where it may
// have got them, CodeOutcomeUnknown.
func NewRemote(url string, client *http.Client) Door {
	if client == nil {
		client = http.DefaultClient
	}
	return &remote{url: strings.TrimSuffix(url, "/") + Path, client: client}
}

type remote struct {
	url    string
	client *http.Client
}

// callBytes is the size at which a call is split.
const callBytes = mostBytes / 4

// Do implements Door. Calls are made one after the other, so that the order of
// requests for one book is kept.
func (r *remote) Do(ctx context.Context, requests ...Request) []Reply {
	replies := make([]Reply, 0, len(requests))
	var c call
	var places []int // of c.Requests in replies
	size := 0
	flush := func() {
		if len(places) > 0 {
			r.call(ctx, c, places, replies)
		}
		c.Requests, places, size = nil, nil, 0
	}
	for i, request := range requests {
		replies = append(replies, Reply{})
		encoded, err := encodeRequest(request)
		if err == nil && len(encoded.Data) > callBytes {
			err = fmt.Errorf("it has %d bytes, at most %d can be sent", len(encoded.Data), callBytes)
		}
		if err != nil {
			replies[i].Err = &domain.Error{Code: domain.CodeInvalid, Field: "command", Value: request.Command.CommandType(), Message: "the command cannot be sent", Err: err}
			continue
		}
		if len(places) == mostRequests || size+len(encoded.Data) > callBytes {
			flush()
		}
		c.Requests, places, size = append(c.Requests, encoded), append(places, i), size+len(encoded.Data)
	}
	flush()
	return replies
}

// call makes one call and fills in its replies.
func (r *remote) call(ctx context.Context, c call, places []int, replies []Reply) {
	answered, err := r.post(ctx, c)
	if err == nil && len(answered.Replies) != len(places) {
		err = r.unknown(fmt.Errorf("%d replies to %d requests", len(answered.Replies), len(places)))
	}
	for i, place := range places {
		if err != nil {
			replies[place] = Reply{Err: err}
			continue
		}
		got := answered.Replies[i]
		one := Reply{Outcome: got.Outcome, Awaiting: got.Awaiting, Position: got.Position}
		if got.Ref != nil {
			one.Ref = *got.Ref
		}
		if got.Error != nil {
			one.Err = got.Error.err()
		}
		replies[place] = one
	}
}

func (r *remote) post(ctx context.Context, c call) (answer, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return answer{}, &domain.Error{Code: domain.CodeInvalid, Field: "requests", Message: "the commands cannot be sent", Err: err}
	}
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, &domain.Error{Code: domain.CodeInvalid, Field: "process", Value: r.url, Message: "not the address of a process", Remedy: "use http://host:port", Err: err}
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := r.client.Do(request)
	if err != nil {
		if connected.Load() {
			return answer{}, r.unknown(err)
		}
		return answer{}, &domain.Error{
			Code: domain.CodeUnavailable, Field: "process", Value: r.url, Message: "the process that takes commands cannot be reached",
			Remedy: "start it, or correct the address", Err: err,
		}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return answer{}, r.refused(response)
	}
	var a answer
	if err := strictly(response.Body, &a); err != nil {
		return answer{}, r.unknown(err)
	}
	return a, nil
}

// refused reads why a whole call was refused: by Serve, which did nothing, or by
// something on the way, which tells us nothing.
func (r *remote) refused(response *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	var f fault
	if err == nil && strictly(bytes.NewReader(body), &f) == nil && f.Code != "" {
		return f.err()
	}
	return r.unknown(errors.Join(fmt.Errorf("status %s", response.Status), err))
}

func (r *remote) unknown(err error) error {
	return &domain.Error{
		Code: domain.CodeOutcomeUnknown, Field: "process", Value: r.url, Message: "the connection failed before the outcome was known",
		Remedy: "send the same again: its key makes that safe", Err: err,
	}
}
