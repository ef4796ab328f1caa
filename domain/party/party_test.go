package party_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/party"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func sealed(digest string) *domain.Sealed {
	return &domain.Sealed{Subject: "party-kim", Box: []byte("differs each time"), Digest: []byte(digest)}
}

func register() party.RegisterParty {
	return party.RegisterParty{Party: "kim", Kind: party.Affiliate, Country: "KR", Personal: sealed("one"), RecordedAt: now}
}

// fold decides commands in order and folds what comes of them.
func fold(t *testing.T, commands ...domain.Command) *party.State {
	t.Helper()
	s := party.Decider.Initial()
	for _, command := range commands {
		events, err := party.Decider.Decide(s, command)
		require.NoError(t, err)
		s = party.Decider.Fold(s, events...)
	}
	return s
}

func TestRegister(t *testing.T) {
	events, err := party.Decider.Decide(party.Decider.Initial(), register())
	require.NoError(t, err)
	require.Equal(t, []domain.Event{party.PartyRegistered{Party: "kim", Kind: party.Affiliate, Country: "KR", Personal: sealed("one"), RecordedAt: now}}, events)
	s := fold(t, register())
	require.True(t, s.Exists)
	require.Equal(t, party.Affiliate, s.Kind)
	require.Equal(t, uint64(1), s.Count())
}

func TestRegisterAgain(t *testing.T) {
	changed := party.ChangePartyDetails{Party: "kim", Personal: sealed("two"), RecordedAt: now}
	for name, c := range map[string]struct {
		before  []domain.Command
		change  func(*party.RegisterParty)
		replays bool
	}{
		"same":                      {nil, func(*party.RegisterParty) {}, true},
		"sealed anew":               {nil, func(c *party.RegisterParty) { c.Personal.Box = []byte("other nonce") }, true},
		"first details, changed":    {[]domain.Command{changed}, func(*party.RegisterParty) {}, true},
		"today's details, changed":  {[]domain.Command{changed}, func(c *party.RegisterParty) { c.Personal = sealed("two") }, true},
		"other kind":                {nil, func(c *party.RegisterParty) { c.Kind = party.Seller }, false},
		"other country":             {nil, func(c *party.RegisterParty) { c.Country = "US" }, false},
		"other details":             {nil, func(c *party.RegisterParty) { c.Personal = sealed("three") }, false},
		"no details":                {nil, func(c *party.RegisterParty) { c.Personal = nil }, false},
		"never had these, changed ": {[]domain.Command{changed}, func(c *party.RegisterParty) { c.Personal = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := fold(t, append([]domain.Command{register()}, c.before...)...)
			command := register()
			c.change(&command)
			revision, replay, lookupErr := party.Lookup(s, &command)
			events, err := party.Decider.Decide(s, &command)
			require.Equal(t, lookupErr, err)
			require.Empty(t, events)
			require.Equal(t, c.replays, replay)
			require.Zero(t, revision)
			if !c.replays {
				require.Equal(t, domain.CodeConflict, domain.CodeOf(err))
			}
		})
	}
}

func TestChangeDetails(t *testing.T) {
	change := func(personal *domain.Sealed) party.ChangePartyDetails {
		return party.ChangePartyDetails{Party: "kim", Personal: personal, RecordedAt: now}
	}
	_, err := party.Decider.Decide(party.Decider.Initial(), change(sealed("two")))
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))

	s := fold(t, register(), change(sealed("two")))
	require.Equal(t, uint64(2), s.Count())
	revision, replay, err := party.Lookup(s, change(sealed("two")))
	require.NoError(t, err)
	require.True(t, replay)
	require.Equal(t, uint64(1), revision)

	s = fold(t, register(), change(sealed("two")), change(sealed("one")))
	require.Equal(t, uint64(3), s.Count(), "going back is a change")
	events, err := party.Decider.Decide(s, change(nil))
	require.NoError(t, err)
	require.Equal(t, []domain.Event{party.PartyDetailsChanged{Party: "kim", RecordedAt: now}}, events, "details can be removed")
}

func TestBadPartiesNameTheField(t *testing.T) {
	for field, change := range map[string]func(*party.RegisterParty){
		"party":       func(c *party.RegisterParty) { c.Party = "Kim!" },
		"kind":        func(c *party.RegisterParty) { c.Kind = "user" },
		"country":     func(c *party.RegisterParty) { c.Country = "kr" },
		"recorded_at": func(c *party.RegisterParty) { c.RecordedAt = time.Time{} },
	} {
		command := register()
		change(&command)
		_, err := party.Decider.Decide(party.Decider.Initial(), command)
		var fault *domain.Error
		require.ErrorAs(t, err, &fault, field)
		require.Equal(t, field, fault.Field)
	}
	_, err := party.Decider.Decide(party.Decider.Initial(), other{})
	require.ErrorContains(t, err, "Other")
	for _, kind := range []string{"operator", "provider", "supplier", "affiliate", "seller", "tax_office", "platform"} {
		parsed, err := party.ParseKind(kind)
		require.NoError(t, err)
		require.Equal(t, party.Kind(kind), parsed)
	}
}

type other struct{}

func (other) CommandType() string { return "Other" }
