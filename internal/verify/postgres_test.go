package verify

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// project brings the read models of a database up to the end of a log.
func project(t *testing.T, s *script, pool *pgxpool.Pool) {
	t.Helper()
	runner := projections.NewRunner(projections.Config{
		Store: s.store, Pool: pool, Models: projections.Models(), Logger: slog.New(slog.DiscardHandler),
		Identity: eventstore.Identity{LogID: uuid.MustParse(logID), Incarnation: 1},
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	last, err := s.store.LastPosition(ctx)
	require.NoError(t, err)
	require.NoError(t, runner.Await(ctx, last))
	cancel()
	require.NoError(t, <-done)
}

// projectInFullRows projects into a database of its own. Where a batch ends, a row
// of an account's entries ends too, and a machine with other work cuts batches
// anywhere: it begins again until the rows that the faults are planted in hold
// the items that they change.
func projectInFullRows(t *testing.T, s *script) *pgxpool.Pool {
	t.Helper()
	const torn = `SELECT count(*) FROM (
		SELECT min(cardinality(positions)) AS items FROM account.entries e JOIN account.accounts a USING (account) WHERE a.path = 'studio/payable/GBP'
		UNION ALL SELECT min(cardinality(positions)) FROM transaction.parties WHERE party = 'studio'
		UNION ALL SELECT min(cardinality(positions)) FROM audit.mentions m JOIN audit.subjects s ON s.id = m.subject WHERE s.name IN ('party:studio', 'actor:operator:kim')
	) rows WHERE items < 3`
	for {
		require.NoError(t, t.Context().Err())
		pool, short := testkit.Database(t), 0
		project(t, s, pool)
		require.NoError(t, pool.QueryRow(t.Context(), torn).Scan(&short))
		if short == 0 {
			return pool
		}
	}
}

// busy is a log with everything in it, and accounts with more entries than fit
// into one row.
func busy(t *testing.T) *script {
	s := newScript(t)
	s.sound()
	s.tier()
	s.second(firstSale, secondSale, halfBack, allBack, unsold)
	for i := range 150 {
		s.add("book-main", typeTransactionSettled, sale(fmt.Sprint("C-", i)).with(object{"version": 2, "uses": object{"contract-c1": 1, "schedule-standard": 1}}))
	}
	return s
}

func TestReadModelsEqualTheLog(t *testing.T) {
	s, pool := busy(t), testkit.Database(t)
	s.add("book-main", typeEntryReversed, refundReversal("X-2", "R-1", 2))
	project(t, s, pool)
	report, err := Verify(t.Context(), Config{Store: s.store, Pool: pool})
	require.NoError(t, err)
	require.Len(t, report.ReadModels, len(models))
	for _, m := range report.ReadModels {
		require.Equal(t, m.Name == "hold", m.Rows == 0, m.Name)
		require.LessOrEqual(t, report.Position, m.Position)
	}
	held := map[string]uint64{}
	for _, c := range report.Checks {
		held[c.Name] = c.Checked
	}
	// What lasts beyond an entry has tests of its own: life_test.go.
	lasting := []string{checkConverted, checkHolds, checkDates, checkReleases, checkClosings, checkAdjustments, checkAwaits, checkSteps, checkWaiting, checkHeld}
	for _, name := range checkNames {
		require.Equal(t, slices.Contains(lasting, name), held[name] == 0, "%q was checked and counted", name)
	}
	require.Equal(t, report.Counts.Postings, held[checkEntries])
	require.Equal(t, report.Counts.Settlements+report.Counts.Reversals, held[checkTransactions])
	require.Equal(t, report.Counts.Events, held[checkAudit])
}

// save copies all tables aside and returns a function that puts them back.
func save(t *testing.T, pool *pgxpool.Pool) (restore func()) {
	rows, err := pool.Query(t.Context(), `SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
		WHERE table_schema IN ('account', 'transaction', 'daily', 'directory', 'audit', 'hold') OR (table_schema, table_name) IN (('jeongsan', 'log'), ('jeongsan', 'checkpoints'))`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Greater(t, len(tables), 12)
	var script strings.Builder
	fmt.Fprintf(&script, "TRUNCATE %s;\n", strings.Join(tables, ", "))
	for i, table := range tables {
		_, err := pool.Exec(t.Context(), fmt.Sprintf("CREATE TABLE saved_%d AS TABLE %s", i, table))
		require.NoError(t, err)
		fmt.Fprintf(&script, "INSERT INTO %s SELECT * FROM saved_%d;\n", table, i)
	}
	return func() {
		_, err := pool.Exec(context.WithoutCancel(t.Context()), script.String())
		require.NoError(t, err)
	}
}

// Each row that is changed, missing or too many must be named.
func TestReadModelFaults(t *testing.T) {
	s := busy(t)
	pool := projectInFullRows(t, s)
	restore := save(t, pool)
	last, err := s.store.LastPosition(t.Context())
	require.NoError(t, err)
	studio := `(SELECT account FROM account.accounts WHERE path = 'studio/payable/GBP')`
	studioNumber := `(SELECT id FROM audit.subjects WHERE name = 'party:studio')`
	for name, test := range map[string]struct {
		sql   string
		check string
		says  []string
	}{
		"balance changed": {`UPDATE account.balances SET credits = credits + 0.00000001 WHERE account = ` + studio,
			checkBalances, []string{"studio/payable/GBP of book main", "credits 1078.00", "credits 1078.00000001"}},
		"balance missing":        {`DELETE FROM account.balances WHERE account = ` + studio, checkBalances, []string{"studio/payable/GBP", "found none"}},
		"balance too many":       {`INSERT INTO account.balances VALUES (999, 1, 0, 1, 1)`, checkBalances, []string{"account 999"}},
		"balance at other event": {`UPDATE account.balances SET position = position - 1 WHERE account = ` + studio, checkBalances, []string{"position"}},
		"account changed":        {`UPDATE account.accounts SET owner = 'arcade' WHERE account = ` + studio, checkAccounts, []string{"owner studio", "owner arcade"}},
		"account missing":        {`DELETE FROM account.accounts WHERE account = ` + studio, checkAccounts, []string{"studio/payable/GBP", "found none"}},
		"account too many":       {`INSERT INTO account.accounts VALUES (999, 'main', 'x/payable/GBP', 'x', 'payable', 'GBP', 1)`, checkAccounts, []string{"x/payable/GBP"}},
		"entry amount changed": {`UPDATE account.entries SET amounts[3] = amounts[3] + 1 WHERE account = ` + studio + ` AND position = (SELECT min(position) FROM account.entries WHERE account = ` + studio + `)`,
			checkEntries, []string{"studio/payable/GBP", "item 3", "3.50 at", "4.50 at"}},
		"entry side changed": {`UPDATE account.entries SET debit[1] = NOT debit[1] WHERE account = ` + studio + ` AND position = (SELECT min(position) FROM account.entries WHERE account = ` + studio + `)`,
			checkEntries, []string{"item 1", "credit 7.00", "debit 7.00"}},
		"entry position changed": {`UPDATE account.entries SET positions[1] = positions[1] - 1 WHERE account = ` + studio + ` AND position = (SELECT max(position) FROM account.entries WHERE account = ` + studio + `)`,
			checkEntries, []string{"item 1"}},
		"running total changed": {`UPDATE account.entries SET credits = credits + 0.01 WHERE account = ` + studio + ` AND position = (SELECT min(position) FROM account.entries WHERE account = ` + studio + `)`,
			checkEntries, []string{"running"}},
		"entries row missing in the middle": {`DELETE FROM account.entries WHERE account = ` + studio + ` AND position = (SELECT min(position) FROM account.entries WHERE account = ` + studio + `)`,
			checkEntries, []string{"item 1"}},
		"entries row missing at the end": {`DELETE FROM account.entries WHERE account = ` + studio + ` AND position = (SELECT max(position) FROM account.entries WHERE account = ` + studio + `)`,
			checkEntries, []string{"studio/payable/GBP", "found none"}},
		"entries all missing": {`DELETE FROM account.entries WHERE account = ` + studio, checkEntries, []string{"studio/payable/GBP", "no row"}},
		"entries too many": {fmt.Sprintf(`INSERT INTO account.entries SELECT account, %d, ARRAY[%d], ARRAY[true], ARRAY[1.0], debits + 1, credits FROM account.balances WHERE account = %s`, last+5, last+5, studio),
			checkEntries, []string{"no item", "debit 1.00"}},
		"entries of no account":    {`INSERT INTO account.entries VALUES (999, 1, '{1}', '{true}', '{1}', 1, 0)`, checkEntries, []string{"account 999"}},
		"entries with torn arrays": {`UPDATE account.entries SET amounts = amounts[2:] WHERE account = ` + studio, checkEntries, []string{"arrays of one length"}},

		"transaction changed":         {`UPDATE transaction.transactions SET amount = amount + 0.001 WHERE external_id = 'A-3'`, checkTransactions, []string{"book-main@7", "amount 10", "amount 10.001"}},
		"transaction renamed":         {`UPDATE transaction.transactions SET method = '' WHERE external_id = 'A-3'`, checkTransactions, []string{"method card", "method empty"}},
		"transaction seen by others":  {`UPDATE transaction.transactions SET parties = parties[2:] WHERE external_id = 'A-3'`, checkTransactions, []string{"parties arcade, card, studio", "parties card, studio"}},
		"transaction at other time":   {`UPDATE transaction.transactions SET occurred_at = occurred_at + interval '1 microsecond' WHERE external_id = 'A-3'`, checkTransactions, []string{"2026-11-22T09:00:00.123456Z", "2026-11-22T09:00:00.123457Z"}},
		"transaction missing":         {`DELETE FROM transaction.transactions WHERE external_id = 'A-3'`, checkTransactions, []string{"a row for book-main@7", "none"}},
		"last transaction missing":    {`DELETE FROM transaction.transactions WHERE external_id = 'C-149'`, checkTransactions, []string{"none"}},
		"transaction too many":        {`INSERT INTO transaction.transactions SELECT 1, book, 99999, kind, 'pg', 'ghost', type, method, product, currency, amount, occurred_at, effective_on, recorded_at, contract, schedule, version, reason, parties FROM transaction.transactions WHERE external_id = 'A-3'`, checkTransactions, []string{"pg/ghost"}},
		"transaction beyond the log":  {fmt.Sprintf(`INSERT INTO transaction.transactions SELECT %d, book, 99999, kind, 'pg', 'ghost', type, method, product, currency, amount, occurred_at, effective_on, recorded_at, contract, schedule, version, reason, parties FROM transaction.transactions WHERE external_id = 'A-3'`, last+9), checkTransactions, []string{"pg/ghost"}},
		"party's transaction missing": {`UPDATE transaction.parties SET positions = positions[2:] WHERE party = 'studio' AND position = (SELECT min(position) FROM transaction.parties WHERE party = 'studio')`, checkParties, []string{"studio", "item 1"}},
		"party's last row missing":    {`DELETE FROM transaction.parties WHERE party = 'studio' AND position = (SELECT max(position) FROM transaction.parties WHERE party = 'studio')`, checkParties, []string{"studio", "found none"}},
		"party's rows all missing":    {`DELETE FROM transaction.parties WHERE party = 'studio'`, checkParties, []string{"studio", "no row"}},
		"party too many":              {`INSERT INTO transaction.parties VALUES ('ghost', 1, '{1}')`, checkParties, []string{"ghost"}},
		"link missing":                {`DELETE FROM transaction.links WHERE kind = 'reversal'`, checkLinks, []string{"reversal of book-main@1", "no row"}},
		"link changed":                {`UPDATE transaction.links SET kind = 'refund' WHERE kind = 'reversal'`, checkLinks, []string{"no such link"}},

		"counter changed":     {`UPDATE transaction.counters SET value = value + 0.01 WHERE name = 'ytd'`, checkCounters, []string{"transaction.counters second contract:c3/ytd/2026/GBP/", "value 0", "value 0.01"}},
		"counter of an owner": {`UPDATE transaction.counters SET owner = 'c1' WHERE name = 'ytd'`, checkCounters, []string{"owner c3", "owner c1"}},
		"counter too early":   {`UPDATE transaction.counters SET position = position - 1 WHERE name = 'ytd'`, checkCounters, []string{"position"}},
		"counter missing":     {`DELETE FROM transaction.counters WHERE name = 'ytd'`, checkCounters, []string{"a row at 0", "none"}},
		"counter too many":    {`INSERT INTO transaction.counters SELECT 'main', counter, scope, owner, name, period, currency, key, value, transactions, position, revision FROM transaction.counters WHERE name = 'ytd'`, checkCounters, []string{"transaction.counters main", "no row"}},

		"daily total changed":  {`UPDATE daily.totals SET debits = debits + 0.01 WHERE party = 'card' AND type = 'sale'`, checkDaily, []string{"2026-11-22", "party card", "debits"}},
		"daily count changed":  {`UPDATE daily.totals SET transactions = transactions + 1 WHERE party = 'card' AND type = 'sale'`, checkDaily, []string{"transactions"}},
		"daily total missing":  {`DELETE FROM daily.totals WHERE party = 'card' AND type = 'refund'`, checkDaily, []string{"type refund", "no row"}},
		"daily total too many": {`INSERT INTO daily.totals VALUES ('2026-11-23', 'main', 'card', '', '', 'sale', 'GBP', 1, 0, 0, 1000000)`, checkDaily, []string{"2026-11-23"}},

		"party changed":      {`UPDATE directory.parties SET kind = 'seller' WHERE party = 'card'`, checkDirectory, []string{"directory.parties card", "kind supplier", "kind seller"}},
		"party unsealed":     {`UPDATE directory.parties SET personal = '{"name":"Kim"}' WHERE party = 'studio'`, checkDirectory, []string{"personal"}},
		"party missing":      {`DELETE FROM directory.parties WHERE party = 'card'`, checkDirectory, []string{"directory.parties card", "none"}},
		"contract changed":   {`UPDATE directory.contracts SET valid_until = NULL`, checkDirectory, []string{"valid_until 2026-12-01", "valid_until empty"}},
		"contract reworded":  {`UPDATE directory.contracts SET terms = jsonb_set(terms, '{parties,funds}', '"arcade"')`, checkDirectory, []string{"terms"}},
		"schedule changed":   {`UPDATE directory.schedules SET effective_from = '2026-11-02' WHERE version = 2`, checkDirectory, []string{"standard version 2", "2026-11-02"}},
		"schedule missing":   {`DELETE FROM directory.schedules WHERE version = 1`, checkDirectory, []string{"standard version 1", "none"}},
		"source changed":     {`UPDATE directory.sources SET quarantined = 0`, checkDirectory, []string{"quarantined 1", "quarantined 0"}},
		"quarantine changed": {`UPDATE directory.quarantine SET reason = 'fine'`, checkDirectory, []string{"reason cut off", "reason fine"}},
		"quarantine emptied": {`DELETE FROM directory.quarantine`, checkDirectory, []string{"B-2"}},

		"audit row changed": {`UPDATE audit.events SET subjects = array_remove(subjects, ` + studioNumber + `) WHERE position = (SELECT position FROM transaction.transactions WHERE external_id = 'A-3')`,
			checkAudit, []string{"book-main@7", "party:studio"}},
		"audit subjects out of order": {`UPDATE audit.events SET subjects = subjects[2:] || subjects[:1] WHERE position = (SELECT position FROM transaction.transactions WHERE external_id = 'A-3')`,
			checkAudit, []string{"book-main@7", "subjects"}},
		"audit subject of no name": {`UPDATE audit.events SET subjects = subjects || 999 WHERE position = (SELECT position FROM transaction.transactions WHERE external_id = 'A-3')`,
			checkAudit, []string{"book-main@7", "999, which has no name"}},
		"audit actor of no name": {`WITH gone AS (DELETE FROM audit.subjects WHERE name = 'actor:operator:kim' RETURNING id) UPDATE audit.events SET actor = 0 WHERE actor = (SELECT id FROM gone)`,
			checkAudit, []string{"actor operator:kim", "number 0, which has no name"}},
		"audit transaction":      {`UPDATE audit.events SET transaction = 'pg/ghost' WHERE position = (SELECT position FROM transaction.transactions WHERE external_id = 'A-3')`, checkAudit, []string{"/A-3", "transaction pg/ghost"}},
		"audit original":         {`UPDATE audit.events SET original = '' WHERE original <> ''`, checkAudit, []string{"original empty"}},
		"audit actor":            {`UPDATE audit.subjects SET name = 'actor:operator:lee' WHERE name = 'actor:operator:kim'`, checkAudit, []string{"actor operator:kim", "actor operator:lee"}},
		"audit row missing":      {`DELETE FROM audit.events WHERE position = (SELECT max(position) FROM audit.events)`, checkAudit, []string{"a row for book-main@158", "none"}},
		"audit row too many":     {fmt.Sprintf(`INSERT INTO audit.events SELECT %d, 99999, recorded_at, stream, type, actor, subjects, '', '' FROM audit.events ORDER BY position LIMIT 1`, last+9), checkAudit, []string{"@99999"}},
		"audit name too many":    {`INSERT INTO audit.subjects VALUES (999, 'party:ghost')`, checkAudit, []string{"party:ghost", "999"}},
		"mention missing":        {`UPDATE audit.mentions SET positions = positions[2:] WHERE subject = ` + studioNumber + ` AND position = (SELECT min(position) FROM audit.mentions WHERE subject = ` + studioNumber + `)`, checkAudit, []string{"audit.mentions party:studio", "item 1"}},
		"mention changed":        {`UPDATE audit.mentions SET positions[2] = positions[2] + 1 WHERE subject = ` + studioNumber + ` AND position = (SELECT min(position) FROM audit.mentions WHERE subject = ` + studioNumber + `)`, checkAudit, []string{"audit.mentions party:studio", "item 2"}},
		"mention of an actor":    {`UPDATE audit.mentions SET positions = positions[2:] WHERE subject = (SELECT id FROM audit.subjects WHERE name = 'actor:operator:kim') AND cardinality(positions) > 1`, checkAudit, []string{"audit.mentions actor:operator:kim", "item 1"}},
		"mentions misplaced":     {`UPDATE audit.mentions SET position = position + 1 WHERE (subject, position) = (SELECT subject, max(position) FROM audit.mentions WHERE subject = ` + studioNumber + ` GROUP BY 1)`, checkAudit, []string{"audit.mentions party:studio", "end at the row's position"}},
		"last mentions missing":  {`DELETE FROM audit.mentions WHERE (subject, position) = (SELECT subject, max(position) FROM audit.mentions WHERE subject = ` + studioNumber + ` GROUP BY 1)`, checkAudit, []string{"audit.mentions party:studio", "found none"}},
		"mentions all missing":   {`DELETE FROM audit.mentions WHERE subject = ` + studioNumber, checkAudit, []string{"audit.mentions party:studio", "no row"}},
		"mentions too many":      {fmt.Sprintf(`INSERT INTO audit.mentions VALUES (%s, %d, '{%d}')`, studioNumber, last+9, last+9), checkAudit, []string{"audit.mentions party:studio", "no item"}},
		"mentions of no subject": {`INSERT INTO audit.mentions VALUES (999, 1, '{1}')`, checkAudit, []string{"audit.mentions number 999"}},

		"checkpoint missing": {`DELETE FROM jeongsan.checkpoints WHERE read_model = 'daily'`, checkCheckpoints, []string{"daily", "never built"}},
		"checkpoint behind":  {`UPDATE jeongsan.checkpoints SET position = position - 1 WHERE read_model = 'daily'`, checkCheckpoints, []string{"daily", "1 events behind", "book-main@158"}},
		"parked": {`UPDATE jeongsan.checkpoints SET parked_position = 1, parked_stream = 'book-main', parked_revision = 0, parked_reason = 'numeric overflow', parked_at = now() WHERE read_model = 'account'`,
			checkCheckpoints, []string{"account", "book-main@0: numeric overflow"}},
		"another log":         {`UPDATE jeongsan.log SET log_id = '00000000-0000-0000-0000-000000000001'`, checkCheckpoints, []string{logID}},
		"another incarnation": {`UPDATE jeongsan.log SET incarnation = 2`, checkCheckpoints, []string{logID + "/1", logID + "/2"}},
	} {
		t.Run(name, func(t *testing.T) {
			defer restore()
			tag, err := pool.Exec(t.Context(), test.sql)
			require.NoError(t, err)
			require.NotZero(t, tag.RowsAffected(), "the fault was not planted")
			report, err := Verify(t.Context(), Config{Store: s.store, Pool: pool, Wait: time.Millisecond})
			d := find(t, err)
			require.Equal(t, test.check, d.Check, d.Error())
			for _, word := range test.says {
				require.Contains(t, d.Error(), word)
			}
			require.True(t, strings.HasSuffix(report.String(), d.Error()+"\n"))
			require.Equal(t, d, report.Difference)
		})
	}
}

func TestWaitsForReadModels(t *testing.T) {
	s, pool := busy(t), testkit.Database(t)
	_, err := Verify(t.Context(), Config{Store: s.store, Pool: pool, Wait: time.Millisecond})
	require.Equal(t, checkCheckpoints, find(t, err).Check, "nothing was projected yet")

	verified := make(chan error, 1)
	go func() {
		_, err := Verify(t.Context(), Config{Store: s.store, Pool: pool, Wait: time.Minute})
		verified <- err
	}()
	project(t, s, pool)
	require.NoError(t, <-verified)
}

func TestNothingAtAllIsSound(t *testing.T) {
	_, err := Verify(t.Context(), Config{Store: emptyScript(t).store, Pool: testkit.Database(t)})
	require.NoError(t, err)
}

// The log may grow while it is verified: what came later is not expected yet.
func TestLogGrowsMeanwhile(t *testing.T) {
	s, pool := busy(t), testkit.Database(t)
	project(t, s, pool)
	grown := tampered{s.store, func(all []eventstore.Recorded) []eventstore.Recorded {
		more := all[len(all)-1]
		more.Data = []byte(strings.ReplaceAll(string(more.Data), "C-149", "C-150"))
		more.Revision, more.Position = more.Revision+1, more.Position+1
		return append(all, more)
	}}
	report, err := Verify(t.Context(), Config{Store: grown, Pool: pool})
	require.NoError(t, err)
	require.EqualValues(t, 182, report.Counts.Events)
}

// Tables that are replaced while they are read give no difference.
func TestReplacedMeanwhile(t *testing.T) {
	s, pool := busy(t), testkit.Database(t)
	project(t, s, pool)
	var replaced bool
	read := func(uint64) {
		if replaced {
			return
		}
		replaced = true
		_, err := pool.Exec(t.Context(), `
			CREATE SCHEMA next;
			CREATE TABLE next.totals AS TABLE daily.totals;
			ALTER SCHEMA daily RENAME TO old;
			ALTER SCHEMA next RENAME TO daily;
			UPDATE jeongsan.checkpoints SET generation = generation + 1 WHERE read_model = 'daily'`)
		require.NoError(t, err)
	}
	report, err := Verify(t.Context(), Config{Store: s.store, Pool: pool, Progress: read})
	require.ErrorIs(t, err, ErrReplaced)
	require.Nil(t, report.Difference)
	_, err = Verify(t.Context(), Config{Store: s.store, Pool: pool})
	require.NoError(t, err)
}
