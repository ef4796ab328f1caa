package book

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Hold is a change of what an account holds back until a date: an account has one
// sum for each date and each purpose that it moves into then. Nothing is kept per
// sale.
type Hold struct {
	Account ledger.AccountID `json:"account"`
	// Into is the purpose, of the same owner and currency, that the money moves into.
	Into string      `json:"into"`
	On   domain.Date `json:"on"`
	// Change is what is held more (greater than zero) or less.
	Change money.Amount `json:"change"`
}
