package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// stored is what lies on disk, in bytes, and what has been flushed so far.
type stored struct {
	node, nodeWAL, index     int64
	database, databaseWAL    int64 // the WAL as written since the server began
	flushes, appends, events float64
	flushSeconds             float64
}

// stored looks at all stores of a ledger.
func (l *ledger) stored(ctx context.Context) (stored, error) {
	var s stored
	var errs [3]error
	s.node, s.nodeWAL, errs[0] = directorySize(l.Node)
	s.index, _, errs[1] = directorySize(l.Index)
	if l.Pool != nil {
		errs[2] = l.Pool.QueryRow(ctx, "SELECT pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn").Scan(&s.database, &s.databaseWAL)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return s, fmt.Errorf("measure what is stored: %w", err)
	}
	families, err := l.Metrics.Gather()
	if err != nil {
		return s, fmt.Errorf("read the metrics: %w", err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			switch family.GetName() {
			case "jeongsan_node_flush_seconds":
				s.flushes, s.flushSeconds = float64(m.GetHistogram().GetSampleCount()), m.GetHistogram().GetSampleSum()
			case "jeongsan_node_appends_total":
				s.appends = m.GetCounter().GetValue()
			case "jeongsan_node_events_total":
				s.events = m.GetCounter().GetValue()
			}
		}
	}
	return s, nil
}

// directorySize sums the files below a directory; those of Pebble's write-ahead
// log are counted again apart. Files that go meanwhile count for nothing.
func directorySize(dir string) (total, wal int64, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		total += info.Size()
		if strings.HasSuffix(path, ".log") {
			wal += info.Size()
		}
		return nil
	})
	return total, wal, err
}

// report adds what n settlements have taken in the stores.
func (s stored) report(r *result, before stored, n int, postgres bool) {
	each := func(name string, after, before int64) {
		r.add(name, float64(after-before)/float64(n), "B/settlement")
	}
	each("bytes_node", s.node, before.node)
	each("bytes_node_wal_of_it", s.nodeWAL, before.nodeWAL)
	each("bytes_index", s.index, before.index)
	if postgres {
		each("bytes_postgres", s.database, before.database)
		each("bytes_both_stores", s.node+s.database, before.node+before.database)
		each("bytes_postgres_wal_written", s.databaseWAL, before.databaseWAL)
	}
	r.add("flushes", s.flushes-before.flushes, "")
	r.add("settlements_per_flush", float64(n)/max(1, s.flushes-before.flushes), "")
	r.add("flush_mean", 1000*(s.flushSeconds-before.flushSeconds)/max(1, s.flushes-before.flushes), "ms")
}

// relations adds the size of each read model, indexes included.
func (l *ledger) relations(ctx context.Context, r *result, n int) error {
	rows, err := l.Pool.Query(ctx, `
		SELECT n.nspname, sum(pg_total_relation_size(c.oid))::bigint
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public')
		GROUP BY 1 ORDER BY 2 DESC`)
	if err != nil {
		return fmt.Errorf("measure the read models: %w", err)
	}
	var schema string
	var size int64
	_, err = pgx.ForEachRow(rows, []any{&schema, &size}, func() error {
		if each := float64(size) / float64(n); each >= 1 {
			r.add("bytes_of_"+schema, each, "B/settlement")
		}
		return nil
	})
	return err
}

// readSettings reads the settings of a Postgres server that decide its speed.
func readSettings(ctx context.Context, pool *pgxpool.Pool) (map[string]string, error) {
	rows, err := pool.Query(ctx, `
		SELECT name, current_setting(name) FROM pg_settings WHERE name IN (
			'server_version', 'shared_buffers', 'synchronous_commit', 'fsync', 'full_page_writes', 'wal_level', 'wal_compression',
			'max_wal_size', 'checkpoint_timeout', 'wal_buffers', 'data_checksums', 'work_mem', 'autovacuum', 'jit', 'wal_sync_method')`)
	if err != nil {
		return nil, fmt.Errorf("read the settings of Postgres: %w", err)
	}
	settings := map[string]string{}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		settings[name] = value
		return nil
	})
	return settings, err
}
