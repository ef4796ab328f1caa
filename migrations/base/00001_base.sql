-- +goose Up

-- The log that every row of the read models comes from. One row at most. Where
-- it differs from the log that is connected, all read models are rebuilt.
CREATE TABLE jeongsan.log (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    log_id      uuid    NOT NULL,
    incarnation int     NOT NULL CHECK (incarnation > 0)
);

-- How far each read model is. A row "<name>_next" belongs to a rebuild aside
-- that is under way.
CREATE TABLE jeongsan.checkpoints (
    read_model      text        PRIMARY KEY,
    version         int         NOT NULL,           -- of the tables and the fold
    generation      bigint      NOT NULL DEFAULT 1, -- raised whenever the tables were replaced
    position        bigint      NOT NULL DEFAULT 0, -- everything up to here is in; 0 is the start of the log
    events          bigint      NOT NULL DEFAULT 0, -- events of the read model's streams that are in
    parked_position bigint,                         -- the event it cannot take, or null
    parked_stream   text,
    parked_revision bigint,
    parked_reason   text,
    parked_at       timestamptz,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nulls(parked_position, parked_stream, parked_revision, parked_reason, parked_at) IN (0, 5))
) WITH (fillfactor = 50);
