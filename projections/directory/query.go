package directory

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/clause"
)

// Party is a party as it is now. Personal is its sealed envelope, nil where no
// personal data was given.
type Party struct {
	Party        string
	Kind         party.Kind
	Country      string
	Personal     *domain.Sealed
	RegisteredAt time.Time
	Position     eventstore.Position // of the last event about it
}

const partyColumns = `party, kind, country, personal, registered_at, position`

// Parties returns parties by id, those after an id; an empty kind selects all.
func Parties(ctx context.Context, pool *pgxpool.Pool, kind party.Kind, after string, limit int) ([]Party, error) {
	var w clause.Where
	w.And(`party > ?`, after)
	w.AndText(`kind`, string(kind))
	return collect[Party](pool.Query(ctx, `SELECT `+partyColumns+` FROM directory.parties`+w.String()+` ORDER BY party LIMIT `+w.Arg(limit), w.Args()...))
}

// PartiesByID returns those of the parties that are registered.
func PartiesByID(ctx context.Context, pool *pgxpool.Pool, ids []string) (map[string]Party, error) {
	list, err := collect[Party](pool.Query(ctx, `SELECT `+partyColumns+` FROM directory.parties WHERE party = ANY($1)`, ids))
	return keyed(list, func(p Party) string { return p.Party }), err
}

// Contract is a contract as it is now.
type Contract struct {
	Terms    contract.Terms // as signed
	Until    domain.Date    // exclusive; as signed or as ended since, empty where open-ended
	Position eventstore.Position
}

// ContractFilter selects contracts; what is empty selects all.
type ContractFilter struct {
	Book  string
	Party string // named by the contract itself or by what it applies to
}

const contractColumns = `terms, coalesce(valid_until::text, ''), position`

// Contracts returns contracts by id, those after an id.
func Contracts(ctx context.Context, pool *pgxpool.Pool, f ContractFilter, after string, limit int) ([]Contract, error) {
	var w clause.Where
	w.And(`contract > ?`, after)
	w.AndText(`book`, f.Book)
	if f.Party != "" {
		w.And(`EXISTS (SELECT FROM jsonb_each_text(coalesce(terms->'parties', '{}') || coalesce(terms->'applies'->'parties', '{}')) named WHERE named.value = ?)`, f.Party)
	}
	return collect[Contract](pool.Query(ctx, `SELECT `+contractColumns+` FROM directory.contracts`+w.String()+` ORDER BY contract LIMIT `+w.Arg(limit), w.Args()...))
}

// ContractsByID returns those of the contracts that exist.
func ContractsByID(ctx context.Context, pool *pgxpool.Pool, ids []string) (map[string]Contract, error) {
	list, err := collect[Contract](pool.Query(ctx, `SELECT `+contractColumns+` FROM directory.contracts WHERE contract = ANY($1)`, ids))
	return keyed(list, func(c Contract) string { return c.Terms.Contract }), err
}

// Schedule is one version of a schedule.
type Schedule struct {
	Document fee.Document
	Position eventstore.Position
}

// Version names one version of a schedule.
type Version struct {
	Schedule string
	Version  int
}

// Schedules returns schedule versions by id and version, those after one; an
// empty schedule selects all.
func Schedules(ctx context.Context, pool *pgxpool.Pool, schedule string, after Version, limit int) ([]Schedule, error) {
	var w clause.Where
	w.And(`(schedule, version) > (?, ?)`, after.Schedule, after.Version)
	w.AndText(`schedule`, schedule)
	return collect[Schedule](pool.Query(ctx, `SELECT document, position FROM directory.schedules`+w.String()+` ORDER BY schedule, version LIMIT `+w.Arg(limit), w.Args()...))
}

// LatestSchedule returns the newest version of a schedule; ok is false where there is none.
func LatestSchedule(ctx context.Context, pool *pgxpool.Pool, schedule string) (latest Schedule, ok bool, err error) {
	found, err := collect[Schedule](pool.Query(ctx, `SELECT document, position FROM directory.schedules WHERE schedule = $1 ORDER BY version DESC LIMIT 1`, schedule))
	if err != nil || len(found) == 0 {
		return Schedule{}, false, err
	}
	return found[0], true, nil
}

// SchedulesByVersion returns those of the schedule versions that exist.
func SchedulesByVersion(ctx context.Context, pool *pgxpool.Pool, versions []Version) (map[Version]Schedule, error) {
	ids, numbers := make([]string, len(versions)), make([]int32, len(versions))
	for i, v := range versions {
		ids[i], numbers[i] = v.Schedule, int32(v.Version)
	}
	list, err := collect[Schedule](pool.Query(ctx, `SELECT s.document, s.position FROM directory.schedules s
		JOIN unnest($1::text[], $2::int[]) AS wanted(schedule, version) USING (schedule, version)`, ids, numbers))
	return keyed(list, func(s Schedule) Version { return Version{s.Document.Schedule, s.Document.Version} }), err
}

// Calendar is one version of a calendar of business days.
type Calendar struct {
	Document calendar.Document
	Position eventstore.Position
}

// CalendarPlace names one version of a calendar.
type CalendarPlace struct {
	Calendar string
	Version  int
}

// Calendars returns the newest version of each calendar by id, those after an id.
func Calendars(ctx context.Context, pool *pgxpool.Pool, after string, limit int) ([]Calendar, error) {
	return collect[Calendar](pool.Query(ctx, `SELECT DISTINCT ON (calendar) document, position FROM directory.calendars
		WHERE calendar > $1 ORDER BY calendar, version DESC LIMIT $2`, after, limit))
}

// CalendarVersions returns versions of calendars by id and version, those after one; an
// empty calendar selects all.
func CalendarVersions(ctx context.Context, pool *pgxpool.Pool, id string, after CalendarPlace, limit int) ([]Calendar, error) {
	var w clause.Where
	w.And(`(calendar, version) > (?, ?)`, after.Calendar, after.Version)
	w.AndText(`calendar`, id)
	return collect[Calendar](pool.Query(ctx, `SELECT document, position FROM directory.calendars`+w.String()+` ORDER BY calendar, version LIMIT `+w.Arg(limit), w.Args()...))
}

// LatestCalendar returns the version of a calendar that applies; ok is false where
// there is none.
func LatestCalendar(ctx context.Context, pool *pgxpool.Pool, id string) (latest Calendar, ok bool, err error) {
	found, err := collect[Calendar](pool.Query(ctx, `SELECT document, position FROM directory.calendars WHERE calendar = $1 ORDER BY version DESC LIMIT 1`, id))
	if err != nil || len(found) == 0 {
		return Calendar{}, false, err
	}
	return found[0], true, nil
}

// Source is a feed and the definition that it is read with now.
type Source struct {
	Source      string
	Version     int
	Hash        string
	Definition  string
	Quarantined int64 // open records
	Position    eventstore.Position
}

const sourceColumns = `source, version, hash, definition, quarantined, position`

// Sources returns sources by id, those after an id.
func Sources(ctx context.Context, pool *pgxpool.Pool, after string, limit int) ([]Source, error) {
	return collect[Source](pool.Query(ctx, `SELECT `+sourceColumns+` FROM directory.sources WHERE source > $1 ORDER BY source LIMIT $2`, after, limit))
}

// FindSource returns one source; ok is false where it is not known.
func FindSource(ctx context.Context, pool *pgxpool.Pool, id string) (source Source, ok bool, err error) {
	found, err := collect[Source](pool.Query(ctx, `SELECT `+sourceColumns+` FROM directory.sources WHERE source = $1`, id))
	if err != nil || len(found) == 0 {
		return Source{}, false, err
	}
	return found[0], true, nil
}

func collect[T any](rows pgx.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[T])
}

// keyed turns a list into a map.
func keyed[K comparable, T any](list []T, key func(T) K) map[K]T {
	found := make(map[K]T, len(list))
	for _, item := range list {
		found[key(item)] = item
	}
	return found
}
