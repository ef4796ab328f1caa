-- Headers of transactions and reversals, who may see them, and where the
-- accumulators of schedules stand.

CREATE SCHEMA {schema};

-- One row per TransactionSettled or EntryReversed. A reversal has its own key and
-- the type, method, product and parties of what it reverses, and no contract.
-- What a source did not say is the empty string.
CREATE TABLE {schema}.transactions (
    position     bigint      PRIMARY KEY,
    book         text        NOT NULL,
    revision     bigint      NOT NULL, -- in the stream book-<book>
    kind         text        NOT NULL CHECK (kind IN ('settlement', 'reversal')),
    source       text        NOT NULL,
    external_id  text        NOT NULL,
    type         text        NOT NULL,
    method       text        NOT NULL,
    product      text        NOT NULL,
    currency     text        NOT NULL,
    amount       numeric     NOT NULL, -- signed, as the source sent it; negated for a reversal
    occurred_at  timestamptz NOT NULL,
    effective_on date        NOT NULL,
    recorded_at  timestamptz NOT NULL,
    contract     text        NOT NULL, -- '' for a reversal
    schedule     text        NOT NULL, -- '' for a reversal
    version      int         NOT NULL, -- of the schedule; 0 for a reversal
    -- Every party named by the transaction and every owner of an account posted to, sorted.
    parties      text[]      NOT NULL,
    UNIQUE (book, revision)
);
CREATE INDEX transactions_external_id ON {schema}.transactions (source, external_id);
CREATE INDEX transactions_effective_on ON {schema}.transactions USING brin (effective_on) WITH (pages_per_range = 32, autosummarize = on);

-- The transactions of each party, at most 64 to a row. position is the last item's.
CREATE TABLE {schema}.parties (
    party     text     NOT NULL,
    position  bigint   NOT NULL,
    positions bigint[] NOT NULL, -- ascending
    PRIMARY KEY (party, position)
);

-- Later transactions by the earlier one that they name: (book, revision) is the
-- original, position the later one.
CREATE TABLE {schema}.links (
    book     text   NOT NULL,
    revision bigint NOT NULL,
    position bigint NOT NULL,
    kind     text   NOT NULL CHECK (kind IN ('refund', 'reversal')),
    PRIMARY KEY (book, revision, position)
);

-- One row per counter: one sum of an accumulator, for one key, window and currency.
-- A rolling window is the sum of the counters of its days.
CREATE TABLE {schema}.counters (
    book         text COLLATE "C" NOT NULL,
    counter      text COLLATE "C" NOT NULL, -- as events name it: the columns up to key, joined
    scope        text    NOT NULL CHECK (scope IN ('contract', 'schedule')),
    owner        text    NOT NULL, -- id of the contract or schedule
    name         text    NOT NULL, -- of the accumulator
    period       text    NOT NULL, -- the window: "2026-05-01", "2026-05", "2026-Q2", "2026", "lifetime"
    currency     text    NOT NULL, -- '' where all currencies count together
    key          text    NOT NULL, -- "role=party,input=value"; '' where there is one for all
    value        numeric NOT NULL,
    transactions bigint  NOT NULL, -- how many have changed it, refunds and reversals included
    -- Of the last of them.
    position     bigint  NOT NULL,
    revision     bigint  NOT NULL,
    PRIMARY KEY (book, counter)
);
CREATE INDEX counters_owner ON {schema}.counters (scope, owner);
