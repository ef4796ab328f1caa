package graph

import (
	"context"

	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/projections"
)

// projections answers how far the read models are.
func (r *Resolver) projections(ctx context.Context) ([]*generated.Projection, error) {
	status, err := projections.Status(ctx, r.pool)
	if err != nil {
		return nil, err
	}
	shown := make([]*generated.Projection, 0, len(status))
	for _, s := range status {
		p := &generated.Projection{
			Name: s.Name, Version: s.Version, Position: r.token(s.Position), Events: s.Events, UpdatedAt: s.UpdatedAt, Rebuilding: s.Rebuilding != nil,
		}
		if s.Parked != nil {
			p.Parked = &generated.ParkedEvent{
				Position: r.token(s.Parked.Position), Event: eventID(s.Parked.Ref.Stream, s.Parked.Ref.Revision), Reason: s.Parked.Reason, Since: s.Parked.At,
			}
		}
		shown = append(shown, p)
	}
	return shown, nil
}
