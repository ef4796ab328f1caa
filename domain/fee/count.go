package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Count is what a transaction made of one accumulator: its value before and after,
// of a rolling one the sum of the window. Both are the same where a formula has read
// the accumulator and the transaction does not count in it.
type Count struct {
	// Counter is Counter.ID, and Days its Days: a book drops day buckets that no
	// window can need any more.
	Counter string       `json:"counter"`
	Days    int          `json:"days,omitempty"`
	Before  money.Amount `json:"before"`
	After   money.Amount `json:"after"`
	// Closes is the first business date on which the counter's window may be closed:
	// the day after its last, and the grace of its periods later. It is empty where
	// the schedule has no period for the accumulator.
	Closes domain.Date `json:"closes,omitempty"`
}
