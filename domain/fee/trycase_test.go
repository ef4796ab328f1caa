package fee_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// TestReturnOfABoundedLine gives back a fee that was below zero before its bound
// raised it above: with the sign that it was charged with.
func TestReturnOfABoundedLine(t *testing.T) {
	d := document(t, `[{"id":"fee","to":{"role":"market"},"of":"gross - 20","percent":"15","at_least":"5"},{"id":"net","to":{"role":"seller"},"rest":true}]`)
	compiled, err := fee.Compile(d)
	require.NoError(t, err)
	sale := fee.CaseTransaction{Amount: money.New(1000, 2), Currency: "USD"}
	sold, err := compiled.TryCase(fee.Case{Transaction: &sale})
	require.NoError(t, err)
	require.Equal(t, "fee 5.00 minimum 5 | net 5.00", describe(sold.Result, nil))

	back := fee.CaseTransaction{Amount: money.New(-1000, 2), Currency: "USD"}
	returned, err := compiled.TryCase(fee.Case{Transaction: &back, RefundOf: &fee.CaseSale{Transaction: sale}})
	require.NoError(t, err)
	require.Equal(t, "fee 5.00 | net 5.00", describe(returned.Result, nil))
	require.Len(t, returned.Rules, 2)
}

func TestTryCaseRefuses(t *testing.T) {
	d := document(t, `[{"id":"net","to":{"role":"seller"},"rest":true}]`)
	compiled, err := fee.Compile(d)
	require.NoError(t, err)
	one := &fee.CaseTransaction{Amount: money.New(1, 0), Currency: "KRW"}
	for name, c := range map[string]fee.Case{
		"no transaction":         {},
		"an unknown accumulator": {Transaction: one, Before: map[string]money.Amount{"ytd": money.New(1, 0)}},
		"an unknown parameter":   {Transaction: one, Parameters: map[string]string{"rate": "1"}},
		"a refund of a refund":   {Transaction: one, RefundOf: &fee.CaseSale{Transaction: *one}},
	} {
		_, err := compiled.TryCase(c)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), name)
	}
}
