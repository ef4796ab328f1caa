package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// follower is a partner's program: it is subscribed to a balance and, whenever it
// hears of a change, reads the account's entries that it does not know yet. Cut
// off, and now and then by its own choice, it comes back with the cursor of the last
// message.
type follower struct {
	url, party string
	stop       context.CancelFunc
	done       chan struct{}
	resumed    int // read after end

	mu     sync.Mutex
	amount string
	seen   map[string]int // how often each settlement was told
}

// messagesPerStream is how many messages the follower takes before it hangs up.
const messagesPerStream = 10

func follow(ctx context.Context, url, party string) *follower {
	ctx, stop := context.WithCancel(ctx)
	f := &follower{url: url, party: party, stop: stop, done: make(chan struct{}), seen: map[string]int{}}
	go f.run(ctx)
	return f
}

func (f *follower) balance() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.amount
}

// end stops following and returns what was told.
func (f *follower) end() map[string]int {
	f.stop()
	<-f.done
	return f.seen
}

func (f *follower) run(ctx context.Context) {
	defer close(f.done)
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	cursor, known := "", ""
	for ctx.Err() == nil {
		f.listen(ctx, &cursor, &known)
		select {
		case <-pause.C:
			f.resumed++
		case <-ctx.Done():
		}
	}
}

// listen holds one subscription until it breaks off. known is the cursor of the
// newest entry that was read.
func (f *follower) listen(ctx context.Context, cursor, known *string) {
	after := ""
	if *cursor != "" {
		after = `, after: "` + *cursor + `"`
	}
	body, err := json.Marshal(map[string]string{"query": `subscription { balanceChanged(party: "` + f.party + `"` + after + `) { cursor balances { book account amount position } } }`})
	if err != nil {
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for messages := 0; messages < messagesPerStream && lines.Scan(); {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var message struct {
			Data struct {
				BalanceChanged *struct {
					Cursor   string
					Balances []struct{ Book, Account, Amount string }
				}
			}
		}
		if json.Unmarshal([]byte(data), &message) != nil || message.Data.BalanceChanged == nil {
			return // it was told why the stream ends
		}
		change := message.Data.BalanceChanged
		for _, b := range change.Balances {
			if !f.read(ctx, b.Book, b.Account, known) {
				return // not told to the end: the same message comes again
			}
			f.mu.Lock()
			f.amount = b.Amount
			f.mu.Unlock()
		}
		*cursor = change.Cursor
		messages++
	}
}

// read takes the entries of an account that are newer than the newest known, and
// reports whether it got them all.
func (f *follower) read(ctx context.Context, book, account string, known *string) bool {
	var fresh []string
	newest, after := "", ""
	for {
		var page struct {
			Balance struct {
				Entries struct {
					Nodes []struct {
						Position    string
						Transaction struct{ ExternalID string }
					}
					PageInfo struct {
						EndCursor   string
						HasNextPage bool
					}
				}
			}
		}
		if tryQuery(ctx, f.url, `{ balance(book: "`+book+`", account: "`+account+`") { entries(first: 200`+after+`) {
			nodes { position transaction { externalId } } pageInfo { endCursor hasNextPage } } } }`, &page) != nil {
			return false
		}
		entries := page.Balance.Entries
		for _, n := range entries.Nodes {
			if newest == "" {
				newest = n.Position
			}
			if n.Position == *known {
				entries.PageInfo.HasNextPage = false
				break
			}
			fresh = append(fresh, n.Transaction.ExternalID)
		}
		if !entries.PageInfo.HasNextPage {
			break
		}
		after = `, after: "` + entries.PageInfo.EndCursor + `"`
	}
	f.mu.Lock()
	for _, id := range fresh {
		f.seen[id]++
	}
	f.mu.Unlock()
	if newest != "" {
		*known = newest
	}
	return true
}
