-- Tokens that banks gave us, one for each version of a bank's settings and each scope. A row is its own lock:
-- `refresher` alone may ask the bank, until `refreshing_until`. `forgotten_at` is when a refused one was thrown away.
CREATE TABLE bank_tokens (
    bank_id           text NOT NULL,
    version           bigint NOT NULL,
    scope             text NOT NULL,
    sealed_token      bytea,
    digest            bytea,
    usable_until      timestamptz,
    refresher         uuid,
    refreshing_until  timestamptz,
    forgotten_at      timestamptz,
    PRIMARY KEY (bank_id, version, scope)
);
