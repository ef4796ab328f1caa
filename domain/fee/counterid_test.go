package fee_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

func TestParseCounter(t *testing.T) {
	c, err := fee.ParseCounter("contract:c-1/volume/2026-Q2/KRW/" + fee.KeyPart("seller", "s-1") + "," + fee.KeyPart("app", "a/b, c=50%"))
	require.NoError(t, err)
	require.Equal(t, fee.Counter{
		Scope: fee.ScopeContract, Owner: "c-1", Name: "volume", Window: "2026-Q2", Currency: "KRW", Key: "seller=s-1,app=a%2Fb%2C%20c%3D50%25",
	}, c)
	require.Equal(t, domain.Date("2026-04-01"), c.First())
	var pairs []string
	for name, value := range c.Keys() {
		pairs = append(pairs, name, value)
	}
	require.Equal(t, []string{"seller", "s-1", "app", "a/b, c=50%"}, pairs)

	for window, first := range map[string]domain.Date{
		"2026": "2026-01-01", "2026-05": "2026-05-01", "2026-Q4": "2026-10-01", "2026-05-15": "2026-05-15", "lifetime": "", "before": "",
	} {
		c, err := fee.ParseCounter("schedule:plan/volume/" + window + "//")
		require.NoError(t, err)
		require.Equal(t, first, c.First(), window)
		require.Empty(t, c.Key)
		for range c.Keys() {
			t.Fatal("it has no key")
		}
	}
	for _, id := range []string{
		"", "volume", "contract:c-1/volume/2026/KRW", "party:c-1/volume/2026/KRW/", "contract:c-1//2026/KRW/", "contract:C 1/volume/2026/KRW/",
		"contract:c-1/volume/2026-Q5/KRW/", "contract:c-1/volume//KRW/", "contract:c-1/volume/2026-13/KRW/", "contract:c-1/volume/2026/WON/",
		"contract:c-1/volume/2026/KRW/seller", "contract:c-1/volume/2026/KRW/seller=s 1", "contract:c-1/volume/2026/KRW/a=b=c", "contract:c-1/volume/2026/KRW/a=%zz",
		"contract:c-1/volume/2026/KRW/a=%41", "contract:c-1/volume/2026/KRW/a=b,", "contract:c-1/volume/2026/KRW/a=b/more",
	} {
		_, err := fee.ParseCounter(id)
		require.Equal(t, domain.CodeMalformed, domain.CodeOf(err), id)
	}
}

// TestEveryCounterIsRead: what ID writes, ParseCounter reads, whatever the key holds.
func TestEveryCounterIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := fee.Counter{
			Scope: rapid.SampledFrom([]string{fee.ScopeContract, fee.ScopeSchedule}).Draw(t, "scope"), Owner: rapid.StringMatching(`[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?`).Draw(t, "owner"),
			Name: rapid.StringMatching(`[a-z][a-z0-9_]{0,8}`).Draw(t, "name"), Currency: rapid.SampledFrom([]money.Currency{"", "KRW", "USD"}).Draw(t, "currency"),
			Window: rapid.SampledFrom([]string{"2026", "2026-05", "2026-Q3", "2026-05-31", "lifetime", "before"}).Draw(t, "window"),
		}
		values := rapid.MapOfN(rapid.StringMatching(`[a-z][a-z0-9_]{0,5}`), rapid.String(), 0, 4).Draw(t, "key")
		for name, value := range values {
			if c.Key != "" {
				c.Key += ","
			}
			c.Key += fee.KeyPart(name, value)
		}
		read, err := fee.ParseCounter(c.ID())
		require.NoError(t, err)
		require.Equal(t, c, read)
		found := map[string]string{}
		for name, value := range read.Keys() {
			found[name] = value
		}
		require.Equal(t, values, found)
	})
}

func FuzzParseCounter(f *testing.F) {
	for _, id := range []string{"contract:c-1/volume/2026-05/KRW/seller=s-1,app=%2F", "schedule:s/a/lifetime//", "contract:/a/2026-Q1//a=", ":////"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if c, err := fee.ParseCounter(id); err == nil {
			require.Equal(t, id, c.ID())
		}
	})
}
