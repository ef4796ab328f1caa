package businessday

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// Day says when business dates begin: at a time of day in a zone. The zero Day is
// that of UTC, from midnight.
type Day struct {
	zone   *time.Location
	hour   int
	minute int
}

// ParseDay reads an IANA zone and a time of day, as "Asia/Seoul" and "06:00". Empty
// texts are UTC and midnight. The errors are CodeInvalid and name business-zone or
// business-day-starts.
func ParseDay(zone, starts string) (Day, error) {
	d := Day{zone: time.UTC}
	if zone != "" {
		found, err := time.LoadLocation(zone)
		if err != nil || zone == "Local" {
			return d, &domain.Error{Code: domain.CodeInvalid, Field: "business-zone", Value: zone, Message: "no such time zone", Remedy: "use an IANA name, as Asia/Seoul", Err: err}
		}
		d.zone = found
	}
	if starts != "" {
		at, err := time.Parse("15:04", starts)
		if err != nil || len(starts) != len("15:04") {
			return d, &domain.Error{Code: domain.CodeInvalid, Field: "business-day-starts", Value: starts, Message: "not a time of day", Remedy: "write it as 06:00", Err: err}
		}
		d.hour, d.minute = at.Hour(), at.Minute()
	}
	return d, nil
}

// Zone is the zone in which business dates are read.
func (d Day) Zone() *time.Location {
	if d.zone == nil {
		return time.UTC
	}
	return d.zone
}

// On is the business date of an instant: the date in the zone, or the one before it
// while the time of day has not come yet.
func (d Day) On(t time.Time) domain.Date {
	local := t.In(d.Zone())
	if hour, minute, _ := local.Clock(); hour < d.hour || hour == d.hour && minute < d.minute {
		year, month, day := local.Date()
		local = time.Date(year, month, day-1, 12, 0, 0, 0, time.UTC)
	}
	return domain.Date(local.Format(time.DateOnly))
}
