package verify

import (
	"strconv"
	"time"
)

// daybook is one version of a calendar of business days.
type daybook struct {
	id          string
	version     uint64
	first, last uint64 // years that are covered in full
	weekend     [7]bool
	listed      map[string]bool // dates that are named: whether there is business
}

func (f *fold) calendarEvent(e *event) error {
	e.daybook = daybook{listed: map[string]bool{}}
	if err := f.readable(e, f.decodeCalendar(e)); err != nil {
		return err
	}
	d := &e.daybook
	if err := f.named(e, "calendar", d.id); err != nil {
		return err
	}
	if d.version != e.revision+1 {
		return e.differs(checkReferences, "version "+strconv.FormatUint(e.revision+1, 10), "version "+strconv.FormatUint(d.version, 10))
	}
	e.stream.calendar = append(e.stream.calendar, *d)
	f.counts.Calendars++
	return nil
}

func (f *fold) decodeCalendar(e *event) error {
	d, s := &e.daybook, &f.scan
	s.reset(e.data)
	return s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "calendar":
			d.id, err = f.word()
		case "version":
			d.version, err = s.natural()
		case "first_year":
			d.first, err = s.natural()
		case "last_year":
			d.last, err = s.natural()
		case "weekend":
			err = s.array(func() error {
				name, err := f.word()
				if err != nil {
					return err
				}
				day, ok := weekdayOf(name)
				if !ok {
					return s.fail("no day of the week: " + name)
				}
				d.weekend[day] = true
				return nil
			})
		case "holidays":
			err = f.decodeDays(d, false)
		case "workdays":
			err = f.decodeDays(d, true)
		case "recorded_at":
			e.recordedAt, err = s.instant()
		default:
			err = s.skip()
		}
		return err
	})
}

func (f *fold) decodeDays(d *daybook, business bool) error {
	return f.scan.array(func() error {
		return f.scan.object(func(key []byte) error {
			if string(key) != "on" {
				return f.scan.skip()
			}
			on, err := f.date()
			d.listed[on] = business
			return err
		})
	})
}

func weekdayOf(name string) (time.Weekday, bool) {
	for i, known := range []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"} {
		if known == name {
			return time.Weekday(i), true
		}
	}
	return 0, false
}

// business reports whether there is business on a date that the calendar covers.
func (d *daybook) business(day time.Time) (bool, error) {
	if year := uint64(day.Year()); year < d.first || year > d.last {
		return false, wrong(day.Format(time.DateOnly) + " is outside of what calendar " + d.id + " covers")
	}
	if business, named := d.listed[day.Format(time.DateOnly)]; named {
		return business, nil
	}
	return !d.weekend[day.Weekday()], nil
}

// next goes on by a step of one day, forward or back, to a day of business, from
// the date itself on.
func (d *daybook) next(day time.Time, step int) (time.Time, error) {
	for {
		business, err := d.business(day)
		if err != nil || business {
			return day, err
		}
		day = day.AddDate(0, 0, step)
	}
}

// later counts business days after a date; none is the date itself or the next
// business day.
func (d *daybook) later(day time.Time, count uint64) (time.Time, error) {
	if count == 0 {
		return d.next(day, 1)
	}
	if _, err := d.business(day); err != nil {
		return day, err
	}
	var err error
	for ; count > 0 && err == nil; count-- {
		day, err = d.next(day.AddDate(0, 0, 1), 1)
	}
	return day, err
}

// rolled moves a date that is no business day.
func (d *daybook) rolled(day time.Time, roll string) (time.Time, error) {
	switch roll {
	case "":
		_, err := d.business(day)
		return day, err
	case "following":
		return d.next(day, 1)
	case "preceding":
		return d.next(day, -1)
	case "modified_following":
		// Beyond the last year that is covered lies another month too.
		if following, err := d.next(day, 1); err == nil && following.Month() == day.Month() {
			return following, nil
		}
		return d.next(day, -1)
	}
	return day, wrong("no way to roll a date: " + roll)
}

// valueDate says when what belongs to a date falls due.
type valueDate struct {
	days, businessDays *uint64
	weekEnds           string
	monthly            bool
	day, months        uint64
	calendar, roll     string
}

// decodeValueDate reads one member of what says when a hold ends; taken is false
// where it is none of these.
func (f *fold) decodeValueDate(key []byte, v *valueDate) (taken bool, err error) {
	s := &f.scan
	switch string(key) {
	case "days":
		v.days, err = f.decodeNatural()
	case "business_days":
		v.businessDays, err = f.decodeNatural()
	case "calendar":
		v.calendar, err = f.kept()
	case "roll":
		v.roll, err = f.kept()
	case "weekly":
		err = s.object(func(key []byte) (err error) {
			if string(key) == "ends" {
				v.weekEnds, err = f.kept()
				return err
			}
			return s.skip()
		})
	case "monthly":
		v.monthly, v.months = true, 1
		err = s.object(func(key []byte) (err error) {
			switch string(key) {
			case "day":
				v.day, err = s.natural()
			case "months":
				v.months, err = s.natural()
			default:
				err = s.skip()
			}
			return err
		})
	default:
		return false, nil
	}
	return true, err
}

// decodeNatural reads a whole number that may be missing.
func (f *fold) decodeNatural() (*uint64, error) {
	if f.scan.null() {
		return nil, nil
	}
	n, err := f.scan.natural()
	return &n, err
}

// due works out when what belongs to a date falls due. The calendar is nil where
// none is named.
func (v *valueDate) due(date string, by *daybook) (string, error) {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return "", err
	}
	switch {
	case v.monthly:
		day = dayOfMonth(day, int(v.months), int(v.day))
	case v.weekEnds != "":
		ends, ok := weekdayOf(v.weekEnds)
		if !ok {
			return "", wrong("no day of the week: " + v.weekEnds)
		}
		for day.Weekday() != ends {
			day = day.AddDate(0, 0, 1)
		}
	}
	switch {
	case v.calendar != "" && by == nil:
		return "", wrong("it is not told which version of calendar " + v.calendar + " was looked at")
	case v.days != nil:
		day = day.AddDate(0, 0, int(*v.days))
	case v.businessDays != nil:
		if by == nil {
			return "", wrong("business days without a calendar")
		}
		if day, err = by.later(day, *v.businessDays); err != nil {
			return "", err
		}
	}
	if v.calendar != "" {
		if day, err = by.rolled(day, v.roll); err != nil {
			return "", err
		}
	}
	return day.Format(time.DateOnly), nil
}

// dayOfMonth is a day of the month that lies some months later, or its last.
func dayOfMonth(day time.Time, months, of int) time.Time {
	first := time.Date(day.Year(), day.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(of, last)-1)
}
