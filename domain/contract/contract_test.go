package contract_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/contract"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func sign() contract.SignContract {
	return contract.SignContract{
		Terms: contract.Terms{
			Contract: "c-1", Book: "main", Schedule: "standard", Zone: "Asia/Seoul", From: "2026-01-01",
			Parties: map[string]string{"operator": "shop"}, Applies: contract.Applies{Types: []string{"sale", "refund"}},
		},
		RecordedAt: now,
	}
}

func end(until domain.Date) contract.EndContract {
	return contract.EndContract{Contract: "c-1", Until: until, Reason: "bought by another", RecordedAt: now}
}

func fold(t *testing.T, commands ...domain.Command) *contract.State {
	t.Helper()
	s := contract.Decider.Initial()
	for _, command := range commands {
		events, err := contract.Decider.Decide(s, command)
		require.NoError(t, err)
		s = contract.Decider.Fold(s, events...)
	}
	return s
}

func requireFault(t *testing.T, code domain.Code, field string, err error) {
	t.Helper()
	var fault *domain.Error
	require.ErrorAs(t, err, &fault)
	require.Equal(t, []string{string(code), field}, []string{string(fault.Code), fault.Field}, err.Error())
}

func TestSign(t *testing.T) {
	s := fold(t, sign())
	require.True(t, s.Exists)
	require.Equal(t, sign().Terms, s.Terms)

	again := sign()
	again.Applies.Products = []string{}
	_, replay, err := contract.Lookup(s, &again)
	require.NoError(t, err)
	require.True(t, replay, "an empty list is an absent one")

	again.Priority = 1
	_, err = contract.Decider.Decide(s, again)
	requireFault(t, domain.CodeConflict, "contract", err)

	s = fold(t, sign(), end("2026-12-01"))
	events, err := contract.Decider.Decide(s, sign())
	require.NoError(t, err)
	require.Empty(t, events, "what was signed is what is compared, ended or not")
}

func TestEnd(t *testing.T) {
	_, err := contract.Decider.Decide(contract.Decider.Initial(), end("2026-12-01"))
	requireFault(t, domain.CodeNotFound, "contract", err)

	s := fold(t, sign(), end("2026-12-01"))
	require.Equal(t, domain.Date("2026-12-01"), s.Terms.Until)
	require.True(t, s.Terms.InForce("2026-11-30"))
	require.False(t, s.Terms.InForce("2026-12-01"))
	revision, replay, err := contract.Lookup(s, end("2026-12-01"))
	require.NoError(t, err)
	require.True(t, replay)
	require.Equal(t, uint64(1), revision)
	_, err = contract.Decider.Decide(s, end("2026-12-02"))
	requireFault(t, domain.CodeConflict, "until", err)

	s = fold(t, sign(), end("2026-01-01"))
	require.False(t, s.Terms.InForce("2026-01-01"), "a contract can end before its first day is over")
	for until, before := range map[domain.Date]domain.Date{"2025-12-31": "", "2027-01-02": "2027-01-01"} {
		command := sign()
		command.Until = before
		_, err := contract.Decider.Decide(fold(t, command), end(until))
		requireFault(t, domain.CodeInvalid, "until", err)
	}
	command := end("2026-12-01")
	command.Reason = ""
	_, err = contract.Decider.Decide(fold(t, sign()), command)
	requireFault(t, domain.CodeInvalid, "reason", err)
	_, err = contract.Decider.Decide(fold(t, sign()), end("soon"))
	requireFault(t, domain.CodeInvalid, "until", err)
}

func TestBadTermsNameTheField(t *testing.T) {
	for field, change := range map[string]func(*contract.SignContract){
		"contract":                 func(c *contract.SignContract) { c.Contract = "" },
		"book":                     func(c *contract.SignContract) { c.Book = "Main" },
		"schedule":                 func(c *contract.SignContract) { c.Schedule = "a b" },
		"zone":                     func(c *contract.SignContract) { c.Zone = "" },
		"from":                     func(c *contract.SignContract) { c.From = "2026-13-01" },
		"until":                    func(c *contract.SignContract) { c.Until = c.From },
		"parties":                  func(c *contract.SignContract) { c.Parties = map[string]string{"Op": "shop"} },
		"parties.operator":         func(c *contract.SignContract) { c.Parties["operator"] = "" },
		"applies.sources":          func(c *contract.SignContract) { c.Applies.Sources = []string{"My Feed"} },
		"applies.types":            func(c *contract.SignContract) { c.Applies.Types = []string{"Sale"} },
		"applies.methods":          func(c *contract.SignContract) { c.Applies.Methods = []string{"card", "card"} },
		"applies.products":         func(c *contract.SignContract) { c.Applies.Products = []string{"a\n"} },
		"applies.parties.provider": func(c *contract.SignContract) { c.Applies.Parties = map[string]string{"provider": "?"} },
		"recorded_at":              func(c *contract.SignContract) { c.RecordedAt = time.Time{} },
	} {
		command := sign()
		change(&command)
		_, err := contract.Decider.Decide(contract.Decider.Initial(), command)
		var fault *domain.Error
		require.ErrorAs(t, err, &fault, field)
		require.Equal(t, field, fault.Field)
	}
}

func TestMatches(t *testing.T) {
	facts := contract.Facts{Book: "main", Source: "pg-1", Type: "sale", Method: "card", Product: "game", Parties: map[string]string{"provider": "studio-7"}}
	base := contract.Terms{Book: "main"}
	require.True(t, base.Matches(&facts), "no selector selects all of the book")
	for name, c := range map[string]struct {
		change  func(*contract.Terms)
		matches bool
	}{
		"other book":   {func(t *contract.Terms) { t.Book = "eu" }, false},
		"source":       {func(t *contract.Terms) { t.Applies.Sources = []string{"pg-2", "pg-1"} }, true},
		"other source": {func(t *contract.Terms) { t.Applies.Sources = []string{"pg-2"} }, false},
		"other type":   {func(t *contract.Terms) { t.Applies.Types = []string{"refund"} }, false},
		"other method": {func(t *contract.Terms) { t.Applies.Methods = []string{""} }, false},
		"product":      {func(t *contract.Terms) { t.Applies.Products = []string{"game"} }, true},
		"other goods":  {func(t *contract.Terms) { t.Applies.Products = []string{"music"} }, false},
		"party":        {func(t *contract.Terms) { t.Applies.Parties = map[string]string{"provider": "studio-7"} }, true},
		"other party":  {func(t *contract.Terms) { t.Applies.Parties = map[string]string{"provider": "studio-8"} }, false},
		"party absent": {func(t *contract.Terms) { t.Applies.Parties = map[string]string{"affiliate": "kim"} }, false},
	} {
		terms := base
		c.change(&terms)
		require.Equal(t, c.matches, terms.Matches(&facts), name)
	}
}

func TestSelectByPrecedence(t *testing.T) {
	terms := func(id string, priority int, applies contract.Applies, from, until domain.Date, zone string) *contract.Terms {
		return &contract.Terms{Contract: id, Book: "main", Priority: priority, Applies: applies, From: from, Until: until, Zone: zone}
	}
	all := []*contract.Terms{
		terms("any", 0, contract.Applies{}, "2026-01-01", "", "UTC"),
		terms("any-too", 0, contract.Applies{}, "2026-01-01", "", "UTC"),
		terms("cards", 0, contract.Applies{Methods: []string{"card"}}, "2026-01-01", "", "UTC"),
		terms("studio-7", 0, contract.Applies{Methods: []string{"card"}, Parties: map[string]string{"provider": "studio-7"}}, "2026-01-01", "", "UTC"),
		terms("promotion", 5, contract.Applies{}, "2026-11-23", "2026-12-01", "Asia/Seoul"),
		terms("elsewhere", 9, contract.Applies{Sources: []string{"other"}}, "2026-01-01", "", "UTC"),
	}
	date := func(zone string) domain.Date { // an instant that is a day later in Seoul
		if zone == "Asia/Seoul" {
			return "2026-11-23"
		}
		return "2026-11-22"
	}
	never := func(string) domain.Date { return "2025-01-01" }
	for range 6 { // whatever order they come in
		all = append(all[1:], all[0])
		sorted := slices.Clone(all)
		slices.SortFunc(sorted, contract.Compare)
		id := func(facts contract.Facts, on func(string) domain.Date) string {
			facts.Book, facts.Source = "main", "pg-1"
			if found := contract.Select(sorted, &facts, on); found != nil {
				return found.Contract
			}
			return ""
		}
		studio := map[string]string{"provider": "studio-7"}
		earlier := func(string) domain.Date { return "2026-11-22" }
		require.Equal(t, "promotion", id(contract.Facts{Method: "card", Parties: studio}, date))
		require.Equal(t, "studio-7", id(contract.Facts{Method: "card", Parties: studio}, earlier))
		require.Equal(t, "cards", id(contract.Facts{Method: "card"}, earlier))
		require.Equal(t, "any", id(contract.Facts{Method: "cash", Parties: studio}, earlier))
		require.Empty(t, id(contract.Facts{}, never))
		ended := func(string) domain.Date { return "2026-12-01" }
		require.Equal(t, "any", id(contract.Facts{}, ended), "until is exclusive")
	}
}
