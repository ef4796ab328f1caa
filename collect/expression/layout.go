package expression

import (
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// layout reads instants written in a strptime-like layout: %Y %m %d %H %M %S,
// %y (69 to 99 are of the twentieth century), %b (English month, three letters),
// %I and %p (twelve hours), %f (up to nine decimals of a second), %z (Z, +0900,
// +09:00) and %%. Anything else stands for itself. %d, %H and their like also
// take one digit.
type layout struct {
	steps []step
	zone  *time.Location // nil where the layout has %z
}

type step struct {
	verb    byte // 0 for a literal
	literal string
}

const layoutRemedy = `use a layout such as "%Y-%m-%d %H:%M:%S" and an IANA zone such as "Asia/Seoul"`

func invalid(message, remedy string) *domain.Error {
	return &domain.Error{Code: domain.CodeInvalid, Message: message, Remedy: remedy}
}

// newLayout checks a layout and loads the zone; the zone is empty exactly where
// the layout has %z.
func newLayout(text, zone string) (*layout, *domain.Error) {
	l := &layout{}
	seen := map[byte]bool{}
	for rest := text; rest != ""; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			l.steps = append(l.steps, step{literal: rest})
			break
		}
		if i > 0 {
			l.steps = append(l.steps, step{literal: rest[:i]})
		}
		if i+1 == len(rest) {
			return nil, invalid("the layout ends after %", layoutRemedy)
		}
		verb := rest[i+1]
		rest = rest[i+2:]
		switch {
		case verb == '%':
			l.steps = append(l.steps, step{literal: "%"})
			continue
		case !strings.ContainsRune("YymbdHIMSpfz", rune(verb)):
			return nil, invalid("the layout has the unknown part %"+string(rune(verb)), "use %Y %y %m %b %d %H %I %M %S %p %f %z")
		case seen[verb]:
			return nil, invalid("the layout has %"+string(rune(verb))+" twice", "")
		}
		seen[verb] = true
		l.steps = append(l.steps, step{verb: verb})
	}
	if seen['Y'] == seen['y'] || seen['m'] == seen['b'] || !seen['d'] {
		return nil, invalid("the layout does not make a date", "it needs %Y or %y, %m or %b, and %d")
	}
	if seen['H'] && seen['I'] || seen['I'] != seen['p'] || seen['M'] && !seen['H'] && !seen['I'] {
		return nil, invalid("the layout does not make a time of day", "use %H, or %I with %p, before %M")
	}
	switch {
	case seen['z'] && zone != "":
		return nil, invalid("the layout has %z and a zone is given too", "leave out one of them")
	case seen['z']:
		return l, nil
	case zone == "" || zone == "Local":
		return nil, invalid("a time without %z needs a zone", layoutRemedy)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, invalid("unknown time zone "+zone, "use an IANA name such as Asia/Seoul or Europe/London")
	}
	l.zone = location
	return l, nil
}

type reading struct {
	year, month, day, hour, minute, second, nano int
	afternoon, half                              bool
	offset                                       int
}

// read parses a whole text. The error does not repeat it.
func (l *layout) read(s string) (time.Time, *domain.Error) {
	var r reading
	for _, step := range l.steps {
		rest, ok := r.take(step, s)
		if !ok {
			return time.Time{}, invalid("the text is not a time in the layout of the definition", "correct the layout or the record")
		}
		s = rest
	}
	if s != "" {
		return time.Time{}, invalid("the text goes on after the time", "correct the layout or the record")
	}
	if r.half {
		if r.hour < 1 || r.hour > 12 {
			return time.Time{}, invalid("there is no such time of day", "")
		}
		r.hour %= 12
		if r.afternoon {
			r.hour += 12
		}
	}
	zone := l.zone
	if zone == nil {
		zone = time.FixedZone("", r.offset)
	}
	return r.in(zone)
}

// in finds the instant of a local time. A local time that a change of the clock
// leaves out is refused; of one that occurs twice the first is taken.
func (r *reading) in(zone *time.Location) (time.Time, *domain.Error) {
	t := time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.second, r.nano, zone)
	if !r.same(t) {
		if utc := time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.second, r.nano, time.UTC); !r.same(utc) {
			return time.Time{}, invalid("there is no such date or time of day", "correct the record")
		}
		return time.Time{}, invalid("the clocks of the zone left out this local time", "check the zone of the definition")
	}
	if start, _ := t.ZoneBounds(); !start.IsZero() {
		_, now := t.Zone()
		_, before := start.Add(-time.Second).Zone()
		if earlier := t.Add(time.Duration(now-before) * time.Second); earlier.Before(start) && r.same(earlier) {
			t = earlier
		}
	}
	return t.UTC(), nil
}

func (r *reading) same(t time.Time) bool {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return year == r.year && int(month) == r.month && day == r.day && hour == r.hour && minute == r.minute && second == r.second
}

var months = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// take reads one step and returns the rest of the text.
func (r *reading) take(st step, s string) (string, bool) {
	var ok bool
	switch st.verb {
	case 0:
		return strings.CutPrefix(s, st.literal)
	case 'Y':
		return take(s, 4, 4, &r.year)
	case 'y':
		if s, ok = take(s, 2, 2, &r.year); ok {
			r.year += 1900
			if r.year < 1969 {
				r.year += 100
			}
		}
		return s, ok
	case 'm':
		return take(s, 1, 2, &r.month)
	case 'b':
		for i, name := range months {
			if len(s) >= 3 && strings.EqualFold(s[:3], name) {
				r.month = i + 1
				return s[3:], true
			}
		}
		return s, false
	case 'd':
		return take(s, 1, 2, &r.day)
	case 'H':
		return take(s, 1, 2, &r.hour)
	case 'I':
		r.half = true
		return take(s, 1, 2, &r.hour)
	case 'p':
		r.afternoon = len(s) > 1 && (s[0] == 'P' || s[0] == 'p')
		return s[min(2, len(s)):], len(s) > 1 && (strings.EqualFold(s[:2], "am") || strings.EqualFold(s[:2], "pm"))
	case 'M':
		return take(s, 1, 2, &r.minute)
	case 'S':
		return take(s, 1, 2, &r.second)
	case 'f':
		rest, ok := take(s, 1, 9, &r.nano)
		for range 9 - (len(s) - len(rest)) {
			r.nano *= 10
		}
		return rest, ok
	case 'z':
		return r.takeOffset(s)
	}
	return s, false
}

func (r *reading) takeOffset(s string) (string, bool) {
	if rest, ok := strings.CutPrefix(s, "Z"); ok {
		return rest, true
	}
	if s == "" || s[0] != '+' && s[0] != '-' {
		return s, false
	}
	var hours, minutes int
	rest, ok := take(s[1:], 2, 2, &hours)
	if !ok {
		return s, false
	}
	if rest, ok = take(strings.TrimPrefix(rest, ":"), 2, 2, &minutes); !ok || hours > 18 || minutes > 59 {
		return s, false
	}
	r.offset = hours*3600 + minutes*60
	if s[0] == '-' {
		r.offset = -r.offset
	}
	return rest, true
}

// take reads between least and most digits.
func take(s string, least, most int, into *int) (string, bool) {
	n, i := 0, 0
	for ; i < len(s) && i < most && s[i] >= '0' && s[i] <= '9'; i++ {
		n = n*10 + int(s[i]-'0')
	}
	*into = n
	return s[i:], i >= least
}
