-- Named products: what vouchers, accounts, free access and plugins refer to by their names. What was sold keeps what it was
-- sold with: changing a plan changes nothing that is out already.
CREATE TABLE plans (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: a request that made one finds its own again
    name             TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
    title            TEXT    NOT NULL,           -- what guests read
    kind             TEXT    NOT NULL CHECK (kind IN ('time', 'data', 'time_or_data')),
    time_limit_ms    INTEGER CHECK (time_limit_ms >= 0),     -- these seven as in sessions
    data_limit_bytes INTEGER CHECK (data_limit_bytes >= 0),
    exp_days         INTEGER CHECK (exp_days >= 0),
    down_bps         INTEGER CHECK (down_bps > 0),
    up_bps           INTEGER CHECK (up_bps > 0),
    use_global_speed INTEGER NOT NULL CHECK (use_global_speed IN (0, 1)),
    price            INTEGER NOT NULL CHECK (price >= 0),    -- in the currency's smallest unit
    roles            TEXT    NOT NULL,           -- JSON list
    properties       TEXT    NOT NULL,           -- JSON object of texts
    slow_ms          INTEGER CHECK (slow_ms > 0),        -- these three as in sessions
    slow_down_bps    INTEGER CHECK (slow_down_bps > 0),
    slow_up_bps      INTEGER CHECK (slow_up_bps > 0),
    repeat_every     TEXT    CHECK (repeat_every IN ('day', 'week', 'month')),  -- NULL: it is granted once
    repeat_at_hour   INTEGER CHECK (repeat_at_hour BETWEEN 0 AND 23),           -- of the local day
    max_devices      INTEGER NOT NULL CHECK (max_devices > 0),
    on_sale          INTEGER NOT NULL CHECK (on_sale IN (0, 1)),
    changed_at       INTEGER NOT NULL,
    CHECK ((repeat_every IS NULL) = (repeat_at_hour IS NULL))
) STRICT;
