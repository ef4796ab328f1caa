package projections

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/daily"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// faulty is the daily totals with code that fails on one event.
type faulty struct {
	daily.Model
	at   domain.Ref
	fail func() error
}

func (f faulty) Projector(schema string) readmodel.Projector {
	return faultyProjector{f.Model.Projector(schema), f}
}

type faultyProjector struct {
	readmodel.Projector
	faulty
}

func (p faultyProjector) Project(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	if err := p.Projector.Project(ctx, tx, events); err != nil {
		return err
	}
	for _, e := range events {
		if e.Stream == p.at.Stream && e.Revision == p.at.Revision {
			return p.fail()
		}
	}
	return nil
}

// TestFaultyCodeParks: a read model whose code fails on one event, or panics there,
// stops before it and shows it. The others go on; with the code mended it takes the
// event up again.
func TestFaultyCodeParks(t *testing.T) {
	for name, fail := range map[string]func() error{
		"returns an error": func() error { return errors.New("planted: division by zero") },
		"panics":           func() error { panic("planted: division by zero") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t, 24, nil)
			h.grow(80)
			ref := h.refs[len(h.refs)/2]
			pool := testkit.Database(t)
			models := Models()
			for i := range models {
				if models[i].Definition().Name == "daily" {
					models[i] = faulty{at: ref, fail: fail}
				}
			}
			r := NewRunner(Config{Store: h.store, Pool: pool, Identity: h.identity, Models: models, Logger: quiet()})
			stop := start(t, r)
			await(t, r, h.last)
			for _, s := range must(Status(t.Context(), pool)) {
				if s.Name != "daily" {
					require.Nil(t, s.Parked, s.Name)
					require.Equal(t, h.last, s.Position)
					continue
				}
				require.NotNil(t, s.Parked)
				require.Equal(t, ref, s.Parked.Ref)
				require.Contains(t, s.Parked.Reason, "planted: division by zero")
				require.Less(t, s.Position, s.Parked.Position)
			}
			require.ErrorContains(t, r.Health(), "daily")
			stop()

			r = h.runner(pool)
			stop = start(t, r)
			await(t, r, h.last)
			stop()
			require.NoError(t, r.Health())
			requireSame(t, reference(t, h), dump(t, pool))
		})
	}
}
