package fee

import (
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// windows finds the window that a date lies in.
type windows struct {
	name   string
	days   int         // of a rolling window
	starts domain.Date // empty: windows begin with the calendar's
	month  int         // of starts, from 1
	day    int         // of starts
}

func windowsOf(w Window, starts domain.Date) windows {
	made := windows{name: w.Name, days: w.RollingDays, starts: starts}
	if at, err := time.Parse(time.DateOnly, string(starts)); err == nil {
		made.month, made.day = int(at.Month()), at.Day()
	}
	return made
}

// beforeStart is the window of what happened before a lifetime began.
const beforeStart = "before"

// on names the window of a date, which must be one. A window that begins with the
// calendar's is named by it, any other by its first date.
func (w *windows) on(date domain.Date) string {
	switch {
	case w.days > 0 || w.name == WindowDay:
		return string(date)
	case w.name == WindowLifetime && date < w.starts:
		return beforeStart
	case w.name == WindowLifetime:
		return WindowLifetime
	case w.starts != "":
		first, _ := w.span(date)
		return string(first)
	case w.name == WindowMonth:
		return string(date[:len("2026-05")])
	case w.name == WindowQuarter:
		year, month := yearMonth(date)
		return strconv.Itoa(10000 + year)[1:] + "-Q" + strconv.Itoa((month+2)/3)
	default:
		return string(date[:len("2026")])
	}
}

// LateDays is for how many days beyond a rolling window its days are kept, so that
// transactions which come late find every day that they look back upon.
const LateDays = 31

// Continues reports whether an accumulator can go on with the sums of another one of
// its name: their windows are the same, or have names that never meet, or roll over
// numbers of days so near to each other that no day is dropped which either needs.
func (a *Accumulator) Continues(b *Accumulator) bool {
	if x, y := a.Window.RollingDays, b.Window.RollingDays; x > 0 && y > 0 {
		return max(x, y)-min(x, y) <= LateDays
	}
	return a.Window == b.Window && a.Starts == b.Starts || a.naming() != b.naming()
}

// naming is what a window's name is: a date, or else its own kind.
func (a *Accumulator) naming() string {
	if a.Window.Name == WindowLifetime || a.Starts == "" && a.Window.RollingDays == 0 && a.Window.Name != WindowDay {
		return a.Window.Name
	}
	return WindowDay
}

// months is the length of the windows that are counted in months, 0 of others.
func (w *windows) months() int {
	switch w.name {
	case WindowMonth:
		return 1
	case WindowQuarter:
		return 3
	case WindowYear:
		return 12
	}
	return 0
}

// span gives the first date of the window that a date lies in, and the first of
// the next. Both are empty where the window is rolling or has no end.
func (w *windows) span(date domain.Date) (first, next domain.Date) {
	length := w.months()
	switch {
	case w.name == WindowDay:
		return date, dateOf(date, 1)
	case length == 0:
		return "", ""
	}
	anchor, day := 1, 1
	if w.starts != "" {
		anchor, day = w.month, w.day
	}
	year, month := yearMonth(date)
	count := year*12 + month - anchor // months since the anchor of year 0
	begun := count - count%length
	if monthDay(begun+anchor, day) > date {
		begun -= length
	}
	return monthDay(begun+anchor, day), monthDay(begun+anchor+length, day)
}

func yearMonth(date domain.Date) (year, month int) {
	for _, c := range []byte(date[:4]) {
		year = year*10 + int(c-'0')
	}
	return year, int(date[5]-'0')*10 + int(date[6]-'0')
}

// monthDay is a day of a month counted from the year 0, or the last one where the
// month is shorter.
func monthDay(months, day int) domain.Date {
	first := time.Date(0, time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return domain.Date(first.AddDate(0, 0, min(day, last)-1).Format(time.DateOnly))
}

func dateOf(date domain.Date, later int) domain.Date {
	at, err := time.Parse(time.DateOnly, string(date))
	if err != nil {
		return ""
	}
	return domain.Date(at.AddDate(0, 0, later).Format(time.DateOnly))
}
