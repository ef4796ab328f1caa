package calendar

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// MostYears bounds the years of one calendar, and with them its size in memory.
const MostYears = 100

const longestText = 200 // bytes of a holiday's name

// Weekday is monday to sunday, in small letters.
type Weekday string

var weekdays = [...]Weekday{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// Weekdays lists the days of the week, monday first.
func Weekdays() []Weekday { return slices.Clone(weekdays[:]) }

// Document is one version of a calendar as people write it (YAML or JSON).
type Document struct {
	Calendar    string `json:"calendar" yaml:"calendar"`
	Version     int    `json:"version" yaml:"version"`
	Description string `json:"description,omitempty" yaml:"description,omitempty"`
	// FirstYear and LastYear are covered in full: what is not listed below as a
	// holiday in them is none.
	FirstYear int `json:"first_year" yaml:"first_year"`
	LastYear  int `json:"last_year" yaml:"last_year"`
	// Weekend lists the days of every week without business. It may be empty.
	Weekend []Weekday `json:"weekend" yaml:"weekend"`
	// Holidays are dates without business; those that fall on a weekend may be
	// listed or left out.
	Holidays []Day `json:"holidays,omitempty" yaml:"holidays,omitempty"`
	// Workdays are dates of a weekend with business, as some countries make up for
	// long holidays.
	Workdays []Day `json:"workdays,omitempty" yaml:"workdays,omitempty"`
}

// Day is one date of a list, with the name that explanations show.
type Day struct {
	On   domain.Date `json:"on" yaml:"on"`
	Name string      `json:"name,omitempty" yaml:"name,omitempty"`
}

// Check finds every fault of a document, in the order of its fields. Field holds
// the path, as "holidays[2].on".
func Check(d Document) []*domain.Error {
	var c checker
	c.err("calendar", domain.CheckID("calendar", d.Calendar))
	if d.Version < 1 {
		c.invalid("version", strconv.Itoa(d.Version), "a version is a whole number from 1", "count versions 1, 2, 3, …")
	}
	c.err("description", domain.CheckText("description", d.Description, 5*longestText))
	years := d.FirstYear >= 1 && d.LastYear <= 9999 && d.FirstYear <= d.LastYear && d.LastYear-d.FirstYear < MostYears
	if d.FirstYear < 1 || d.FirstYear > 9999 {
		c.invalid("first_year", strconv.Itoa(d.FirstYear), "not a year", "write the first year whose holidays are listed in full, as 2026")
	} else if !years {
		c.invalid("last_year", strconv.Itoa(d.LastYear), "the last year does not fit the first", "write a year from "+strconv.Itoa(d.FirstYear)+" and at most "+strconv.Itoa(MostYears)+" years in all")
	}
	for i, day := range d.Weekend {
		path := index("weekend", i)
		c.weekday(path, day)
		if slices.Contains(d.Weekend[:i], day) {
			c.invalid(path, string(day), "the day is listed twice", "leave out one")
		}
	}
	if len(d.Weekend) >= len(weekdays) {
		c.invalid("weekend", "", "no day of the week is left for business", "leave out the days with business")
	}
	seen := map[domain.Date]string{}
	c.days("holidays", d, d.Holidays, years, seen)
	c.days("workdays", d, d.Workdays, years, seen)
	return c.faults
}

type checker struct{ faults []*domain.Error }

func (c *checker) invalid(path, value, message, remedy string) {
	c.faults = append(c.faults, &domain.Error{Code: domain.CodeInvalid, Field: path, Value: value, Message: message, Remedy: remedy})
}

// err notes a fault that another check found, under the path of this document.
func (c *checker) err(path string, err error) {
	if err == nil {
		return
	}
	located := domain.Error{Code: domain.CodeInvalid, Message: err.Error()}
	var fault *domain.Error
	if errors.As(err, &fault) {
		located = *fault
	}
	located.Field = path
	c.faults = append(c.faults, &located)
}

func (c *checker) weekday(path string, day Weekday) {
	if !slices.Contains(weekdays[:], day) {
		c.invalid(path, string(day), "not a day of the week", "use monday, tuesday, wednesday, thursday, friday, saturday or sunday")
	}
}

// days checks a list of dates: real, covered, and in one list once.
func (c *checker) days(list string, d Document, days []Day, years bool, seen map[domain.Date]string) {
	for i, day := range days {
		path := index(list, i)
		c.err(path+".name", domain.CheckText("name", day.Name, longestText))
		n, err := number(day.On)
		if err != nil {
			c.err(path+".on", err)
			continue
		}
		if earlier := seen[day.On]; earlier != "" {
			c.invalid(path+".on", string(day.On), "the date is listed already, in "+earlier, "keep one; name both occasions in it")
		}
		seen[day.On] = path
		if year, _ := strconv.Atoi(string(day.On[:4])); years && (year < d.FirstYear || year > d.LastYear) {
			c.invalid(path+".on", string(day.On), "the date is outside of the years that the calendar covers", "leave it out, or extend the years and list all their holidays")
		}
		if list == "workdays" && !slices.Contains(d.Weekend, weekdayOf(n)) {
			c.invalid(path+".on", string(day.On), "a "+string(weekdayOf(n))+" is no weekend", "leave it out; a workday is a date of a weekend with business")
		}
	}
}

func index(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// title is the day for a sentence: Saturday.
func (w Weekday) title() string {
	if w == "" {
		return ""
	}
	return strings.ToUpper(string(w[:1])) + string(w[1:])
}
