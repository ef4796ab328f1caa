-- Parties, contracts, schedules, calendars and sources as they are now.

CREATE SCHEMA {schema};

CREATE TABLE {schema}.parties (
    party         text        PRIMARY KEY,
    kind          text        NOT NULL,
    country       text        NOT NULL, -- '' where not given
    personal      jsonb,                -- the sealed envelope, never clear text
    registered_at timestamptz NOT NULL,
    position      bigint      NOT NULL  -- of the last event about the party
);

CREATE TABLE {schema}.contracts (
    contract    text   PRIMARY KEY,
    book        text   NOT NULL,
    schedule    text   NOT NULL,
    terms       jsonb  NOT NULL, -- as signed
    valid_from  date   NOT NULL, -- inclusive, in the contract's zone
    valid_until date,            -- exclusive; as signed, or as the contract was ended since
    position    bigint NOT NULL  -- of the last event about the contract
);
CREATE INDEX contracts_schedule ON {schema}.contracts (schedule);

CREATE TABLE {schema}.schedules (
    schedule       text   NOT NULL,
    version        int    NOT NULL,
    effective_from date   NOT NULL,
    document       jsonb  NOT NULL,
    position       bigint NOT NULL,
    PRIMARY KEY (schedule, version)
);

CREATE TABLE {schema}.calendars (
    calendar text   NOT NULL,
    version  int    NOT NULL, -- the newest applies
    document jsonb  NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (calendar, version)
);

CREATE TABLE {schema}.sources (
    source      text   PRIMARY KEY,
    version     int    NOT NULL, -- 0 before the first definition
    hash        text   NOT NULL,
    definition  text   NOT NULL,
    quarantined bigint NOT NULL, -- open inputs in quarantine
    position    bigint NOT NULL  -- of the last event about the source
);

-- Inputs in quarantine that are open; a release removes them. The raw bytes stay
-- in the event.
CREATE TABLE {schema}.quarantine (
    source       text        NOT NULL,
    record       text        NOT NULL,
    content_hash text        NOT NULL, -- '' where the input could not be decoded
    delivery     text        NOT NULL, -- SHA-256 of the delivery
    number       bigint      NOT NULL, -- of the record in the delivery, from 1
    code         text        NOT NULL,
    field        text        NOT NULL,
    reason       text        NOT NULL,
    currency     text        NOT NULL,
    amount       numeric,              -- at stake, where it could be mapped
    recorded_at  timestamptz NOT NULL,
    position     bigint      NOT NULL,
    PRIMARY KEY (source, record, content_hash)
);
CREATE INDEX quarantine_position ON {schema}.quarantine (source, position);
