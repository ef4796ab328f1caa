package calendar

import (
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
)

// MostDays bounds the days of a value date: ten years.
const MostDays = 3660

// ValueDate says when what belongs to a date falls due: from the date itself, the
// end of its week, or a day of its own or a later month, so many days or business
// days on, and then rolled to a business day. At least one of the first four is
// set; not both of Days and BusinessDays, nor both of Weekly and Monthly.
type ValueDate struct {
	Days *int `json:"days,omitempty" yaml:"days,omitempty"`
	// BusinessDays counts as Calendar.AddBusinessDays does; zero is the date itself,
	// or the next business day.
	BusinessDays *int     `json:"business_days,omitempty" yaml:"business_days,omitempty"`
	Weekly       *Weekly  `json:"weekly,omitempty" yaml:"weekly,omitempty"`
	Monthly      *Monthly `json:"monthly,omitempty" yaml:"monthly,omitempty"`
	// Calendar names the calendar of BusinessDays and of Roll; without either it is
	// left out.
	Calendar string `json:"calendar,omitempty" yaml:"calendar,omitempty"`
	// Roll moves a result that is no business day. Left out, it stays.
	Roll Roll `json:"roll,omitempty" yaml:"roll,omitempty"`
}

// Weekly goes to the end of the week in which a date lies.
type Weekly struct {
	Ends Weekday `json:"ends" yaml:"ends"` // the last day of the week, itself still in it
}

// Monthly goes to a day of a month, as the 15th of the next one.
type Monthly struct {
	// Day is 1 to 31; a shorter month gives its last day, so 31 is always that.
	Day int `json:"day" yaml:"day"`
	// Months says how many months later Day lies: 1 where left out. With Day 31 and
	// 0 months it is the end of the date's own month.
	Months *int `json:"months,omitempty" yaml:"months,omitempty"`
}

// mostMonths bounds Monthly.Months.
const mostMonths = 120

// Due returns the date on which what belongs to a date falls due. It may lie before
// it, as a day of the same month can: then it is due at once. calendars finds
// a calendar by its id; it is asked only where the value date names one, and its
// error is passed on. The other errors are those of Calendar and AddDays.
func (v ValueDate) Due(date domain.Date, calendars func(id string) (*Calendar, error)) (domain.Date, error) {
	var c *Calendar
	if v.Calendar != "" {
		found, err := calendars(v.Calendar)
		if err != nil {
			return "", err
		}
		c = found
	}
	from, err := v.From(date)
	if err != nil {
		return "", err
	}
	due, err := v.count(from, c)
	if err != nil || c == nil {
		return due, err
	}
	return c.Roll(due, v.Roll)
}

// From returns the date that days are counted from: the date itself, the end of
// its week, or the day of the month.
func (v ValueDate) From(date domain.Date) (domain.Date, error) {
	switch {
	case v.Monthly != nil:
		return dayOfMonth(date, v.Monthly.months(), v.Monthly.Day)
	case v.Weekly == nil:
		_, err := number(date)
		return date, err
	}
	n, err := number(date)
	if err != nil {
		return "", err
	}
	ends := slices.Index(weekdays[:], v.Weekly.Ends)
	if ends < 0 {
		return "", unset("weekly.ends")
	}
	return AddDays(date, (ends-slices.Index(weekdays[:], weekdayOf(n))+7)%7)
}

// count adds what is set to the date that days are counted from.
func (v ValueDate) count(from domain.Date, c *Calendar) (domain.Date, error) {
	switch {
	case v.Days != nil:
		return AddDays(from, *v.Days)
	case v.BusinessDays != nil && c == nil:
		return "", unset("calendar")
	case v.BusinessDays != nil:
		return c.AddBusinessDays(from, *v.BusinessDays)
	case v.Weekly == nil && v.Monthly == nil:
		return "", unset("days")
	}
	return from, nil
}

func (m *Monthly) months() int {
	if m.Months == nil {
		return 1
	}
	return *m.Months
}

// unset is the fault of a value date that was never checked.
func unset(field string) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: field, Message: "the value date does not say when it falls due", Remedy: "check it before it is used"}
}

// String describes the value date, as "15 business days (kr) after the week that
// ends on sunday".
func (v ValueDate) String() string {
	from := ""
	switch {
	case v.Weekly != nil:
		from = "the week that ends on " + string(v.Weekly.Ends)
	case v.Monthly != nil:
		from = "day " + strconv.Itoa(v.Monthly.Day) + " of the month " + strconv.Itoa(v.Monthly.months()) + " later"
	}
	var text string
	switch {
	case v.Days != nil:
		text = strconv.Itoa(*v.Days) + " days"
	case v.BusinessDays != nil:
		text = strconv.Itoa(*v.BusinessDays) + " business days (" + v.Calendar + ")"
	}
	switch {
	case text == "":
		text = from
	case from != "":
		text += " after " + from
	}
	if v.Roll != "" {
		text += ", " + string(v.Roll) + " (" + v.Calendar + ")"
	}
	return text
}
