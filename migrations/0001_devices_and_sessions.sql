-- Times are milliseconds since the epoch unless named *_boot_ms; amounts are bytes, milliseconds and bit/s.
-- Text ids and MACs, not blobs: an operator reads this file with the sqlite3 shell when something is wrong.

CREATE TABLE devices (
    id            TEXT    NOT NULL PRIMARY KEY,  -- UUID v7, lower case: the id of every API answer
    mac           TEXT    NOT NULL UNIQUE,       -- aa:bb:cc:dd:ee:ff: what a device is recognised by
    zone          TEXT,                          -- where it was last seen, or registered for; NULL: it never joined
    client_key    INTEGER CHECK (client_key BETWEEN 1 AND 65279),  -- its number in the kernel, so that a restart finds its books
    hostname      TEXT,                          -- what it called itself in DHCP
    alias         TEXT,                          -- what the operator calls it
    blocked       INTEGER NOT NULL CHECK (blocked IN (0, 1)),  -- shut out by an operator: outlives every session
    notice        TEXT,                          -- the last text for its portal page: it must survive a restart unread
    roles         TEXT    NOT NULL,              -- JSON array of names: a handful, read and written whole
    first_seen    INTEGER NOT NULL,              -- when it was first known
    last_seen     INTEGER                        -- when it was last on the network; NULL: only registered
) STRICT;

CREATE TABLE sessions (
    id               TEXT    NOT NULL PRIMARY KEY,  -- UUID v7
    device           TEXT    NOT NULL REFERENCES devices (id) ON DELETE CASCADE,  -- whose it is
    provider         TEXT    NOT NULL,           -- where it came from
    source           TEXT,                       -- the provider's own name for it, when its usage is saved back there
    source_seq       INTEGER NOT NULL CHECK (source_seq >= 0),  -- the last number used for such a save
    kind             TEXT    NOT NULL CHECK (kind IN ('time', 'data', 'time_or_data')),
    time_limit_ms    INTEGER CHECK (time_limit_ms >= 0),     -- NULL: time does not limit it
    data_limit_bytes INTEGER CHECK (data_limit_bytes >= 0),  -- NULL: data does not limit it
    exp_days         INTEGER CHECK (exp_days >= 0),          -- days from the first start; NULL: never expires
    down_bps         INTEGER CHECK (down_bps > 0),           -- bit/s towards the client; NULL: unlimited
    up_bps           INTEGER CHECK (up_bps > 0),             -- bit/s from the client; NULL: unlimited
    use_global_speed INTEGER NOT NULL CHECK (use_global_speed IN (0, 1)),  -- takes the zone's client speeds instead
    used_time_ms     INTEGER NOT NULL CHECK (used_time_ms >= 0),     -- consumed, as of the checkpoint while it runs
    used_sent        INTEGER NOT NULL CHECK (used_sent >= 0),        -- bytes from the client
    used_received    INTEGER NOT NULL CHECK (used_received >= 0),    -- bytes to the client
    state            TEXT    NOT NULL
        CHECK (state IN ('available', 'running', 'paused', 'consumed', 'expired', 'closed')),
    reason           TEXT,                       -- why it is paused or closed, by name
    reason_text      TEXT,                       -- what the one who closed it said
    boot_id          TEXT,                       -- the checkpoint of a running session: which boot …
    at_boot_ms       INTEGER CHECK (at_boot_ms >= 0),        -- … when by CLOCK_BOOTTIME …
    counter_key      INTEGER CHECK (counter_key BETWEEN 1 AND 65279),  -- … under which key …
    counter_sent     INTEGER CHECK (counter_sent >= 0),      -- … and what the kernel's counters said then:
    counter_received INTEGER CHECK (counter_received >= 0),  -- usage goes on from there, to the byte
    created_at       INTEGER NOT NULL,           -- oldest first is the order of use
    started_at       INTEGER,                    -- when it first ran; exp_days count from here
    resumed_at       INTEGER,                    -- when it last began to run
    expires_at       INTEGER,                    -- when it ends whatever is left
    ended_at         INTEGER,                    -- when it ended
    plan             TEXT,                       -- the plan it was sold under
    principal        TEXT,                       -- the account or voucher batch behind it
    properties       TEXT    NOT NULL,           -- JSON object of strings: read and written whole
    roles            TEXT    NOT NULL,           -- JSON array of names
    CHECK ((state = 'running') = (boot_id IS NOT NULL)),
    CHECK ((boot_id IS NULL) = (at_boot_ms IS NULL) AND (boot_id IS NULL) = (counter_key IS NULL)
        AND (boot_id IS NULL) = (counter_sent IS NULL) AND (boot_id IS NULL) = (counter_received IS NULL))
) STRICT;

-- A device's sessions in order, and the cascade when a device is deleted.
CREATE INDEX sessions_of_device ON sessions (device, created_at);
-- The newest sessions first: the default order of every list.
CREATE INDEX sessions_by_creation ON sessions (created_at, id);
-- What a start loads; the ended ones, which only grow in number, are not in it.
CREATE INDEX sessions_usable ON sessions (state) WHERE state IN ('available', 'running', 'paused');

-- What became true, written in the transaction that made it so. Bounded: the oldest are pruned.
CREATE TABLE events (
    id       INTEGER PRIMARY KEY,  -- counts up; the newest row is never pruned, so that no id is given twice
    at       INTEGER NOT NULL,     -- by the wall clock
    device   TEXT,                 -- whom it is about; kept when the device is deleted, hence no reference
    session  TEXT,                 -- which session it is about
    name     TEXT    NOT NULL,     -- what happened
    details  TEXT    NOT NULL      -- JSON array of [field, value] pairs, in their order
) STRICT;

-- Totals on their way back to the place a session came from. The newest of each state is kept: totals stand for all
-- that were before, so that the queue is bounded by the sessions however long a source is away.
CREATE TABLE outbox (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order; never reused, so that "done" cannot hit a newer row
    session       TEXT    NOT NULL,  -- no reference: a deleted session's last totals are still owed
    provider      TEXT    NOT NULL,  -- whom to ask for the source
    reference     TEXT    NOT NULL,  -- the provider's own name for it
    seq           INTEGER NOT NULL CHECK (seq >= 0),            -- counts up per session; a receiver ignores one it has seen
    used_time_ms  INTEGER NOT NULL CHECK (used_time_ms >= 0),   -- totals, as in sessions
    used_sent     INTEGER NOT NULL CHECK (used_sent >= 0),
    used_received INTEGER NOT NULL CHECK (used_received >= 0),
    state         TEXT    NOT NULL
        CHECK (state IN ('available', 'running', 'paused', 'consumed', 'expired', 'closed')),
    UNIQUE (session, state)
) STRICT;

-- Single values.
CREATE TABLE meta (
    name  TEXT    NOT NULL PRIMARY KEY,  -- newest_wall: the newest believable wall-clock time, in ms
    value INTEGER NOT NULL
) STRICT;
