-- What accounts hold back until dates, what has been released, and the business dates
-- of books.

CREATE SCHEMA {schema};

-- What an account holds back until a date, and the purpose of the same owner that it
-- moves into then: one sum, whatever made it. A row goes when nothing is left.
CREATE TABLE {schema}.slices (
    book         text    NOT NULL,
    account      text    NOT NULL, -- "<owner>/<purpose>/<currency>"
    into_purpose text    NOT NULL,
    due_on       date    NOT NULL,
    owner        text    NOT NULL,
    currency     text    NOT NULL,
    amount       numeric NOT NULL, -- greater than zero
    -- Of the last entry that changed it.
    position     bigint  NOT NULL,
    revision     bigint  NOT NULL,
    PRIMARY KEY (book, account, into_purpose, due_on)
) WITH (fillfactor = 70);
CREATE INDEX slices_owner ON {schema}.slices (owner, due_on);

-- What each release moved: one row for every slice. Everybody may see his own.
CREATE TABLE {schema}.releases (
    position      bigint      NOT NULL,
    book          text        NOT NULL,
    revision      bigint      NOT NULL, -- in the stream book-<book>
    account       text        NOT NULL,
    into_purpose  text        NOT NULL,
    due_on        date        NOT NULL,
    owner         text        NOT NULL,
    currency      text        NOT NULL,
    amount        numeric     NOT NULL CHECK (amount > 0),
    business_date date        NOT NULL, -- to which the book was coming
    recorded_at   timestamptz NOT NULL,
    PRIMARY KEY (position, account, into_purpose, due_on)
);
CREATE INDEX releases_owner ON {schema}.releases (owner, position);

-- The business date of each book that has one: everything that fell due up to it is
-- done.
CREATE TABLE {schema}.dates (
    book          text        PRIMARY KEY,
    business_date date        NOT NULL,
    recorded_at   timestamptz NOT NULL, -- when the book came to it
    position      bigint      NOT NULL,
    revision      bigint      NOT NULL
);
