package postgres

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/domain"
)

const (
	// defaultPoolConns is the size of a pool where the connection string gives
	// none: one per read model, and some for queries and a rebuild.
	defaultPoolConns = 24
	// leastPoolConns is what a projector and a rebuild need at a time: with fewer,
	// a rebuild would wait for a connection that it holds itself.
	leastPoolConns = 9
)

// Connect opens a pool over a connection string (URL or key=value) and checks
// that the server answers. Its connections exchange numeric with decimal.Decimal
// and money.Amount, and run in UTC. Errors are CodeInvalid for the string and
// CodeUnavailable for the server.
func Connect(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, &domain.Error{
			Code: domain.CodeInvalid, Field: "database", Message: "not a Postgres connection string", Err: err,
			Remedy: "write it as postgres://user@host:5432/database",
		}
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		config.MaxConns = defaultPoolConns
	}
	if config.MaxConns < leastPoolConns {
		return nil, &domain.Error{
			Code: domain.CodeInvalid, Field: "pool_max_conns", Value: strconv.Itoa(int(config.MaxConns)), Message: "too few connections for a projector",
			Remedy: "give at least " + strconv.Itoa(leastPoolConns) + ", or leave it out",
		}
	}
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "jeongsan"
	}
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		RegisterNumeric(conn.TypeMap())
		return checkVersion(conn.PgConn().ParameterStatus("server_version"))
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err == nil {
		if err = pool.Ping(ctx); err == nil {
			return pool, nil
		}
		pool.Close()
	}
	if old := (*domain.Error)(nil); errors.As(err, &old) {
		return nil, old
	}
	return nil, &domain.Error{
		Code: domain.CodeUnavailable, Field: "database", Message: "cannot connect to Postgres", Err: err,
		Remedy: "check that the server runs and that the connection string of --database is right",
	}
}

// oldestServer is the first version of Postgres that hashes rows, which read
// models are compared by.
const oldestServer = 14

func checkVersion(version string) error {
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldestServer {
		return &domain.Error{
			Code: domain.CodeInvalid, Field: "database", Value: version, Message: "the Postgres server is too old",
			Remedy: "use version " + strconv.Itoa(oldestServer) + " or later",
		}
	}
	return nil
}
