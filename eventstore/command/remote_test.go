package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
)

// remoteOf serves a door and returns the door of another process to it.
func remoteOf(t testing.TB, door Door) (Door, *httptest.Server) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(Path, Serve(door, quiet))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client := server.Client()
	t.Cleanup(client.CloseIdleConnections)
	return NewRemote(server.URL+"/", client), server
}

func TestRemoteDoesWhatLocalDoes(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	remote, _ := remoteOf(t, l)
	seed(t, remote)
	replies := do(remote, sale("A"), sale("A"), refund("B", "A", 500), refund("C", "none", 1), quarantined(3), reversal("R", "B"))
	applied(t, replies[0], replies[2], replies[4], replies[5])
	replayed(t, replies[1])
	refused(t, domain.CodeMissingOriginal, replies[3])
	local := do(l, sale("A"), sale("A"), refund("B", "A", 500), refund("C", "none", 1), quarantined(3), reversal("R", "B"))
	for i := range replies {
		require.Equal(t, replies[i].Ref, local[i].Ref)
		if replies[i].Err != nil {
			require.EqualError(t, replies[i].Err, local[i].Err.Error())
		}
	}
	require.Empty(t, remote.Do(t.Context()))
	replies = do(remote, sales(0, mostRequests+10)...)
	applied(t, replies...)
	require.Len(t, replies, mostRequests+10)
}

// seen keeps what it was asked.
type seen struct{ requests []Request }

func (s *seen) Do(_ context.Context, requests ...Request) []Reply {
	s.requests = append(s.requests, requests...)
	return make([]Reply, len(requests))
}

// TestEveryCommandTravels: whatever may be asked arrives as it was asked.
func TestEveryCommandTravels(t *testing.T) {
	amount := money.New(-125, 2)
	everything := map[string]domain.Command{}
	full := sale("A")
	full.Transaction.OriginalID, full.Policy.SettleUnmatched, full.Policy.SubMinor = "O", true, true
	target := book.Key{Source: "pg-1", ExternalID: "A"}
	adjusted := adjustment("X", 5)
	adjusted.Adjusts, adjusted.Postings[0].HoldUntil, adjusted.Postings[0].Into = &target, "2026-12-01", "payable"
	adjusted.Restates = &book.Restatement{Rerating: "r", Replaces: 3, Refunded: amount, Contract: "c", Schedule: "s", Version: 2, Engine: 2, Postings: []ledger.Posting{adjusted.Postings[1].Posting}, Explanation: []fee.Line{}}
	for _, c := range []domain.Command{
		full, reversal("R", "A"), adjusted, book.AdvanceBusinessDate{Book: "main", Date: "2026-11-23"}, parties[3], party.ChangePartyDetails{Party: "studio", Details: &party.Details{Name: "N"}},
		contract.SignContract{Terms: terms("c", "main")}, contract.EndContract{Contract: "c", Until: "2026-12-01", Reason: "over"},
		schedule.PublishSchedule{Document: standard}, bank(1, "2026-12-25"), source.DefineSource{Source: "s", Definition: "d: <&>\n"},
		source.QuarantineRecord{Source: "s", Record: "r", ContentHash: "1:a", Delivery: "d", Offset: 1, Code: "c", Field: "f", Reason: "r", Raw: []byte{0, 255}, Currency: "USD", Amount: &amount},
		source.ReleaseQuarantine{Source: "s", Record: "r", ContentHash: "1:a", Settled: domain.Ref{Stream: "book-main", Revision: 3}},
		source.CloseDelivery{Source: "s", Delivery: "d", Name: "n", Bytes: 1, Version: 2, Counts: source.Counts{Read: 1, Settled: 1, Ignored: map[string]uint64{"a": 1}}, Totals: []source.Total{{Currency: "USD", Read: "1"}}},
	} {
		everything[c.CommandType()] = c
	}
	for _, known := range commands {
		c, sample := everything[known.name]
		require.True(t, sample, known.name)
		door := &seen{}
		remote, server := remoteOf(t, door)
		meta := eventstore.Meta{Actor: "a", Authenticated: "key", Request: "r", Correlation: "c", Causation: "x@1", Delivery: "d", Offset: 4, RecordedAt: noon, Schema: 1}
		replies := remote.Do(t.Context(), Request{Command: c, Meta: meta})
		require.NoError(t, replies[0].Err)
		require.Empty(t, cmp.Diff([]Request{{Command: c, Meta: meta}}, door.requests, cmp.AllowUnexported(money.Amount{})))
		server.Close()
	}
}

func TestServeRefusesWhatItCannotRead(t *testing.T) {
	door := &seen{}
	handler := Serve(door, quiet)
	for name, c := range map[string]struct {
		method, media, body string
		status              int
		field               string
	}{
		"get":             {"GET", "application/json", "", 405, "method"},
		"form":            {"POST", "application/x-www-form-urlencoded", "a=b", 415, "Content-Type"},
		"not json":        {"POST", "application/json", "{", 400, "body"},
		"unknown key":     {"POST", "application/json", `{"requests":[],"then":1}`, 400, "body"},
		"two values":      {"POST", "application/json", `{"requests":[]}{}`, 400, "body"},
		"unknown command": {"POST", "application/json", `{"requests":[{"command":"Print","data":{},"meta":{}}]}`, 400, "requests[0].command"},
		"unknown field":   {"POST", "application/json; charset=utf-8", `{"requests":[{"command":"EndContract","data":{"contract":"c","when":1},"meta":{}}]}`, 400, "requests[0].data"},
		"filled in":       {"POST", "application/json", `{"requests":[{"command":"EndContract","data":{"contract":"c","RecordedAt":"2026-01-01T00:00:00Z"},"meta":{}}]}`, 400, "requests[0].data"},
		"bad amount":      {"POST", "application/json", `{"requests":[{"command":"SettleTransaction","data":{"transaction":{"amount":1.5}},"meta":{}}]}`, 400, "requests[0].data"},
		"too many":        {"POST", "application/json", `{"requests":[` + strings.Repeat(`{},`, mostRequests) + `{}]}`, 400, "requests"},
		"too large":       {"POST", "application/json", `{"requests":[{"command":"` + strings.Repeat("x", mostBytes) + `"}]}`, 413, "body"},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(c.method, Path, strings.NewReader(c.body))
			request.Header.Set("Content-Type", c.media)
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			require.Equal(t, c.status, recorder.Code)
			var e struct {
				Code, Field, Message string
			}
			require.NoError(t, json.NewDecoder(bytes.NewReader(recorder.Body.Bytes())).Decode(&e))
			require.Equal(t, c.field, e.Field)
			require.NotEmpty(t, e.Code)
			require.NotEmpty(t, e.Message)
		})
	}
	require.Empty(t, door.requests)
}

// TestRemoteTellsWhetherItMayHaveHappened: unavailable only where the other
// process surely got nothing.
func TestRemoteTellsWhetherItMayHaveHappened(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	refused(t, domain.CodeUnavailable, do(NewRemote(gone.URL, client), sale("A"), sale("B"))...)
	refused(t, domain.CodeInvalid, do(NewRemote("http://[::1", client), sale("A"))...)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	refused(t, domain.CodeUnavailable, NewRemote(gone.URL, client).Do(canceled, Request{Command: sale("A")})...)

	serving := func(t *testing.T, handle http.HandlerFunc) Door {
		server := httptest.NewServer(handle)
		t.Cleanup(server.Close)
		t.Cleanup(client.CloseIdleConnections)
		return NewRemote(server.URL, client)
	}
	for name, c := range map[string]struct {
		code   domain.Code
		handle http.HandlerFunc
	}{
		"connection lost":   {domain.CodeOutcomeUnknown, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		"answer cut off":    {domain.CodeOutcomeUnknown, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"replies":[`) }},
		"answer of another": {domain.CodeOutcomeUnknown, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"replies":[]}`) }},
		"gateway":           {domain.CodeOutcomeUnknown, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) }},
		"refused as a whole": {domain.CodeInvalid, func(w http.ResponseWriter, _ *http.Request) {
			refuseCall(w, quiet, 400, &domain.Error{Code: domain.CodeInvalid, Message: "no", Err: errors.New("cause")})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, c.code, do(serving(t, c.handle), sale("A"))...)
		})
	}
	huge := quarantined(1)
	huge.Raw = make([]byte, callBytes)
	replies := do(serving(t, Serve(&seen{}, quiet).ServeHTTP), huge, quarantined(2))
	refused(t, domain.CodeInvalid, replies[0])
	require.NoError(t, replies[1].Err)
}

func TestFaultsKeepTheirParts(t *testing.T) {
	whole := &domain.Error{Code: domain.CodeInvalid, Field: "f", Value: "v", Message: "m", Remedy: "r", Err: errors.New("c")}
	encoded, err := json.Marshal(faultOf(whole))
	require.NoError(t, err)
	var f fault
	require.NoError(t, strictly(bytes.NewReader(encoded), &f))
	require.EqualError(t, f.err(), whole.Error())
	require.Equal(t, domain.CodeInternal, domain.CodeOf(faultOf(errors.New("plain")).err()))
	require.Nil(t, faultOf(nil))
}
