package fee_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// TestRoomsChangeNothing: sales and refunds by several schedules, one after the other
// in one room, come out as each does alone, and what they came out as stays.
func TestRoomsChangeNothing(t *testing.T) { rapid.Check(t, roomProperty) }

func FuzzRoom(f *testing.F) {
	for seed := range byte(4) {
		draws := make([]byte, 256<<10)
		_, err := rand.NewChaCha8([32]byte{seed}).Read(draws)
		require.NoError(f, err)
		f.Add(draws)
	}
	f.Fuzz(rapid.MakeFuzz(roomProperty))
}

func roomProperty(t *rapid.T) {
	var schedules []*fee.Schedule
	for range rapid.IntRange(1, 3).Draw(t, "schedules") {
		if s, err := fee.Compile(contracts.Draw(t, "contract").document); err == nil {
			schedules = append(schedules, s)
		}
	}
	if len(schedules) == 0 {
		return // what does not compile rates nothing
	}
	room := new(fee.Room)
	var kept, alone []fee.Result
	for range rapid.IntRange(1, 8).Draw(t, "transactions") {
		s, in := rapid.SampledFrom(schedules).Draw(t, "schedule"), transactions.Draw(t, "transaction").input()
		in.Party = func(role string) string { return role + "-1" }
		if rapid.Bool().Draw(t, "nothing") {
			in.Amount = money.Zero
		}
		want, wantErr := s.Apply(in)
		got, err := s.ApplyIn(room, in)
		require.Equal(t, wantErr, err)
		if err != nil {
			continue
		}
		requireSame(t, want, got)
		kept, alone = append(kept, got), append(alone, want)
		if in.Amount.IsZero() {
			continue
		}
		back := in
		back.Amount = in.Amount.Neg()
		back.Original = &fee.Sale{Amount: in.Amount, On: in.On, Lines: want.Lines, Attributes: in.Attributes}
		want, wantErr = s.Apply(back)
		got, err = s.ApplyIn(room, back)
		require.Equal(t, wantErr, err)
		if err == nil {
			requireSame(t, want, got)
			kept, alone = append(kept, got), append(alone, want)
		}
	}
	for i := range kept { // but for what is the room's
		kept[i].Shares, kept[i].Values = alone[i].Shares, alone[i].Values
		requireSame(t, alone[i], kept[i])
	}
}

// requireSame compares without difference between no list and an empty one.
func requireSame(t require.TestingT, want, got fee.Result) {
	want.Shares, got.Shares = slices.Clip(append([]fee.Share{}, want.Shares...)), append([]fee.Share{}, got.Shares...)
	require.Equal(t, want, got)
}

// TestRoomsForget: a room that has seen more counters than it remembers names them as
// before, and one id with another length of its window is another counter.
func TestRoomsForget(t *testing.T) {
	rolling := func(days int) *fee.Schedule {
		return compiled(t, fmt.Sprintf("accumulators: [{name: volume, measure: gross, key: [seller, grade], window: {rolling_days: %d}}]\ninputs: [{name: grade, type: text}]", days))
	}
	month, week := rolling(30), rolling(7)
	room := new(fee.Room)
	for i := range 5000 {
		in := input(t, fmt.Sprintf("100 KRW grade=%d", i%2500))
		in.Party = func(string) string { return fmt.Sprint("s-", i%7) }
		for days, s := range map[int]*fee.Schedule{30: month, 7: week} {
			var asked []fee.Counter
			in.Before = func(c fee.Counter) (money.Amount, error) {
				asked = append(asked, c)
				return money.Zero, nil
			}
			result, err := s.ApplyIn(room, in)
			require.NoError(t, err)
			require.Len(t, asked, 1)
			require.Equal(t, days, asked[0].Days)
			require.Equal(t, days, result.Counts[0].Days)
			id := fmt.Sprintf("contract:c-1/volume/2026-05-01/KRW/seller=s-%d,grade=%d", i%7, i%2500)
			require.Equal(t, id, asked[0].ID())
			require.Equal(t, id, result.Counts[0].Counter)
			require.Equal(t, domain.Date("2026-05-01"), asked[0].First())
			require.Equal(t, fmt.Sprintf("seller=s-%d,grade=%d", i%7, i%2500), asked[0].Key)
		}
	}
}
