package fee_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Engine 2 makes of every document that engine 1 knows what engine 1 makes of it,
// byte for byte.
func TestEngine2AgreesWithEngine1(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		document := documents.Draw(t, "document")
		require.Equal(t, fee.Engine1, document.Engine())
		first, err := fee.Compile(document)
		require.NoError(t, err)
		second, err := fee.CompileForEngine2(document)
		require.NoError(t, err)
		require.Equal(t, fee.Engine1, first.Engine())
		require.Equal(t, fee.Engine2, second.Engine())

		in := fee.Input{Currency: rapid.SampledFrom(currencies).Draw(t, "currency"), Type: "sale", On: "2026-05-01"}
		in.Amount = money.New(
			rapid.OneOf(rapid.Int64Range(-20_000, 20_000), rapid.Int64Range(-1<<40, 1<<40), rapid.Int64Range(-1<<62, 1<<62)).Draw(t, "units"),
			rapid.Uint8Range(0, in.Currency.Exponent()+money.ExtraDigits).Draw(t, "scale"))
		want, wantErr := first.Apply(in)
		got, err := second.Apply(in)
		require.Equal(t, wantErr == nil, err == nil, "%v / %v", wantErr, err)
		if err != nil {
			return
		}
		require.Equal(t, want.Gross, got.Gross)
		require.Equal(t, want.Rated, got.Rated)
		require.Equal(t, append([]fee.Line{}, want.Lines...), append([]fee.Line{}, got.Lines...))
		require.Equal(t, append([]fee.Share{}, want.Shares...), append([]fee.Share{}, got.Shares...))
	})
}
