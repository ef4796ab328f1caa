-- The audit index: every event of the log and what it concerns.

CREATE SCHEMA {schema};

-- What events concern, and their streams, types and actors, as "party:<id>",
-- "contract:<id>", "schedule:<id>", "calendar:<id>", "source:<id>", "book:<id>",
-- "stream:<name>", "type:<name>" and "actor:<name>", numbered from 1 in the order of first
-- appearance in the log.
CREATE TABLE {schema}.subjects (
    id   int  PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE {schema}.events (
    position    bigint      PRIMARY KEY,
    revision    bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    stream      int         NOT NULL,
    type        int         NOT NULL,
    actor       int         NOT NULL,
    -- What the event concerns, ascending, without its stream, type and actor.
    subjects    int[]       NOT NULL,
    -- The transactions it concerns, as "<source>/<external id>": the one that it is
    -- about, and the one that this refunds, reverses or adjusts; empty where there is none.
    transaction text COLLATE "C" NOT NULL,
    original    text COLLATE "C" NOT NULL
);
CREATE INDEX events_transaction ON {schema}.events (transaction, position) WHERE transaction <> '';
CREATE INDEX events_original ON {schema}.events (original, position) WHERE original <> '';

-- The events of each subject, at most 64 to a row. position is the last item's.
-- Events of a book's stream are those of its book, and not listed again for it.
CREATE TABLE {schema}.mentions (
    subject   int      NOT NULL,
    position  bigint   NOT NULL,
    positions bigint[] NOT NULL, -- ascending
    PRIMARY KEY (subject, position)
);
