package main

import (
	"errors"
	"fmt"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
)

// describe names what a command is about, for messages.
func describe(c domain.Command) string {
	switch c := c.(type) {
	case party.RegisterParty:
		return "party " + c.Party
	case schedule.PublishSchedule:
		return fmt.Sprintf("schedule %s version %d", c.Schedule, c.Version)
	case calendar.PublishCalendar:
		return fmt.Sprintf("calendar %s version %d", c.Calendar, c.Version)
	case contract.SignContract:
		return "contract " + c.Contract
	}
	return c.CommandType()
}

// explainInUse adds what to do where the data directory is held by a running server.
func (p *program) explainInUse(err error) error {
	var e *domain.Error
	if errors.As(err, &e) && e.Field == "data" && e.Code == domain.CodeConflict {
		r, found, readErr := p.runningServer()
		switch {
		case readErr != nil || !found:
		case r.Server != "":
			e.Remedy = "send to the running server with --server " + r.Server + ", or stop it"
		case r.EventStore != "":
			e.Remedy = "use the running event store with --eventstore '" + r.EventStore + "' and a data directory of your own, or stop it"
		}
	}
	return err
}
