package command

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
)

// routed is a command for a rare aggregate: its stream, and the job less what it
// shares with the other jobs of the call.
type routed struct {
	category string
	stream   domain.StreamID
	key      string
	command  domain.Command
}

// route finds the aggregate of a command and fills in what callers leave to the
// door. It refuses what names no stream, and what names something that is not there.
func (l *Local) route(ctx context.Context, command domain.Command, now time.Time) (routed, error) {
	switch c := command.(type) {
	case party.RegisterParty:
		if err := domain.CheckID("party", c.Party); err != nil {
			return routed{}, err
		}
		var err error
		c.RecordedAt = now
		c.Personal, err = l.sealDetails(ctx, c.Party, c.Details)
		return to(party.Category, c.Party, c, ""), err
	case party.ChangePartyDetails:
		if err := domain.CheckID("party", c.Party); err != nil {
			return routed{}, err
		}
		var err error
		c.RecordedAt = now
		c.Personal, err = l.sealDetails(ctx, c.Party, c.Details)
		return to(party.Category, c.Party, c, ""), err
	case contract.SignContract:
		if err := domain.CheckID("contract", c.Contract); err != nil {
			return routed{}, err
		}
		c.RecordedAt = now
		return to(contract.Category, c.Contract, c, ""), l.view.checkTerms(ctx, &c.Terms)
	case contract.EndContract:
		c.RecordedAt = now
		return to(contract.Category, c.Contract, c, ""), domain.CheckID("contract", c.Contract)
	case schedule.PublishSchedule:
		c.RecordedAt = now
		if err := domain.CheckID("schedule", c.Schedule); err != nil {
			return routed{}, err
		}
		return to(schedule.Category, c.Schedule, c, strconv.Itoa(c.Version)), l.view.checkVersion(ctx, c.Document)
	case calendar.PublishCalendar:
		c.RecordedAt = now
		return to(calendar.Category, c.Calendar, c, strconv.Itoa(c.Version)), domain.CheckID("calendar", c.Calendar)
	case source.DefineSource:
		c.RecordedAt = now
		return to(source.Category, c.Source, c, ""), domain.CheckID("source", c.Source)
	case source.QuarantineRecord:
		if err := domain.CheckID("source", c.Source); err != nil {
			return routed{}, err
		}
		c.RecordedAt = now
		sealed, err := l.keys.Seal(ctx, string(domain.Stream(source.Category, c.Source)), c.Raw)
		c.Sealed = sealed
		return to(source.Category, c.Source, c, c.Record+"/"+c.ContentHash), err
	case source.ReleaseQuarantine:
		c.RecordedAt = now
		return to(source.Category, c.Source, c, c.Record+"/"+c.ContentHash), domain.CheckID("source", c.Source)
	case source.CloseDelivery:
		c.RecordedAt = now
		return to(source.Category, c.Source, c, c.Delivery), domain.CheckID("source", c.Source)
	}
	return routed{}, &domain.Error{Code: domain.CodeInvalid, Field: "command", Value: command.CommandType(), Message: "no aggregate takes this command"}
}

// to addresses a command. Its key for event ids is its type and what it is about
// within the stream.
func to(category, id string, command domain.Command, about string) routed {
	return routed{category, domain.Stream(category, id), command.CommandType() + "/" + about, command}
}

// sealDetails closes the envelope of a party's personal data.
func (l *Local) sealDetails(ctx context.Context, id string, details *party.Details) (*domain.Sealed, error) {
	if details == nil || *details == (party.Details{}) {
		return nil, nil
	}
	plain, err := json.Marshal(details)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "details", Message: "the details cannot be written", Err: err}
	}
	sealed, err := l.keys.Seal(ctx, string(domain.Stream(party.Category, id)), plain)
	if err != nil {
		return nil, err
	}
	return &sealed, nil
}
