package calendar

import (
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
)

// Check finds every fault of a value date. Field holds the path within it, as
// "weekly.ends"; it is empty where the whole says nothing.
func (v ValueDate) Check() []*domain.Error {
	var c checker
	switch {
	case v.Days == nil && v.BusinessDays == nil && v.Weekly == nil && v.Monthly == nil:
		c.invalid("", "", "nothing says when it falls due", "write days, business_days, weekly or monthly")
	case v.Days != nil && v.BusinessDays != nil:
		c.invalid("business_days", strconv.Itoa(*v.BusinessDays), "days are counted already", "write days or business_days")
	}
	c.count("days", v.Days, MostDays)
	c.count("business_days", v.BusinessDays, MostDays)
	if v.Weekly != nil {
		c.weekday("weekly.ends", v.Weekly.Ends)
	}
	if m := v.Monthly; m != nil {
		if v.Weekly != nil {
			c.invalid("monthly", "", "the week is counted from already", "write weekly or monthly")
		}
		if m.Day < 1 || m.Day > 31 {
			c.invalid("monthly.day", strconv.Itoa(m.Day), "not a day of a month", "write 1 to 31; 31 is the last day of every month")
		}
		c.count("monthly.months", m.Months, mostMonths)
	}
	if v.Roll != "" && !slices.Contains(Rolls(), v.Roll) {
		c.invalid("roll", string(v.Roll), "unknown roll", "use following, preceding or modified_following")
	}
	switch needed := v.BusinessDays != nil || v.Roll != ""; {
	case v.Calendar != "":
		c.err("calendar", domain.CheckID("calendar", v.Calendar))
		if !needed {
			c.invalid("calendar", v.Calendar, "nothing here asks a calendar", "leave it out, or add roll")
		}
	case needed:
		c.invalid("calendar", "", "business days need a calendar", "name the calendar, as calendar: kr")
	}
	return c.faults
}

func (c *checker) count(path string, n *int, most int) {
	if n != nil && (*n < 0 || *n > most) {
		c.invalid(path, strconv.Itoa(*n), "too many or too few", "write 0 to "+strconv.Itoa(most))
	}
}
