package contract_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/money"
)

func TestParameters(t *testing.T) {
	signed := sign()
	signed.Parameters = map[string]string{"rate": "12.5%", "cap.KRW": "50000"}
	s := fold(t, signed)
	require.Equal(t, signed.Parameters, s.Terms.Parameters)

	again := signed
	again.Parameters = maps.Clone(signed.Parameters)
	_, replay, err := contract.Lookup(s, again)
	require.NoError(t, err)
	require.True(t, replay)
	again.Parameters["rate"] = "13%"
	_, _, err = contract.Lookup(s, again)
	requireFault(t, domain.CodeConflict, "contract", err)

	many := map[string]string{}
	for i := range 65 {
		many[fmt.Sprint("p", i)] = "1"
	}
	for field, parameters := range map[string]map[string]string{
		"parameters":              {"": "1"},
		"parameters.rate":         {"rate": ""},
		"parameters.rate ":        {"rate": "1\n"},
		"parameters.rate long":    {"rate": strings.Repeat("1", 1001)},
		"parameters name":         {strings.Repeat("p", 81): "1"},
		"parameters many":         many,
		"parameters.cap.KRW none": {"cap.KRW": "", "rate": "1"},
	} {
		wrong := sign()
		wrong.Parameters = parameters
		_, err := contract.Decider.Decide(contract.Decider.Initial(), wrong)
		name, _, _ := strings.Cut(field, " ")
		requireFault(t, domain.CodeInvalid, name, err)
	}
}

func TestFloors(t *testing.T) {
	won := func(amount money.Amount) map[money.Currency]money.Amount {
		return map[money.Currency]money.Amount{"KRW": amount}
	}
	signed := sign()
	signed.Floors = []contract.Floor{{Role: "operator", Purpose: "prepaid", Amounts: won(money.New(-500, 0))}}
	s := fold(t, signed)
	again := signed
	again.Floors = []contract.Floor{{Role: "operator", Purpose: "prepaid", Amounts: won(money.New(-5000, 1))}}
	_, replay, err := contract.Lookup(s, again)
	require.NoError(t, err)
	require.True(t, replay)
	again.Floors[0].Amounts = won(money.Zero)
	_, _, err = contract.Lookup(s, again)
	requireFault(t, domain.CodeConflict, "contract", err)

	floor := contract.Floor{Role: "operator", Purpose: "prepaid", Amounts: won(money.Zero)}
	changed := func(change func(*contract.Floor)) []contract.Floor {
		f := floor
		change(&f)
		return []contract.Floor{f}
	}
	for field, floors := range map[string][]contract.Floor{
		"floors[0].role":        changed(func(f *contract.Floor) { f.Role = "Operator" }),
		"floors[0].purpose":     changed(func(f *contract.Floor) { f.Purpose = "" }),
		"floors[0].amounts":     changed(func(f *contract.Floor) { f.Amounts = nil }),
		"floors[0].amounts.KRW": changed(func(f *contract.Floor) { f.Amounts = won(money.New(5, 1)) }),
		"floors[1]":             {floor, floor},
		"floors":                make([]contract.Floor, 17),
	} {
		wrong := sign()
		wrong.Floors = floors
		_, err := contract.Decider.Decide(contract.Decider.Initial(), wrong)
		requireFault(t, domain.CodeInvalid, field, err)
	}
	wrong := sign()
	wrong.Floors = changed(func(f *contract.Floor) { f.Amounts = map[money.Currency]money.Amount{"WON": money.Zero} })
	_, err = contract.Decider.Decide(contract.Decider.Initial(), wrong)
	requireFault(t, domain.CodeUnknownCurrency, "currency", err)
}
