package book_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
)

// TestDisputes is a table of a sale's life: a transaction "<id> of <original> <amount>"
// or a reversal "reverse <id> of <target>", and what the transactions it bears on have
// given back after it, or the error.
func TestDisputes(t *testing.T) {
	for name, steps := range map[string][][2]string{
		"a chargeback that is won can come again": {
			{"s 100", "s 0"}, {"c of s -100", "s 100"}, {"r of s -1", "exceeds_original amount"},
			{"w of c 60", "s 40 c 60"}, {"w2 of c 41", "exceeds_original amount"}, {"w2 of c 40", "s 0 c 100"},
			{"r of s -60", "s 60"}, {"r2 of s -41", "exceeds_original amount"}, {"c2 of s -40", "s 100"},
		},
		"what restores cannot be named": {
			{"s 100", "s 0"}, {"c of s -100", "s 100"}, {"w of c 100", "s 0 c 100"}, {"c2 of w -100", "invalid original_id"}, {"c2 of s -100", "s 100"},
		},
		"the newest is taken back first": {
			{"s 100", "s 0"}, {"c of s -100", "s 100"}, {"w of c 100", "s 0 c 100"}, {"reverse x of c", "conflict target"},
			{"r of s -70", "s 70"}, {"reverse x of w", "exceeds_original target"}, {"reverse y of r", "s 0"}, {"reverse x of w", "s 100 c 0"},
			{"reverse z of c", "s 0"}, {"reverse q of s", "s 0"}, {"reverse q2 of c", "conflict target"},
		},
		"a reversed sale stays so": {
			{"s 100", "s 0"}, {"c of s -100", "s 100"}, {"w of c 100", "s 0 c 100"}, {"reverse q of s", "s 0"}, {"reverse x of w", "conflict target"},
		},
		"money that was given first": {
			{"s -100", "s 0"}, {"c of s 100", "s 100"}, {"w of c -100", "s 0 c 100"}, {"w2 of s 100", "s 100"},
		},
	} {
		for _, schedule := range []string{"standard", "held"} {
			t.Run(name+", "+schedule, func(t *testing.T) {
				b := newBroker()
				for i, step := range steps {
					got := b.dispute(t, strings.Fields(step[0]), compiledTerms(t, schedule), strings.Fields(step[1]))
					require.Equal(t, step[1], got, "step %d", i)
				}
				b.commit()
				again := book.Decider.Fold(book.Decider.Initial(), stored(t, b.events)...)
				require.NoError(t, again.Err())
				require.Equal(t, b.state.Hash(), again.Hash())
				for k, record := range b.keys {
					folded, _, _ := again.Record(k)
					require.Equal(t, folded, record)
				}
			})
		}
	}
}

// Under the second engine what later refunds rest on is not restored below them; the
// first engine's refunds stand for themselves.
func TestTheNewestRefundIsRestoredFirst(t *testing.T) {
	for schedule, want := range map[string]string{"standard": "s 40 c 60", "held": "conflict original_id"} {
		b := newBroker()
		for _, step := range [][2]string{
			{"s 100", "s 0"}, {"c of s -60", "s 60"}, {"r of s -40", "s 100"}, {"w of c 60", want},
		} {
			require.Equal(t, step[1], b.dispute(t, strings.Fields(step[0]), compiledTerms(t, schedule), strings.Fields(step[1])), step[0])
		}
		if schedule == "standard" {
			continue
		}
		for _, step := range [][2]string{
			{"reverse x of r", "s 60"}, {"w of c 20", "s 40 c 20"}, {"w2 of c 40", "s 0 c 60"}, {"r2 of s -100", "s 100"},
		} {
			require.Equal(t, step[1], b.dispute(t, strings.Fields(step[0]), compiledTerms(t, schedule), strings.Fields(step[1])), step[0])
		}
	}
}

// dispute carries out one line and tells the records that it expects to change.
func (b *broker) dispute(t *testing.T, words []string, made *book.Terms, wanted []string) string {
	t.Helper()
	var command domain.Command
	if words[0] == "reverse" {
		c := reversal(t, nil, words[1], words[3])
		c.Reversed = b.settled(c.Target)
		command = c
	} else {
		c := sale(t, words[0], words[len(words)-1])
		c.Terms, c.Policy.SettleUnmatched = made, true
		if len(words) > 2 {
			c.Transaction.OriginalID = words[2]
			b.load(book.Keys(c))
			if b.state.NeedsOriginal(&c.Transaction) {
				c.Original = b.settled(key(words[2]))
			}
		}
		command = c
	}
	events, err := b.decide(command)
	if err != nil {
		var fault *domain.Error
		require.ErrorAs(t, err, &fault)
		require.NotEmpty(t, fault.Remedy)
		return string(fault.Code) + " " + fault.Field
	}
	b.evolve(events[0])
	require.NoError(t, b.state.Err())
	b.events = append(b.events, events[0])
	b.commit()
	var told []string
	for i := 0; i < len(wanted); i += 2 {
		b.load([]book.Key{key(wanted[i])})
		record, _, _ := b.state.Record(key(wanted[i]))
		told = append(told, fmt.Sprint(wanted[i], " ", record.Refunded.Shorten()))
	}
	return strings.Join(told, " ")
}
