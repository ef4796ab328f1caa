package calendar

import (
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
)

// Calendar is a compiled Document. It is immutable and safe for concurrent use.
type Calendar struct {
	id      string
	version int
	first   int            // number of the first date covered
	names   map[int]string // of listed days, by number
	days    []int          // the numbers of all business days, ascending
	before  []int          // how many business days lie before each date covered, and after the last
	years   [2]int
}

// Compile checks a document and prepares it. It returns the first fault that
// Check finds, a *domain.Error.
func Compile(d Document) (*Calendar, error) {
	if faults := Check(d); len(faults) > 0 {
		return nil, faults[0]
	}
	first, err := number(newYear(d.FirstYear))
	if err != nil {
		return nil, err
	}
	last, err := number(newYear(d.LastYear)[:4] + "-12-31")
	if err != nil {
		return nil, err
	}
	c := &Calendar{id: d.Calendar, version: d.Version, first: first, names: map[int]string{}, years: [2]int{d.FirstYear, d.LastYear}}
	listed := map[int]bool{} // whether there is business, of listed dates
	for business, list := range map[bool][]Day{false: d.Holidays, true: d.Workdays} {
		for _, day := range list {
			n, err := number(day.On)
			if err != nil {
				return nil, err
			}
			listed[n], c.names[n] = business, day.Name
		}
	}
	c.before = make([]int, 0, last-first+2)
	for n := first; n <= last; n++ {
		c.before = append(c.before, len(c.days))
		business, found := listed[n]
		if !found {
			business = !slices.Contains(d.Weekend, weekdayOf(n))
		}
		if business {
			c.days = append(c.days, n)
		}
	}
	c.before = append(c.before, len(c.days))
	return c, nil
}

func newYear(year int) domain.Date {
	digits := strconv.Itoa(10000 + year)
	return domain.Date(digits[1:] + "-01-01")
}

// ID is the calendar's identifier.
func (c *Calendar) ID() string { return c.id }

// Version is the version of the document. What a date falls due by is kept with it.
func (c *Calendar) Version() int { return c.version }

// Covers reports whether the calendar knows the date.
func (c *Calendar) Covers(date domain.Date) bool {
	_, err := c.at(date)
	return err == nil
}

// at returns how many days the date lies after the first one covered.
func (c *Calendar) at(date domain.Date) (int, error) {
	n, err := number(date)
	if err != nil {
		return 0, err
	}
	if at := n - c.first; at >= 0 && at < len(c.before)-1 {
		return at, nil
	}
	return 0, c.outside(date)
}

func (c *Calendar) outside(date domain.Date) error {
	return &domain.Error{
		Code: domain.CodeNotFound, Field: "date", Value: string(date), Message: "the date is " + c.covered(),
		Remedy: "publish a version of the calendar with the holidays of further years",
	}
}

func (c *Calendar) covered() string {
	return "outside of what calendar " + c.id + " covers, the years " + strconv.Itoa(c.years[0]) + " to " + strconv.Itoa(c.years[1])
}

// IsBusiness reports whether there is business on a date. The errors of this and
// of all that follows: CodeNotFound where the date or the result lies outside of
// the years that the calendar covers, CodeInvalid where the date is none.
func (c *Calendar) IsBusiness(date domain.Date) (bool, error) {
	at, err := c.at(date)
	if err != nil {
		return false, err
	}
	return c.before[at] < c.before[at+1], nil
}

// Closed says why there is no business on a date: the name of a holiday, or the
// day of a weekend. It is empty on a business day.
func (c *Calendar) Closed(date domain.Date) (string, error) {
	at, err := c.at(date)
	if err != nil || c.before[at] < c.before[at+1] {
		return "", err
	}
	switch name, listed := c.names[c.first+at]; {
	case name != "":
		return name, nil
	case listed:
		return "holiday", nil
	}
	return weekdayOf(c.first + at).title(), nil
}

// AddBusinessDays counts business days after a date, or before it where n is
// negative; the date itself is not counted and need not be a business day. Zero
// gives the date itself, or the next business day where it is none.
func (c *Calendar) AddBusinessDays(date domain.Date, n int) (domain.Date, error) {
	at, err := c.at(date)
	if err != nil {
		return "", err
	}
	index := c.before[at] + n
	if n > 0 {
		index = c.before[at+1] + n - 1
	}
	return c.day(index, strconv.Itoa(n)+" business days from", date)
}

// BusinessDays counts the business days after one date up to and including
// another: what AddBusinessDays adds to reach it. It is negative where to is
// earlier, and then counts those from to on, before from.
func (c *Calendar) BusinessDays(from, to domain.Date) (int, error) {
	a, err := c.at(from)
	if err != nil {
		return 0, err
	}
	b, err := c.at(to)
	if err != nil {
		return 0, err
	}
	if b < a {
		return c.before[b] - c.before[a], nil
	}
	return c.before[b+1] - c.before[a+1], nil
}

// Roll says where a date goes that is no business day. The zero Roll leaves it.
type Roll string

// The rolls.
const (
	// Following goes to the next business day.
	Following Roll = "following"
	// Preceding goes to the last business day before.
	Preceding Roll = "preceding"
	// ModifiedFollowing goes to the next business day, but to the last one before
	// where that would leave the month.
	ModifiedFollowing Roll = "modified_following"
)

// Rolls lists the rolls by name.
func Rolls() []Roll { return []Roll{Following, Preceding, ModifiedFollowing} }

// Roll moves a date that is no business day as the roll says.
func (c *Calendar) Roll(date domain.Date, roll Roll) (domain.Date, error) {
	at, err := c.at(date)
	if err != nil {
		return "", err
	}
	following, preceding := c.before[at], c.before[at+1]-1
	switch roll {
	case "":
		return date, nil
	case Following:
		return c.day(following, "the next business day from", date)
	case Preceding:
		return c.day(preceding, "the last business day before", date)
	case ModifiedFollowing:
		if following < len(c.days) {
			if next, ok := dateOf(c.days[following]); ok && next[:7] == date[:7] {
				return next, nil
			}
		}
		// What lies behind the last year is another month too.
		return c.day(preceding, "the last business day before", date)
	}
	return "", &domain.Error{
		Code: domain.CodeInvalid, Field: "roll", Value: string(roll), Message: "unknown roll",
		Remedy: "use following, preceding or modified_following",
	}
}

// day returns a business day by its index.
func (c *Calendar) day(index int, what string, date domain.Date) (domain.Date, error) {
	if index >= 0 && index < len(c.days) {
		if day, ok := dateOf(c.days[index]); ok {
			return day, nil
		}
	}
	return "", &domain.Error{
		Code: domain.CodeNotFound, Field: "date", Value: string(date), Message: what + " this date lies " + c.covered(),
		Remedy: "publish a version of the calendar with the holidays of further years",
	}
}
