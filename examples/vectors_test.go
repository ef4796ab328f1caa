package examples_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// vectors is how many worked cases there are; none may go missing unseen.
const vectors = 174

// TestPublishedVectors rates all worked cases of the shared samples by the schedules
// of this folder. No amount is computed here: what is compared comes from
// Schedule.Apply, ClosePeriod, and the functions of packages fee and calendar that
// the book itself uses.
func TestPublishedVectors(t *testing.T) {
	b := newBench(t)
	run := 0
	for line := range lines(t, "vectors.jsonl") {
		run++
		v := parse(t, line)
		t.Run(v.name, func(t *testing.T) {
			v.T = t
			read := readers[v.schedule]
			require.NotNil(t, read, "no schedule for the vector")
			read(b, v)
			require.Subset(t, v.used, names(v.input), "inputs that nothing looked at")
			require.Subset(t, v.used, names(v.expect), "expectations that nothing looked at")
		})
	}
	require.Equal(t, vectors, run)
	t.Logf("%d transactions settled, %d windows closed through the command door", b.ledger.settled, b.ledger.closed)
	require.Greater(t, b.ledger.settled, 200)
	require.Greater(t, b.ledger.closed, 10)
}

// readers say, by schedule, what a vector's input is as a transaction, and which
// line, value, count or date is meant by each expected name.
var readers = map[string]func(*bench, *vector){
	"KR-CARD":              krCard,
	"TOSS-OBSERVED":        toss,
	"KR-PG-METHOD":         pgMethod,
	"NAVER-SMARTSTORE":     naver,
	"APPLE":                apple,
	"GOOGLE-PLAY":          google,
	"AMAZON-REFERRAL":      amazon,
	"STRIPE-US":            stripe,
	"IC-PLUS-PLUS":         interchange,
	"IGAMING-PROVIDER-GGR": igaming,
	"KR-TAX":               krTax,
	"ROLLING-RESERVE":      reserve,
	"KR-CALENDAR":          krCalendar,
	"ROUNDING":             rounding,
	"FX":                   fx,
	"WATERFALL":            waterfall,
	"PROMO-CAPS":           promo,
	"TIER-MODES":           tierModes,
}

// vector is one worked case. Every name of its input and of what it expects must be
// looked at.
type vector struct {
	*testing.T
	schedule, name string
	currency       string
	input, expect  map[string]any // numbers as they are written
	used           []string
}

func parse(t *testing.T, line string) *vector {
	t.Helper()
	var read struct {
		Schedule, Case, Currency string
		Input, Expect            map[string]any
		Why                      string
	}
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&read))
	return &vector{T: t, schedule: read.Schedule, name: read.Case, currency: read.Currency, input: read.Input, expect: read.Expect}
}

func names(m map[string]any) (list []string) {
	for name := range m {
		list = append(list, name)
	}
	return list
}

// has reports whether the input has a name.
func (v *vector) has(name string) bool { return v.input[name] != nil }

// in is a part of the input as text; empty where there is none of the name.
func (v *vector) in(name string) string {
	v.used = append(v.used, name)
	value, found := v.input[name]
	if !found {
		return ""
	}
	return fmt.Sprint(value)
}

func (v *vector) list(name string) (list []string) {
	v.used = append(v.used, name)
	values, ok := v.input[name].([]any)
	require.True(v, ok, name)
	for _, value := range values {
		list = append(list, fmt.Sprint(value))
	}
	return list
}

func (v *vector) date(name string) domain.Date { return domain.Date(v.in(name)) }

// wants reports whether the vector expects a name.
func (v *vector) wants(name string) bool { return v.expect[name] != nil }

// is compares a number with an expected one by value.
func (v *vector) is(name string, got formula.Number) {
	v.Helper()
	v.used = append(v.used, name)
	expected, found := v.expect[name]
	require.True(v, found, "the vector expects no %s", name)
	if number(v, fmt.Sprint(expected)).Cmp(got) != 0 {
		require.Fail(v, "differs", "%s: expected %v, got %s", name, expected, got)
	}
}

// optional is is for names that only some vectors expect.
func (v *vector) optional(name string, got func() formula.Number) {
	v.Helper()
	if v.wants(name) {
		v.is(name, got())
	}
}

// expected is an expected value that belongs to what comes before the transaction.
func (v *vector) expected(name string) string {
	require.True(v, v.wants(name), name)
	return fmt.Sprint(v.expect[name])
}

// text compares what is no number.
func (v *vector) text(name, got string) {
	v.Helper()
	v.used = append(v.used, name)
	require.Equal(v, v.expect[name], got, name)
}

// lines reads a file of the shared samples line by line, or skips the test.
func lines(t *testing.T, name string) func(yield func(string) bool) {
	t.Helper()
	data := sample(t, name)
	return func(yield func(string) bool) {
		scanner := bufio.NewScanner(bytes.NewReader(data))
		for scanner.Scan() {
			if line := strings.TrimSpace(scanner.Text()); line != "" && !yield(line) {
				return
			}
		}
		require.NoError(t, scanner.Err())
	}
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	for _, up := range []string{"..", "../.."} {
		data, err := os.ReadFile(filepath.Join(up, "shared", "samples", "fees", name))
		if err == nil {
			return data
		}
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	t.Skip("the published fee schedules are not beside the repository")
	return nil
}

// calendars finds the calendars of this folder.
func calendars(t testing.TB) func(id string) (*calendar.Calendar, error) {
	t.Helper()
	return func(id string) (*calendar.Calendar, error) {
		return calendar.Compile(calendarOf(t, id))
	}
}

// calendarOf reads a calendar of this folder.
func calendarOf(t testing.TB, id string) (document calendar.Document) {
	t.Helper()
	file := filepath.Join("calendars", id+".yaml")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yamldoc.Decode(file, data, &document).Err())
	require.Equal(t, id, document.Calendar)
	return document
}

// TestTheKoreanCalendarIsThePublishedOne compares it day by day.
func TestTheKoreanCalendarIsThePublishedOne(t *testing.T) {
	var published []domain.Date
	require.NoError(t, json.Unmarshal(sample(t, "kr_holidays_2026_weekdays.json"), &published))
	kr, err := calendars(t)("kr")
	require.NoError(t, err)
	for day := domain.Date("2026-01-01"); day <= "2026-12-31"; {
		business, err := kr.IsBusiness(day)
		require.NoError(t, err)
		at, err := time.Parse(time.DateOnly, string(day))
		require.NoError(t, err)
		weekend := at.Weekday() == time.Saturday || at.Weekday() == time.Sunday
		require.Equal(t, !weekend && !slices.Contains(published, day), business, day)
		day, err = calendar.AddDays(day, 1)
		require.NoError(t, err)
	}
}

// percent is the percentage that a rate text names, as a fraction: "slab 0.4%" is
// 0.004.
func percent(t testing.TB, rate string) formula.Number {
	t.Helper()
	words := strings.Fields(rate)
	digits, found := strings.CutSuffix(words[len(words)-1], "%")
	require.True(t, found, rate)
	n, err := number(t, digits).Quo(formula.FromInt(100))
	require.NoError(t, err)
	return n
}

// numbered takes the numbers and dates out of a sentence, in order, after checking
// that the rest of it is what was expected.
func numbered(t testing.TB, sentence, pattern string) (found []string) {
	t.Helper()
	have, want := strings.Fields(sentence), strings.Fields(pattern)
	require.Len(t, have, len(want), sentence)
	for i, word := range want {
		if word == "#" {
			found = append(found, strings.Trim(have[i], ",:"))
			continue
		}
		require.Equal(t, word, have[i], sentence)
	}
	return slices.Clip(found)
}
