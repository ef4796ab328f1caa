-- Headers of transactions, reversals and adjustments, who may see them, what a book
-- posted by itself, what waits for its original, and where the accumulators of
-- schedules stand.

CREATE SCHEMA {schema};

-- One row per TransactionSettled, EntryReversed or AdjustmentPosted: what has a key. A
-- reversal has its own key and the type, method, product and parties of what it
-- reverses, and no contract. An adjustment has the type "adjustment", the currency of
-- its first posting and as amount the sum of its debits in it; contract, schedule and
-- version where it restates a transaction. What a source did not say is the empty
-- string.
CREATE TABLE {schema}.transactions (
    position     bigint      PRIMARY KEY,
    book         text        NOT NULL,
    revision     bigint      NOT NULL, -- in the stream book-<book>
    kind         text        NOT NULL CHECK (kind IN ('settlement', 'reversal', 'adjustment')),
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
    reason       text        NOT NULL, -- '' for a settlement
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
-- original, position the later one. What gives back to a sale what a chargeback took
-- has two: a refund of the chargeback and a restoration of the sale. A restatement is
-- an adjustment by a re-rating, which stands for the original from then on.
CREATE TABLE {schema}.links (
    book     text   NOT NULL,
    revision bigint NOT NULL,
    position bigint NOT NULL,
    kind     text   NOT NULL CHECK (kind IN ('refund', 'reversal', 'adjustment', 'restatement', 'restoration')),
    PRIMARY KEY (book, revision, position)
);

-- One row per HoldsReleased or WindowClosed: entries that a book posted by itself as
-- it came to a business date. They have no key and are no transactions.
CREATE TABLE {schema}.steps (
    position      bigint      PRIMARY KEY,
    book          text        NOT NULL,
    revision      bigint      NOT NULL, -- in the stream book-<book>
    kind          text        NOT NULL CHECK (kind IN ('release', 'closing')),
    business_date date        NOT NULL,
    recorded_at   timestamptz NOT NULL,
    -- Of a closing; empty, null and 0 for a release.
    counter       text        NOT NULL, -- see counters
    first_on      date,                 -- of the window, inclusive
    last_on       date,
    currency      text        NOT NULL,
    contract      text        NOT NULL, -- '' where all contracts of the schedule count together
    schedule      text        NOT NULL,
    version       int         NOT NULL,
    -- Who may see a closing: every party it names and every owner of an account posted
    -- to, sorted. Of a release everybody sees his own part, in the read model "hold".
    parties       text[]      NOT NULL,
    UNIQUE (book, revision)
);
CREATE INDEX steps_parties ON {schema}.steps USING gin (parties);

-- Refunds and reversals that came before their original and wait for it; what is
-- settled under its key removes it. A reversal says nothing of type, currency, amount
-- and parties.
CREATE TABLE {schema}.awaiting (
    book                 text        NOT NULL,
    source               text        NOT NULL, -- of what waits
    external_id          text        NOT NULL,
    kind                 text        NOT NULL CHECK (kind IN ('refund', 'reversal')),
    original_source      text        NOT NULL,
    original_external_id text        NOT NULL,
    type                 text        NOT NULL,
    currency             text        NOT NULL,
    amount               numeric,              -- signed, as the source sent it
    reason               text        NOT NULL, -- '' for a refund
    parties              text[]      NOT NULL, -- named by the refund, sorted
    occurred_at          timestamptz NOT NULL,
    recorded_at          timestamptz NOT NULL,
    position             bigint      NOT NULL UNIQUE,
    revision             bigint      NOT NULL,
    PRIMARY KEY (book, source, external_id)
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
    -- How many have counted in it, refunds, reversals and what a closing carried
    -- included: those that have changed it, and those that may have opened its window.
    transactions bigint  NOT NULL,
    -- Of the last of them.
    position     bigint  NOT NULL,
    revision     bigint  NOT NULL,
    closes       date,   -- first business date on which its window may be closed; null where no period closes it
    closed_by    bigint, -- revision of the WindowClosed; null while it is open
    PRIMARY KEY (book, counter)
) WITH (fillfactor = 70); -- room for the next version of a row beside it
CREATE INDEX counters_owner ON {schema}.counters (scope, owner);
