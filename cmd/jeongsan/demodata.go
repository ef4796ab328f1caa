package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// demoData writes what the two providers of the demo's platform would send: the
// same on every run. Among honest orders it holds what real files hold: test
// orders, refunds in part, an order delivered twice, a seller nobody registered
// and a line that is cut short.
type demoData struct {
	random *rand.Rand
	start  time.Time
	orders int // of the arcade, so far
	sales  int // of the market, so far
}

func newDemoData(start time.Time) *demoData {
	return &demoData{random: rand.New(rand.NewPCG(2026, 11)), start: start.UTC().Truncate(time.Second)}
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// arcade writes n orders as CSV, in dollars.
func (d *demoData) arcade(n int) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write([]string{"order_id", "ordered_at", "type", "game", "studio", "streamer", "method", "amount", "refund_of", "exported_at"}); err != nil {
		return nil, err
	}
	pacific, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		return nil, err
	}
	exported := d.start.Format(time.RFC3339)
	for range n {
		d.orders++
		r := d.random
		id := fmt.Sprintf("SA-%07d", d.orders)
		at := d.start.Add(-time.Duration(r.IntN(48*3600)) * time.Second).In(pacific).Format("01/02/2006 15:04:05")
		studio, streamer := pick(r, "comet", "paperfox", "nightowl"), pick(r, "streamer-juno", "streamer-max", "", "")
		game, method := pick(r, "star-drift", "fox-and-fold", "night-shift", "comet-rush"), pick(r, "card", "card", "wallet")
		cents := 99 + 100*r.IntN(60)
		kind := "sale"
		if r.IntN(12) == 0 {
			kind, game, cents = "top_up", "coins", 500*(1+r.IntN(20))
		}
		switch {
		case d.orders%97 == 0:
			id = "TEST-" + id
		case d.orders == 1:
			studio, streamer, game, method, kind, cents = "comet", "streamer-juno", "star-drift", "card", "sale", 1999
		}
		row := []string{id, at, kind, game, studio, streamer, method, dollars(cents), "", exported}
		if err := w.Write(row); err != nil {
			return nil, err
		}
		if d.orders%40 == 0 && kind == "sale" { // the buyer gets half of it back
			refund := []string{"R" + id, at, "refund", game, studio, streamer, method, "-" + dollars(cents/2), id, exported}
			if err := w.Write(refund); err != nil {
				return nil, err
			}
		}
		if d.orders%500 == 0 { // delivered twice, exported at another time
			row[9] = d.start.Add(time.Hour).Format(time.RFC3339)
			if err := w.Write(row); err != nil {
				return nil, err
			}
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func dollars(cents int) string { return strconv.Itoa(cents/100) + fmt.Sprintf(".%02d", cents%100) }

// market writes n payments as NDJSON, in won.
func (d *demoData) market(n int) ([]byte, error) {
	type payment struct {
		Method   string      `json:"method"`
		Currency string      `json:"currency"`
		Amount   json.Number `json:"amount"`
	}
	type record struct {
		ID         string  `json:"id"`
		Kind       string  `json:"kind"`
		ApprovedAt string  `json:"approved_at"`
		Seller     string  `json:"seller"`
		Affiliate  string  `json:"affiliate,omitempty"`
		Category   string  `json:"category,omitempty"`
		Cancels    string  `json:"cancels,omitempty"`
		Payment    payment `json:"payment"`
	}
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	for range n {
		d.sales++
		r := d.random
		won := 100 * (10 + r.IntN(2000))
		sale := record{
			ID: fmt.Sprintf("HG%08d", d.sales), Kind: "sale",
			ApprovedAt: d.start.Add(-time.Duration(r.IntN(24*3600)) * time.Second).In(seoul).Format(time.RFC3339),
			Seller:     pick(r, "seller-bukchon", "seller-jeju", "seller-dongdaemun"),
			Affiliate:  pick(r, "", "", "affiliate-mina", "affiliate-joon"),
			Category:   pick(r, "craft", "food", "fashion", ""),
			Payment:    payment{pick(r, "card", "transfer", "easy_pay"), "KRW", json.Number(strconv.Itoa(won))},
		}
		if d.sales%2500 == 0 {
			sale.Seller = "seller-unknown"
		}
		if err := lines.Encode(sale); err != nil {
			return nil, err
		}
		if d.sales%60 == 0 && sale.Seller != "seller-unknown" {
			cancel := sale
			cancel.ID, cancel.Kind, cancel.Cancels = "C"+sale.ID, "refund", sale.ID
			cancel.Payment.Amount = json.Number("-" + strconv.Itoa(won))
			if err := lines.Encode(cancel); err != nil {
				return nil, err
			}
		}
		if d.sales == 777 {
			b.WriteString("{\"id\":\"HG-broken\",\"kind\":\"sale\",\"pay\n")
		}
	}
	return b.Bytes(), nil
}
