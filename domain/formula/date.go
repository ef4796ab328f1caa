package formula

import "time"

// dayCount is the number of days from 0000-03-01 to a date written 2026-11-22, in
// the Gregorian calendar; not ok where it is no date of the years 0001 to 9999.
func dayCount(s string) (int64, bool) {
	y, m, d, ok := civil(s)
	if !ok {
		return 0, false
	}
	if m <= 2 { // the year begins in March, so that the leap day is its last
		y, m = y-1, m+12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1, true
}

// civil reads year, month and day.
func civil(s string) (y, m, d int64, ok bool) {
	if len(s) != len(time.DateOnly) || s[4] != '-' || s[7] != '-' {
		return 0, 0, 0, false
	}
	y, okY := digits(s[:4])
	m, okM := digits(s[5:7])
	d, okD := digits(s[8:])
	ok = okY && okM && okD && y >= 1 && m >= 1 && m <= 12 && d >= 1 && d <= daysIn(y, m)
	return y, m, d, ok
}

func digits(s string) (n int64, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

func daysIn(y, m int64) int64 {
	switch {
	case m == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0):
		return 29
	case m == 2:
		return 28
	case m == 4 || m == 6 || m == 9 || m == 11:
		return 30
	}
	return 31
}

// weekday is 1 on Monday to 7 on Sunday: day 0 is a Wednesday.
func weekday(day int64) int64 { return (day+2)%7 + 1 }
