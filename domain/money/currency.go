package money

import (
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// Currency is an ISO 4217 alphabetic code, as "KRW".
type Currency string

// ParseCurrency accepts an active ISO 4217 code in capitals. Codes without a
// minor unit (precious metals, XDR, the testing code XTS, "no currency" XXX) are
// unknown. The error is CodeUnknownCurrency.
func ParseCurrency(s string) (Currency, error) {
	if _, known := exponents[Currency(s)]; !known {
		return "", &domain.Error{Code: domain.CodeUnknownCurrency, Field: "currency", Value: s, Message: "unknown currency", Remedy: "use an ISO 4217 code in capitals, as KRW or USD"}
	}
	return Currency(s), nil
}

// Known reports whether the code is on the list.
func (c Currency) Known() bool {
	_, known := exponents[c]
	return known
}

// Exponent is the number of decimals of the currency's minor unit: 0 for KRW, 2
// for USD, 3 for KWD. It is 0 for an unknown currency.
func (c Currency) Exponent() uint8 { return exponents[c] }

// MinorUnit is the smallest amount that can be paid: 1 KRW, 0.01 USD, 0.001 KWD.
func (c Currency) MinorUnit() Amount { return Amount{1, exponents[c]} }

// exponents is ISO 4217 list one as of January 2026, funds codes included. BGN,
// withdrawn that month for the euro, stays: late items still name it, and a code
// that an event may hold is never removed.
var exponents = table(map[uint8]string{
	0: `BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF`,
	2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
	    CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
	    GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR
	    LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD
	    PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
	    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR
	    ZMW ZWG`,
	3: `BHD IQD JOD KWD LYD OMR TND`,
	4: `CLF UYW`,
})

func table(lists map[uint8]string) map[Currency]uint8 {
	all := make(map[Currency]uint8, 192)
	for exponent, codes := range lists {
		for _, code := range strings.Fields(codes) {
			all[Currency(code)] = exponent
		}
	}
	return all
}
