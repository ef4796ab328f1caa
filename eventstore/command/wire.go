package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Path is where Serve's handler is mounted and NewRemote sends to.
const Path = "/v1/commands"

// Limits of one call between processes. NewRemote splits larger ones.
const (
	mostRequests = 4096
	mostBytes    = 64 << 20
)

// commands lists every command that may come from another process.
var commands = []wireCommand{
	of[book.SettleTransaction](),
	of[book.ReverseEntry](),
	of[book.PostAdjustment](),
	of[book.AdvanceBusinessDate](),
	of[party.RegisterParty](),
	of[party.ChangePartyDetails](),
	of[contract.SignContract](),
	of[contract.EndContract](),
	of[schedule.PublishSchedule](),
	of[calendar.PublishCalendar](),
	of[source.DefineSource](),
	of[source.QuarantineRecord](),
	of[source.ReleaseQuarantine](),
	of[source.CloseDelivery](),
}

type wireCommand struct {
	name   string
	decode func(json.RawMessage) (domain.Command, error)
}

func of[C domain.Command]() wireCommand {
	var zero C
	return wireCommand{zero.CommandType(), func(data json.RawMessage) (domain.Command, error) {
		var c C
		err := strictly(bytes.NewReader(data), &c)
		return c, err
	}}
}

// call, request, answer and reply are the JSON of POST /v1/commands.
type call struct {
	Requests []request `json:"requests"`
}

type request struct {
	Command string          `json:"command"`
	Data    json.RawMessage `json:"data"`
	Meta    eventstore.Meta `json:"meta"`
}

type answer struct {
	Replies []reply `json:"replies"`
}

type reply struct {
	Outcome  Outcome             `json:"outcome,omitempty"`
	Ref      *domain.Ref         `json:"ref,omitempty"`
	Awaiting bool                `json:"awaiting,omitempty"`
	Position eventstore.Position `json:"position,omitempty"`
	Error    *fault              `json:"error,omitempty"`
}

// fault is a domain.Error with its cause as text.
type fault struct {
	domain.Error
	Cause string `json:"cause,omitempty"`
}

func faultOf(err error) *fault {
	if err == nil {
		return nil
	}
	var e *domain.Error
	if !errors.As(err, &e) {
		e = &domain.Error{Code: domain.CodeInternal, Message: err.Error()}
	}
	f := &fault{Error: *e}
	if e.Err != nil {
		f.Cause = e.Err.Error()
	}
	return f
}

func (f *fault) err() error {
	e := f.Error
	if f.Cause != "" {
		e.Err = errors.New(f.Cause)
	}
	return &e
}

func encodeRequest(r Request) (request, error) {
	data, err := json.Marshal(r.Command)
	return request{Command: r.Command.CommandType(), Data: data, Meta: r.Meta}, err
}

// decodeRequests reads a call. Its errors name the request and the key at fault.
func decodeRequests(body io.Reader) ([]Request, error) {
	var c call
	if err := strictly(body, &c); err != nil {
		return nil, malformed("body", err)
	}
	if len(c.Requests) > mostRequests {
		return nil, &domain.Error{
			Code: domain.CodeInvalid, Field: "requests", Value: fmt.Sprint(len(c.Requests)), Message: "too many requests in one call",
			Remedy: fmt.Sprintf("send at most %d", mostRequests),
		}
	}
	requests := make([]Request, len(c.Requests))
	for i, r := range c.Requests {
		field := fmt.Sprintf("requests[%d]", i)
		known := wireCommandNamed(r.Command)
		if known == nil {
			return nil, &domain.Error{
				Code: domain.CodeInvalid, Field: field + ".command", Value: r.Command, Message: "no such command",
				Remedy: "run the same version of Jeongsan in all processes",
			}
		}
		command, err := known.decode(r.Data)
		if err != nil {
			return nil, malformed(field+".data", err)
		}
		requests[i] = Request{Command: command, Meta: r.Meta}
	}
	return requests, nil
}

func wireCommandNamed(name string) *wireCommand {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i]
		}
	}
	return nil
}

// strictly decodes one JSON value and refuses unknown keys and what follows it.
func strictly(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("there is more than one JSON value")
		}
		return err
	}
	return nil
}

func malformed(field string, err error) error {
	return &domain.Error{
		Code: domain.CodeMalformed, Field: field, Message: "the commands cannot be read",
		Remedy: "run the same version of Jeongsan in all processes", Err: err,
	}
}
