package money_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

func TestCurrencies(t *testing.T) {
	for currency, unit := range map[money.Currency]string{
		"KRW": "1", "JPY": "1", "ISK": "1", "USD": "0.01", "EUR": "0.01", "GBP": "0.01", "HUF": "0.01", "MGA": "0.01",
		"KWD": "0.001", "TND": "0.001", "CLF": "0.0001", "SLE": "0.01", "XCG": "0.01", "ZWG": "0.01",
	} {
		parsed, err := money.ParseCurrency(string(currency))
		require.NoError(t, err)
		require.Equal(t, currency, parsed)
		require.True(t, currency.Known())
		require.Equal(t, unit, currency.MinorUnit().String(), currency)
	}
	for _, unknown := range []string{"", "krw", "KR", "KRWW", "XXX", "XTS", "XAU", "XDR", "DEM", "HRK", "SLL", "₩", "US "} {
		_, err := money.ParseCurrency(unknown)
		require.Equal(t, domain.CodeUnknownCurrency, domain.CodeOf(err), unknown)
		require.False(t, money.Currency(unknown).Known())
	}
}
