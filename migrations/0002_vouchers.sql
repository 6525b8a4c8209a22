-- What was printed together, and what each of its codes grants.
CREATE TABLE voucher_batches (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: sessions name their batch
    name             TEXT,                       -- what the operator calls it
    kind             TEXT    NOT NULL CHECK (kind IN ('time', 'data', 'time_or_data')),
    time_limit_ms    INTEGER CHECK (time_limit_ms >= 0),     -- these seven as in sessions
    data_limit_bytes INTEGER CHECK (data_limit_bytes >= 0),
    exp_days         INTEGER CHECK (exp_days >= 0),
    down_bps         INTEGER CHECK (down_bps > 0),
    up_bps           INTEGER CHECK (up_bps > 0),
    use_global_speed INTEGER NOT NULL CHECK (use_global_speed IN (0, 1)),
    valid_from       INTEGER,                    -- not redeemable before
    valid_until      INTEGER,                    -- not redeemable from then on
    count            INTEGER NOT NULL CHECK (count > 0),  -- how many codes it was made with
    created_at       INTEGER NOT NULL
) STRICT;

CREATE TABLE vouchers (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    batch       INTEGER NOT NULL REFERENCES voucher_batches (id) ON DELETE CASCADE,
    lookup      BLOB    NOT NULL UNIQUE CHECK (length(lookup) = 32),  -- HMAC of the code: found by it, not told by it
    sealed      BLOB    NOT NULL,                -- the code, encrypted under a key outside this file: for printing again
    redeemed_at INTEGER,                         -- sold once: set in the transaction that makes the session
    device      TEXT,                            -- by whom; no reference, the sale outlives the device
    session     TEXT,                            -- for which session; no reference either
    revoked_at  INTEGER,                         -- taken back by an operator
    CHECK ((redeemed_at IS NULL) = (device IS NULL) AND (redeemed_at IS NULL) = (session IS NULL))
) STRICT;

CREATE INDEX vouchers_of_batch ON vouchers (batch, id);
