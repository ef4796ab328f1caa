-- Daily totals by book, party, product, method, type and currency.

CREATE SCHEMA {schema};

-- A transaction counts once for every party of its header (see the read model
-- "transaction"), also where it moved no money; debits and credits are the sums
-- of the postings on the party's accounts. A reversal counts as one transaction
-- of the type of what it reverses, on its own effective date, an adjustment as one of
-- the type "adjustment". What a book posts by itself as it comes to a business date
-- stands on that date under the types "release" and "closing", and counts as none.
CREATE TABLE {schema}.totals (
    day          date    NOT NULL, -- effective date
    book         text    NOT NULL,
    party        text    NOT NULL,
    product      text    NOT NULL, -- '' where the transaction names none
    method       text    NOT NULL, -- '' where the transaction names none
    type         text    NOT NULL,
    currency     text    NOT NULL,
    transactions bigint  NOT NULL,
    debits       numeric NOT NULL,
    credits      numeric NOT NULL,
    number       int     NOT NULL UNIQUE, -- from 1 in the order of first appearance; the projector finds rows by it
    PRIMARY KEY (day, book, party, product, method, type, currency)
) WITH (fillfactor = 70);
CREATE INDEX totals_party ON {schema}.totals (party, day);
