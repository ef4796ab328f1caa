package calendar

import (
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

const secondsPerDay = 24 * 60 * 60

// AddDays returns the date that lies days later, or earlier where days is
// negative. The error is CodeInvalid where date is none, CodeOutOfRange where the
// result is not a date of the years 1 to 9999.
func AddDays(date domain.Date, days int) (domain.Date, error) {
	n, err := number(date)
	if err != nil {
		return "", err
	}
	const most = 9999 * 366 // days, more than any two dates lie apart
	if days < -most || days > most {
		return "", beyond(date, days)
	}
	if later, ok := dateOf(n + days); ok {
		return later, nil
	}
	return "", beyond(date, days)
}

// Days counts the days from one date to another; negative where to is earlier.
func Days(from, to domain.Date) (int, error) {
	a, err := number(from)
	if err != nil {
		return 0, err
	}
	b, err := number(to)
	return b - a, err
}

// MonthEnd returns the last date of the date's month.
func MonthEnd(date domain.Date) (domain.Date, error) { return dayOfMonth(date, 0, 31) }

// dayOfMonth returns a day of the month that lies some months later; a month that
// is shorter gives its last day.
func dayOfMonth(date domain.Date, months, day int) (domain.Date, error) {
	at, err := parse(date)
	if err != nil {
		return "", err
	}
	first := time.Date(at.Year(), at.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1)
	if first.Year() < 1 || first.Year() > 9999 {
		return "", &domain.Error{
			Code: domain.CodeOutOfRange, Field: "date", Value: string(date),
			Message: strconv.Itoa(months) + " months later is not a date of the years 1 to 9999", Remedy: "correct the date",
		}
	}
	return domain.Date(first.AddDate(0, 0, min(day, last.Day())-1).Format(time.DateOnly)), nil
}

func beyond(date domain.Date, days int) error {
	return &domain.Error{
		Code: domain.CodeOutOfRange, Field: "date", Value: string(date),
		Message: strconv.Itoa(days) + " days later is not a date of the years 1 to 9999", Remedy: "correct the date or the number of days",
	}
}

func parse(date domain.Date) (time.Time, error) {
	at, err := time.Parse(time.DateOnly, string(date))
	if err != nil || at.Year() < 1 {
		_, err = domain.ParseDate("date", string(date))
	}
	return at, err
}

// number counts days since 1970-01-01.
func number(date domain.Date) (int, error) {
	at, err := parse(date)
	seconds := at.Unix() // midnight: a multiple of a day, also before 1970
	return int(seconds / secondsPerDay), err
}

// dateOf is the inverse of number; not ok outside of the years 1 to 9999.
func dateOf(number int) (domain.Date, bool) {
	at := time.Unix(int64(number)*secondsPerDay, 0).UTC()
	return domain.Date(at.Format(time.DateOnly)), at.Year() >= 1 && at.Year() <= 9999
}

// weekdayOf names the day of the week; day 0 of number was a Thursday.
func weekdayOf(number int) Weekday { return weekdays[((number+3)%7+7)%7] }
