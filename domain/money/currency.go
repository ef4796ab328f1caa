package money

import "github.com/jeongsan/jeongsan/domain"

// Currency is an ISO 4217 alphabetic code, as "KRW".
type Currency string

// ParseCurrency accepts an active ISO 4217 code in capitals.
func ParseCurrency(s string) (Currency, error) {
	if _, known := exponents[Currency(s)]; !known {
		return "", &domain.Error{Code: domain.CodeUnknownCurrency, Field: "currency", Value: s, Message: "unknown currency", Remedy: "use an ISO 4217 code in capitals, as KRW or USD"}
	}
	return Currency(s), nil
}

// Exponent is the number of decimals of the currency's minor unit: 0 for KRW, 2
// for USD, 3 for KWD.
func (c Currency) Exponent() uint8 { return exponents[c] }

// exponents lists ISO 4217, list one.
var exponents = map[Currency]uint8{
	"KRW": 0, "JPY": 0, "USD": 2, "EUR": 2, "GBP": 2, "KWD": 3,
}
