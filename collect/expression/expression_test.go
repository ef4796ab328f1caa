package expression_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect/expression"
	"github.com/jeongsan/jeongsan/collect/format"
)

var columns = []string{"id", "qty", "price", "date", "unit price"}

func csvRecord(values ...string) *format.Record {
	r := &format.Record{Names: columns}
	for _, v := range values {
		r.Values = append(r.Values, format.Value{Text: v})
	}
	return r
}

func jsonRecord(fields ...any) *format.Record {
	r := &format.Record{}
	for i := 0; i < len(fields); i += 2 {
		r.Names = append(r.Names, fields[i].(string))
		r.Values = append(r.Values, fields[i+1].(format.Value))
	}
	return r
}

func num(s string) format.Value { return format.Value{Kind: format.Number, Text: s} }

func compile(t testing.TB, columns []string, source string, want expression.Want) *expression.Evaluator {
	t.Helper()
	l, err := expression.NewLanguage(columns)
	require.NoError(t, err)
	e, faults := l.Compile(source, want)
	require.Empty(t, faults)
	return expression.NewEvaluator(e)
}

func TestDecimalsAreExact(t *testing.T) {
	record := csvRecord("x", "-3", "0.1", "", "2.675")
	for source, want := range map[string]string{
		`decimal(row.qty) * decimal(row.price)`:                          "-0.3",
		`decimal(row.price) + decimal("0.2")`:                            "0.3",
		`decimal(row.qty) - decimal(1)`:                                  "-4",
		`-decimal(row.qty)`:                                              "3",
		`abs(decimal(row.qty))`:                                          "3",
		`round(decimal(row["unit price"]), 2)`:                           "2.68",
		`round(-decimal(row["unit price"]), 2)`:                          "-2.68",
		`row.price`:                                                      "0.1",
		`decimal("+12.50")`:                                              "12.5",
		`decimal("123456789012345678901234567890.5")`:                    "123456789012345678901234567890.5",
		`decimal(row.qty) < decimal("0") ? decimal(0) : decimal(1)`:      "0",
		`decimal(row.qty) == decimal("-3.00") ? decimal(1) : decimal(0)`: "1",
	} {
		result, err := compile(t, columns, source, expression.Decimal).Eval(record)
		require.Nil(t, err, source)
		require.Equal(t, want, result.Decimal.String(), source)
	}
}

func TestTexts(t *testing.T) {
	record := csvRecord("A-17", "-3", "0.1", "", "2.675")
	for source, want := range map[string]string{
		`row.id`:   "A-17",
		`"uk"`:     "uk",
		`row.date`: "",
		`row.id.startsWith("A") ? "refund" : "sale"`:                        "refund",
		`"p-" + row.id.substring(2)`:                                        "p-17",
		`row.id.split("-")[1]`:                                              "17",
		`row.id.lowerAscii() + " 정A".lowerAscii() + "정a".upperAscii()`:      "a-17 정a정A",
		`"정산서".substring(1, 3) + "정산서".substring(3) + "ab".substring(0, 0)`: "산서",
		`string("정산서".indexOf("서")) + string("a".indexOf("b"))`:             "2-1",
		`"  x ".trim() + "a,b".replace(",", "")`:                            "xab",
		`row.id.lowerAscii()`:                                               "a-17",
		`row.id.matches("^[A-Z]-[0-9]+$") ? "y" : "n"`:                      "y",
		`{"A-17": "seventeen"}[?row.id].orValue("other")`:                   "seventeen",
		`{"B": "seventeen"}[?row.id].orValue("other")`:                      "other",
		`row.id in ["A-17", "B"] ? "in" : "out"`:                            "in",
		`"a-" + string(int(decimal("17850.0")) % 50)`:                       "a-0",
		`string(decimal("1.50"))`:                                           "1.5",
		`row.date == "" ? "house" : "affiliate-" + row.date`:                "house",
	} {
		for range 2 { // the second time from memory
			result, err := compile(t, columns, source, expression.Text).Eval(record)
			require.Nil(t, err, source)
			require.Equal(t, want, result.Text, source)
		}
	}
}

func TestJSONNumbersStayExact(t *testing.T) {
	record := jsonRecord("amount", num("0.1"), "qty", num("3"), "big", num("1e30"), "s", format.Value{Text: "7.50"},
		"nothing", format.Value{Kind: format.Null},
		"item", format.Value{Kind: format.Object, Names: []string{"sku"}, Items: []format.Value{{Text: "K9"}}},
		"tags", format.Value{Kind: format.List, Items: []format.Value{{Text: "a"}, num("2")}})
	for source, want := range map[string]string{
		`row.amount * row.qty`:                       "0.3",
		`row.amount`:                                 "0.1",
		`row.s`:                                      "7.5",
		`decimal(row.s) + row.amount`:                "7.6",
		`row.big + row.qty`:                          "1000000000000000000000000000003",
		`row.?tip.orValue(decimal("0"))`:             "0",
		`has(row.tip) ? row.tip : decimal("1")`:      "1",
		`row.qty == 3 ? decimal("1") : decimal("0")`: "1",
		`row.qty > 2 ? decimal("1") : decimal("0")`:  "1",
		`row.tags[1]`:                                "2",
	} {
		result, err := compile(t, nil, source, expression.Decimal).Eval(record)
		require.Nil(t, err, source)
		require.Equal(t, want, result.Decimal.String(), source)
	}
	for source, want := range map[string]string{
		`row.item.sku`: "K9", `row.qty`: "3", `row.nothing`: "", `"x" + string(row.qty)`: "x3", `string(int(row.qty) % 2)`: "1",
	} {
		result, err := compile(t, nil, source, expression.Text).Eval(record)
		require.Nil(t, err, source)
		require.Equal(t, want, result.Text, source)
	}
}

func TestFaultsWithoutValues(t *testing.T) {
	record := csvRecord("secret", "secret", "secret", "secret", "secret")
	for source, want := range map[string]string{
		`decimal(row.qty)`:            "the text is not a decimal number",
		`row.price`:                   "the text is not a decimal number",
		`decimal(int(row.qty))`:       "the expression cannot be computed for this record",
		`decimal({"a": "1"}[row.id])`: "a field that the expression reads is not in the record",
		`decimal(row.id` + strings.Repeat(`.replace("", "xxxxxxxxxxxxxxxxxxxx")`, 40) + `)`: "replace makes a text of more than 1 MiB",
		`decimal(row.id.substring(99))`:                                           "the text is shorter than substring asks for",
		`decimal(string(time(row.date, "%Y-%m-%d", "Asia/Seoul").getFullYear()))`: "the text is not a time in the layout of the definition",
	} {
		_, err := compile(t, columns, source, expression.Decimal).Eval(record)
		require.NotNil(t, err, source)
		require.Equal(t, want, err.Message)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := compile(t, nil, `row.amount`, expression.Decimal).Eval(jsonRecord("amount", num("1e999")))
	require.Equal(t, "a number is out of range", err.Message)
	_, err = compile(t, nil, `row.amount`, expression.Decimal).Eval(jsonRecord())
	require.Contains(t, err.Message, "is not in the record")
	_, err = compile(t, nil, `row.flag`, expression.Decimal).Eval(jsonRecord("flag", format.Value{Kind: format.Bool, Text: "true"}))
	require.Equal(t, "the expression does not give a decimal for this record", err.Message)
	for _, source := range []string{`decimal(row.amount.trim())`, `round(row.amount, row.amount)`, `decimal(row.amount.substring(0, 1))`, `decimal(row.amount.replace(row.amount, row.amount))`, `row.amount < "a" ? decimal(1) : decimal(2)`} {
		_, err = compile(t, nil, source, expression.Decimal).Eval(jsonRecord("amount", num("1")))
		require.NotNil(t, err, source)
		require.Equal(t, "the expression cannot be computed for this record", err.Message, source)
	}
	_, err = compile(t, nil, `row.amount + 1`, expression.Decimal).Eval(jsonRecord("amount", num("1")))
	require.NotNil(t, err)
}

func TestRefusedAtCompileTime(t *testing.T) {
	l, err := expression.NewLanguage(columns)
	require.NoError(t, err)
	for source, want := range map[string]string{
		`decimal(row.qty) * 1.5`:                          "no matching overload",
		`double(row.qty) > 1.5 ? decimal(1) : decimal(2)`: "floating point is not allowed",
		`decimal(1.5)`:                                    "no matching overload",
		`row.amout`:                                       `row has no column "amout"`,
		`rwo.qty`:                                         "unknown name 'rwo'",
		`uk`:                                              `texts in quotes as "uk"`,
		`row[row.id]`:                                     "row stands alone or with a computed name",
		`size(row) > 0 ? decimal(1) : decimal(2)`: "row stands alone or with a computed name",
		`row.id == "a"`:   "the expression gives bool where a decimal is wanted",
		`decimal(row.qty`: "Syntax error",
		`["a"].all(x, x == "a") ? decimal(1) : decimal(2)`: "loops are not part of the language",
		`decimal("abc")`: "not a decimal number",
		strings.Repeat("row.id + ", 1000) + "row.id":          "size",
		`decimal(string(time(row.id, "%Q", "Asia/Seoul")))`:   "unknown part %Q",
		`decimal(string(time(row.id, "%Y-%m-%d", "Mars/X")))`: "unknown time zone Mars/X",
		`decimal(string(time(row.id, row.id, "UTC")))`:        "must be constant texts",
		`decimal(string(time(row.id, "%Y-%m-%d")))`:           "needs a zone",
	} {
		_, faults := l.Compile(source, expression.Decimal)
		require.NotEmpty(t, faults, source)
		require.Contains(t, faults[0].Message, want, source)
	}
	_, faults := l.Compile("row.a +\nrow.b + 1.5", expression.Text)
	require.NotEmpty(t, faults)
	_, faults = l.Compile("row.a + row.b", expression.Text)
	require.Len(t, faults, 2, "every fault is reported")
	require.Contains(t, faults[1].Message, "line 1, column 9")
}

func TestTimes(t *testing.T) {
	for _, c := range []struct{ layout, zone, text, want string }{
		{"%Y-%m-%d %H:%M:%S", "Europe/London", "2010-12-01 08:26:00", "2010-12-01T08:26:00Z"},
		{"%Y-%m-%d %H:%M:%S", "Europe/London", "2011-07-01 08:26:00", "2011-07-01T07:26:00Z"},
		{"%Y/%m/%d", "Asia/Seoul", "2026/6/2", "2026-06-01T15:00:00Z"},
		{"%b %d, %Y", "UTC", "Nov 3, 2026", "2026-11-03T00:00:00Z"},
		{"%Y%m%d", "UTC", "20261102", "2026-11-02T00:00:00Z"},
		{"%d.%m.%y %I:%M %p", "UTC", "02.11.26 12:05 AM", "2026-11-02T00:05:00Z"},
		{"%Y-%m-%dT%H:%M:%S.%f%z", "", "2026-11-02T10:00:00.25+09:00", "2026-11-02T01:00:00.25Z"},
		{"%Y-%m-%dT%H:%M:%S%z", "", "2026-11-02T10:00:00-0130", "2026-11-02T11:30:00Z"},
		{"%Y-%m-%dT%H:%M:%S%z", "", "2026-11-02T10:00:00Z", "2026-11-02T10:00:00Z"},
		{"%Y-%m-%d %H:%M", "Europe/London", "2011-10-30 01:30", "2011-10-30T00:30:00Z"}, // occurs twice: the first
		{"%Y-%m-%d %H:%M", "America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00Z"},
		{"%Y-%m-%d %H:%M", "Europe/London", "2011-03-27 01:30", ""}, // left out
		{"%Y-%m-%d", "UTC", "2026-02-30", ""},
		{"%Y-%m-%d", "UTC", "2026-02-3x", ""},
		{"%Y-%m-%d", "UTC", "2026-02", ""},
		{"%Y-%m-%d %H", "UTC", "2026-02-01 24", ""},
		{"%Y-%m-%d %I%p", "UTC", "2026-02-01 13PM", ""},
		{"100%% %Y-%m-%d", "UTC", "100% 2026-02-01", "2026-02-01T00:00:00Z"},
	} {
		source := `time(row.date, "` + c.layout + `", "` + c.zone + `")`
		if c.zone == "" {
			source = `time(row.date, "` + c.layout + `")`
		}
		result, err := compile(t, columns, source, expression.Time).Eval(csvRecord("", "", "", c.text, ""))
		if c.want == "" {
			require.NotNil(t, err, c.text)
			continue
		}
		require.Nil(t, err, c.text)
		require.Equal(t, c.want, result.Time.Format(time.RFC3339Nano), c.text)
	}
	result, err := compile(t, nil, `timestamp(int(row.at))`, expression.Time).Eval(jsonRecord("at", num("1767225600")))
	require.Nil(t, err)
	require.Equal(t, "2026-01-01T00:00:00Z", result.Time.Format(time.RFC3339))
	result, err = compile(t, nil, `row.at`, expression.Time).Eval(jsonRecord("at", format.Value{Text: "2026-01-01T09:00:00+09:00"}))
	require.Nil(t, err)
	require.Equal(t, "2026-01-01T00:00:00Z", result.Time.Format(time.RFC3339))
}

func TestMemoryIsBoundedAndExact(t *testing.T) {
	e := compile(t, columns, `"x" + row.id`, expression.Text)
	for i := range 50_000 {
		id := strings.Repeat("a", i%20) + string(rune('a'+i%26)) + strings.Repeat("b", i/5000)
		result, err := e.Eval(csvRecord(id, "", "", "", ""))
		require.Nil(t, err)
		require.Equal(t, "x"+id, result.Text)
	}
}

func BenchmarkDecimalProduct(b *testing.B) {
	e := compile(b, columns, `decimal(row.qty) * decimal(row.price)`, expression.Decimal)
	record := csvRecord("536365", "6", "2.55", "", "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Eval(record); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTwoFields(b *testing.B) {
	e := compile(b, columns, `row.id.startsWith("C") ? "refund" : row.date == "B" ? "adjustment" : "sale"`, expression.Text)
	record := csvRecord("536365", "6", "2.55", "", "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Eval(record); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRemembered(b *testing.B) {
	e := compile(b, columns, `time(row.date, "%Y-%m-%d %H:%M:%S", "Europe/London")`, expression.Time)
	record := csvRecord("536365", "6", "2.55", "2010-12-01 08:26:00", "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Eval(record); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzCompile: whatever is written, it is refused or can be evaluated, without a
// panic and within the cost limit.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{`decimal(row.qty) * decimal(row.price)`, `{"a": "b"}[?row.id].orValue("c")`, `time(row.date, "%Y", "UTC")`, `row["unit price"].split(",")[1]`, `has(row.id) ? row.id.trim() : row.id.replace("", "xxxxxxxx")`, `round(decimal("1e9"), -1)`} {
		f.Add(s, "1.5")
	}
	l, err := expression.NewLanguage(columns)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, source, value string) {
		for _, want := range []expression.Want{expression.Text, expression.Decimal, expression.Time, expression.Bool} {
			e, faults := l.Compile(source, want)
			if e == nil {
				require.NotEmpty(t, faults)
				continue
			}
			require.Empty(t, faults)
			if _, fault := expression.NewEvaluator(e).Eval(csvRecord(value, value, value, value, value)); fault != nil {
				require.NotEmpty(t, fault.Message)
			}
		}
	})
}
