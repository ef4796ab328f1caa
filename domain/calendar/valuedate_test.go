package calendar_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
)

// table splits rows at two or more spaces, without the header; every row has as
// many cells as the header.
func table(t *testing.T, text string) [][]string {
	t.Helper()
	var rows [][]string
	width := 0
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		var cells []string
		for cell := range strings.SplitSeq(strings.TrimSpace(line), "  ") {
			if cell = strings.TrimSpace(cell); cell != "" {
				cells = append(cells, cell)
			}
		}
		if width == 0 {
			width = len(cells)
			continue
		}
		for len(cells) < width {
			cells = append(cells, "")
		}
		require.Len(t, cells, width, line)
		rows = append(rows, cells)
	}
	return rows
}

func integer(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	require.NoError(t, err)
	return n
}

// describe writes a result as the tables do.
func describe(result string, err error) string {
	var fault *domain.Error
	if errors.As(err, &fault) {
		return string(fault.Code) + " " + fault.Field
	}
	return result
}

func valueDate(t require.TestingT, text string) calendar.ValueDate {
	var v calendar.ValueDate
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&v), text)
	return v
}

func TestDue(t *testing.T) {
	kr := compile(t, korea())
	find := func(id string) (*calendar.Calendar, error) {
		if id != "kr" {
			return nil, &domain.Error{Code: domain.CodeNotFound, Field: "calendar", Value: id, Message: "no such calendar", Remedy: "publish it"}
		}
		return kr, nil
	}
	for _, block := range []struct{ rule, words, rows string }{
		{`{"days":180}`, "180 days", `
			2026-01-05  2026-07-04
			2026-02-28  2026-08-27
			2025-12-31  2026-06-29
			2028-02-29  2028-08-27
			2023-02-29  invalid date
			9999-12-31  out_of_range date`},
		{`{"days":0}`, "0 days", `2026-01-04  2026-01-04`},
		{`{"days":180,"roll":"following","calendar":"kr"}`, "180 days, following (kr)", `
			2026-01-05  2026-07-06
			2026-07-05  not_found date`},
		{`{"days":1,"roll":"following","calendar":"us"}`, "1 days, following (us)", `2026-01-05  not_found calendar`},
		{`{"business_days":1,"calendar":"kr"}`, "1 business days (kr)", `
			2026-01-05  2026-01-06
			2026-04-30  2026-05-04
			2026-05-22  2026-05-26
			2026-10-02  2026-10-06
			2026-12-31  not_found date`},
		{`{"business_days":2,"calendar":"kr"}`, "2 business days (kr)", `
			2026-02-13  2026-02-20
			2026-05-04  2026-05-07
			2026-06-02  2026-06-05
			2026-10-08  2026-10-13`},
		{`{"weekly":{"ends":"sunday"},"business_days":15,"calendar":"kr"}`, "15 business days (kr) after the week that ends on sunday", `
			2026-02-09  2026-03-12
			2026-02-15  2026-03-12
			2026-05-24  2026-06-16
			2026-09-21  2026-10-20
			2026-09-27  2026-10-20
			2026-09-28  2026-10-27`},
		{`{"weekly":{"ends":"friday"}}`, "the week that ends on friday", `
			2026-01-03  2026-01-09
			2026-01-09  2026-01-09`},
		{`{"weekly":{"ends":"friday"},"days":3}`, "3 days after the week that ends on friday", `
			2026-01-03  2026-01-12
			2026-01-09  2026-01-12
			1969-12-26  1969-12-29
			1969-12-27  1970-01-05`},
		{`{"monthly":{"day":15},"roll":"following","calendar":"kr"}`, "day 15 of the month 1 later, following (kr)", `
			2026-01-01  2026-02-19
			2026-01-31  2026-02-19
			2026-08-31  2026-09-15
			2026-11-30  2026-12-15
			2026-12-01  not_found date`},
		{`{"monthly":{"day":15},"roll":"preceding","calendar":"kr"}`, "day 15 of the month 1 later, preceding (kr)", `
			2026-01-20  2026-02-13
			2026-08-01  2026-09-15
			2026-11-11  2026-12-15`},
		{`{"monthly":{"day":31}}`, "day 31 of the month 1 later", `
			2026-01-31  2026-02-28
			2028-01-01  2028-02-29
			2026-11-30  2026-12-31
			9999-12-01  out_of_range date`},
		{`{"monthly":{"day":10,"months":2}}`, "day 10 of the month 2 later", `2026-11-30  2027-01-10`},
		{`{"monthly":{"day":25,"months":0}}`, "day 25 of the month 0 later", `
			2026-11-14  2026-11-25
			2026-11-28  2026-11-25`},
		{`{"monthly":{"day":31,"months":0},"days":33}`, "33 days after day 31 of the month 0 later", `
			2026-02-02  2026-04-02
			2028-02-02  2028-04-02`},
		{`{"monthly":{"day":31,"months":0},"business_days":3,"calendar":"kr"}`, "3 business days (kr) after day 31 of the month 0 later", `
			2026-01-15  2026-02-04
			2026-04-10  2026-05-07`},
	} {
		v := valueDate(t, block.rule)
		require.Empty(t, v.Check(), block.rule)
		require.Equal(t, block.words, v.String())
		for _, row := range table(t, "date  due\n"+strings.TrimSpace(block.rows)) {
			due, err := v.Due(domain.Date(row[0]), find)
			require.Equal(t, row[1], describe(string(due), err), "%s %s", block.rule, row[0])
		}
	}
	from, err := valueDate(t, `{"weekly":{"ends":"sunday"},"days":1}`).From("2026-09-21")
	require.NoError(t, err)
	require.Equal(t, domain.Date("2026-09-27"), from)
	from, err = valueDate(t, `{"monthly":{"day":31}}`).From("2028-01-03")
	require.NoError(t, err)
	require.Equal(t, domain.Date("2028-02-29"), from)
	for _, unchecked := range []string{`{}`, `{"business_days":1}`, `{"weekly":{"ends":"someday"}}`, `{"roll":"x","monthly":{"day":1},"calendar":"kr"}`} {
		_, err = valueDate(t, unchecked).Due("2026-01-05", find)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), unchecked)
	}
}

func TestCheckOfValueDates(t *testing.T) {
	for _, row := range table(t, `
		value date                                                         faults
		{"roll":"following","calendar":"kr"}                              the whole
		{"days":-1}                                                       days
		{"days":9999}                                                     days
		{"days":1,"business_days":1,"calendar":"kr"}                      business_days
		{"business_days":-1,"calendar":"kr"}                              business_days
		{"business_days":1}                                               calendar
		{"days":1,"calendar":"kr"}                                        calendar
		{"days":1,"roll":"following"}                                     calendar
		{"days":1,"roll":"sideways","calendar":"kr"}                      roll
		{"business_days":1,"calendar":"K R"}                              calendar
		{"weekly":{"ends":"sun"}}                                         weekly.ends
		{"weekly":{},"days":1}                                            weekly.ends
		{"weekly":{"ends":"sunday"},"monthly":{"day":1}}                  monthly
		{"monthly":{}}                                                    monthly.day
		{"monthly":{"day":32}}                                            monthly.day
		{"monthly":{"day":-1}}                                            monthly.day
		{"monthly":{"day":1,"months":-1}}                                 monthly.months
		{"monthly":{"day":1,"months":121}}                                monthly.months`) {
		var paths []string
		for _, fault := range valueDate(t, row[0]).Check() {
			require.NotEmpty(t, fault.Message)
			require.NotEmpty(t, fault.Remedy)
			if fault.Field == "" {
				fault.Field = "the whole"
			}
			paths = append(paths, fault.Field)
		}
		require.Equal(t, row[1], strings.Join(paths, " "), row[0])
	}
}

func anyValueDate() *rapid.Generator[calendar.ValueDate] {
	return rapid.Custom(func(t *rapid.T) calendar.ValueDate {
		v := calendar.ValueDate{Calendar: "kr"}
		n, from := rapid.IntRange(0, 90).Draw(t, "n"), rapid.IntRange(0, 2).Draw(t, "from")
		switch count := rapid.IntRange(0, 2).Draw(t, "count"); {
		case count == 0 || count == 1 && from == 0:
			v.Days = &n
		case count == 1:
		default:
			v.BusinessDays = &n
		}
		switch from {
		case 1:
			v.Weekly = &calendar.Weekly{Ends: rapid.SampledFrom(calendar.Weekdays()).Draw(t, "ends")}
		case 2:
			months := rapid.IntRange(1, 3).Draw(t, "months")
			v.Monthly = &calendar.Monthly{Day: rapid.IntRange(1, 31).Draw(t, "day"), Months: &months}
		}
		v.Roll = rapid.SampledFrom([]calendar.Roll{calendar.Following, calendar.ModifiedFollowing}).Draw(t, "roll")
		return v
	})
}

// What is earned later never falls due earlier, nothing falls due before it was
// earned or on a day without business, and the JSON form says the same.
func TestValueDatesKeepTheOrder(t *testing.T) {
	d := korea()
	d.LastYear = 2027
	kr := compile(t, d)
	find := func(string) (*calendar.Calendar, error) { return kr, nil }
	rapid.Check(t, func(t *rapid.T) {
		v := anyValueDate().Draw(t, "value date")
		require.Empty(t, v.Check())
		day := rapid.Custom(func(t *rapid.T) domain.Date {
			return domain.Date(time.Date(2026, 1, rapid.IntRange(1, 365).Draw(t, "day"), 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		})
		a, b := day.Draw(t, "a"), day.Draw(t, "b")
		a, b = min(a, b), max(a, b)
		dueA, err := v.Due(a, find)
		require.NoError(t, err)
		dueB, err := v.Due(b, find)
		require.NoError(t, err)
		require.LessOrEqual(t, dueA, dueB)
		business, err := kr.IsBusiness(dueA)
		require.NoError(t, err)
		require.True(t, business)
		if v.Roll == calendar.Following {
			require.GreaterOrEqual(t, dueA, a)
		}

		text, err := json.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, v, valueDate(t, string(text)))
	})
}

func TestDays(t *testing.T) {
	for _, row := range table(t, `
		date        days     later
		2026-01-31  1        2026-02-01
		2028-02-28  1        2028-02-29
		1970-01-01  -1       1969-12-31
		0001-01-01  0        0001-01-01
		0001-01-01  -1       out_of_range date
		9999-12-31  1        out_of_range date
		2026-01-01  9000000  out_of_range date
		2026-1-1    1        invalid date
		0000-12-31  1        invalid date`) {
		n := integer(t, row[1])
		later, err := calendar.AddDays(domain.Date(row[0]), n)
		require.Equal(t, row[2], describe(string(later), err), row)
		if err == nil {
			between, err := calendar.Days(domain.Date(row[0]), later)
			require.NoError(t, err)
			require.Equal(t, n, between)
		}
	}
	_, err := calendar.Days("2026-01-01", "x")
	require.Error(t, err)
	_, err = calendar.Days("x", "2026-01-01")
	require.Error(t, err)
	_, err = calendar.MonthEnd("x")
	require.Error(t, err)
}

// Whatever is written as a value date is refused by its check, or gives a date or
// an error that says what to do.
func FuzzDue(f *testing.F) {
	kr := compile(f, korea())
	find := func(string) (*calendar.Calendar, error) { return kr, nil }
	f.Add(`{"weekly":{"ends":"sunday"},"business_days":15,"calendar":"kr"}`, "2026-02-09")
	f.Add(`{"monthly":{"day":31,"months":0},"days":33,"roll":"modified_following","calendar":"kr"}`, "9999-12-31")
	f.Add(`{"days":-1}`, "0001-01-01")
	f.Fuzz(func(t *testing.T, text, date string) {
		var v calendar.ValueDate
		if json.Unmarshal([]byte(text), &v) != nil || len(v.Check()) > 0 {
			return
		}
		require.NotEmpty(t, v.String())
		due, err := v.Due(domain.Date(date), find)
		if err == nil {
			_, err = domain.ParseDate("due", string(due))
			require.NoError(t, err)
			return
		}
		var fault *domain.Error
		require.ErrorAs(t, err, &fault)
		require.NotEmpty(t, fault.Remedy)
		require.Contains(t, []domain.Code{domain.CodeInvalid, domain.CodeNotFound, domain.CodeOutOfRange}, fault.Code)
	})
}
