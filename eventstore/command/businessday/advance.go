package businessday

import (
	"context"
	"errors"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// stepsAtOnce is how many steps of a date are asked for in one call, once it is
// known that there is more than one: they are decided in order and appended together.
const stepsAtOnce = 64

// Progress is how far a book has come.
type Progress struct {
	Date domain.Date // reached; empty where it is not known
	// Dates is how many dates this call has reached, and Steps how many events that
	// took.
	Dates, Steps int
	// Position is that of the last step taken, or of the replay that ended the call.
	Position eventstore.Position
}

// Advance brings a book to a date, through every date between its own and this one.
// It is finished only where the book itself has said so; nothing is done for a date
// that the book has passed. reached hears of each date on the way; it may be nil.
//
// most bounds how many dates a book may be taken ahead, 0 for any number: it is then
// left where it is, with CodeConflict. The other errors are those of the door. After
// any of them, calling again goes on where it ended.
func Advance(ctx context.Context, door command.Door, id string, to domain.Date, most int, meta eventstore.Meta, reached func(Progress)) (Progress, error) {
	var p Progress
	if _, err := domain.ParseDate("date", string(to)); err != nil {
		return p, err
	}
	for date, batch := to, 1; ; {
		requests := make([]command.Request, batch)
		for i := range requests {
			requests[i] = command.Request{Command: book.AdvanceBusinessDate{Book: id, Date: date}, Meta: meta}
		}
		there, steps := false, p.Steps
		var failed error
		for _, reply := range door.Do(ctx, requests...) {
			if reply.Err != nil {
				failed = reply.Err
				break
			}
			p.Position = max(p.Position, reply.Position)
			if there = reply.Outcome == command.Replayed; there {
				break
			}
			p.Steps++
		}
		switch {
		case there:
			p.Date = date
			if p.Steps > steps || batch > 1 {
				p.Dates++
			}
			if reached != nil {
				reached(p)
			}
			if date == to {
				return p, nil
			}
			next, err := calendar.AddDays(date, 1)
			if err != nil {
				return p, err
			}
			date, batch = next, 1
		case failed == nil:
			batch = stepsAtOnce
		default:
			next, told := nextDate(failed)
			if !told || next >= date {
				return p, failed
			}
			if err := within(id, next, to, most); err != nil {
				return p, err
			}
			date, batch = next, 1
		}
	}
}

// nextDate is the date that a book names where it was asked for one too far ahead.
func nextDate(err error) (domain.Date, bool) {
	var fault *domain.Error
	if !errors.As(err, &fault) || fault.Code != domain.CodeConflict || fault.Field != "next_date" {
		return "", false
	}
	date, err := domain.ParseDate("next_date", fault.Value)
	return date, err == nil
}

func within(id string, next, to domain.Date, most int) error {
	days, err := calendar.Days(next, to)
	if err != nil || most == 0 || days < most {
		return err
	}
	return &domain.Error{
		Code: domain.CodeConflict, Field: "date", Value: string(to), Message: "book " + id + " is due for " + string(next) + ", and a business date that far ahead is not believed: it cannot be taken back",
		Remedy: "set the clock right; if it is right, run jeongsan advance --book " + id + " --date " + string(to),
	}
}
