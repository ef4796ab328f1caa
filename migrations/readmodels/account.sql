-- Accounts, their balances and their entries.

CREATE SCHEMA {schema};

-- Numbered from 1 in the order of their first posting in the log.
CREATE TABLE {schema}.accounts (
    account  int    PRIMARY KEY,
    book     text   NOT NULL,
    path     text   NOT NULL, -- "<owner>/<purpose>/<currency>"
    owner    text   NOT NULL,
    purpose  text   NOT NULL,
    currency text   NOT NULL,
    opened   bigint NOT NULL, -- position of the first posting
    UNIQUE (book, path)
);
CREATE INDEX accounts_owner ON {schema}.accounts (owner, account);

-- A balance is two totals that only grow; which side is larger is the reader's subtraction.
CREATE TABLE {schema}.balances (
    account  int     PRIMARY KEY,
    debits   numeric NOT NULL CHECK (debits >= 0),
    credits  numeric NOT NULL CHECK (credits >= 0),
    entries  bigint  NOT NULL, -- postings so far
    position bigint  NOT NULL  -- of the last posting
) WITH (fillfactor = 70);

-- One row holds the postings of one account in one projector batch: at most 64
-- items, more only where a single transaction has more on the account, whose
-- postings are never parted. Where rows end depends on the batches; the sequence
-- of items does not. position, debits and credits are those after the last item.
CREATE TABLE {schema}.entries (
    account   int       NOT NULL,
    position  bigint    NOT NULL,
    positions bigint[]  NOT NULL, -- of each item, ascending; equal within one transaction
    debit     boolean[] NOT NULL, -- the side of each item
    amounts   numeric[] NOT NULL, -- greater than zero
    debits    numeric   NOT NULL,
    credits   numeric   NOT NULL,
    PRIMARY KEY (account, position)
);

-- What live readers follow: one row per changed account and batch, with the
-- balance after it. position is the account's last posting in the batch. Rows are
-- committed in the order of positions by one writer at a time, so whoever asks
-- for rows above the last position seen misses nothing. Old rows are pruned; at
-- least the newest 100,000 stay.
CREATE TABLE {schema}.changes (
    position bigint  NOT NULL,
    account  int     NOT NULL,
    debits   numeric NOT NULL,
    credits  numeric NOT NULL,
    PRIMARY KEY (position, account)
);
