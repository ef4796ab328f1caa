-- The audit index: every event of the log and what it concerns.

CREATE SCHEMA {schema};

-- Dictionaries, numbered from 1 in the order of first appearance in the log.
CREATE TABLE {schema}.streams (id int PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE {schema}.types   (id int PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE {schema}.actors  (id int PRIMARY KEY, name text NOT NULL UNIQUE);

CREATE TABLE {schema}.events (
    position    bigint      PRIMARY KEY,
    stream      int         NOT NULL,
    revision    bigint      NOT NULL,
    type        int         NOT NULL,
    actor       int         NOT NULL,
    recorded_at timestamptz NOT NULL,
    -- "party:<id>", "contract:<id>", "schedule:<id>", "source:<id>", "book:<id>"
    -- and "transaction:<source>/<external id>" that the event concerns, sorted.
    ids         text[]      NOT NULL,
    UNIQUE (stream, revision)
);
CREATE INDEX events_ids ON {schema}.events USING gin (ids);
