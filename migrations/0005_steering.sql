-- What steers sessions: properties of devices, what was not charged, the code a session was bought with.

ALTER TABLE devices ADD COLUMN client_type TEXT;  -- ANDROID, IOS, …; NULL: not known
ALTER TABLE devices ADD COLUMN language    TEXT;  -- what its browser asks for, a BCP 47 tag

ALTER TABLE sessions ADD COLUMN voucher TEXT;     -- the code it was bought with, as printed
ALTER TABLE sessions ADD COLUMN free_time_ms INTEGER NOT NULL DEFAULT 0 CHECK (free_time_ms >= 0);  -- of used_time_ms: counted, not consumed
ALTER TABLE sessions ADD COLUMN free_sent     INTEGER NOT NULL DEFAULT 0 CHECK (free_sent >= 0);      -- the same of used_sent
ALTER TABLE sessions ADD COLUMN free_received INTEGER NOT NULL DEFAULT 0 CHECK (free_received >= 0);  -- and of used_received

-- What a support desk looks up.
CREATE INDEX sessions_of_voucher ON sessions (voucher) WHERE voucher IS NOT NULL;

-- What listeners are told: every change that a session's properties show, numbered without a gap. Whole properties, so that a
-- listener that comes back is told exactly what it missed. Bounded: the oldest are pruned, the newest row never.
CREATE TABLE session_events (
    id         INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,     -- by the wall clock
    session    TEXT    NOT NULL,     -- no reference: a deleted session's last event is still told
    device     TEXT    NOT NULL,
    kind       TEXT    NOT NULL
        CHECK (kind IN ('open', 'update', 'disconnected', 'reconnected', 'failed_over', 'close')),
    reason     TEXT,                 -- why it is disconnected or closed
    properties TEXT    NOT NULL,     -- JSON object: all that were set after it
    previous   TEXT    NOT NULL      -- JSON object: those that changed, as they were before; null: not set
) STRICT;

-- Texts for portal pages. Bounded: the expired are pruned.
CREATE TABLE messages (
    id         TEXT    NOT NULL PRIMARY KEY,  -- UUID v7
    device     TEXT    NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    text       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,     -- not shown from then on
    shown_at   INTEGER               -- when a page of the device first showed it
) STRICT;

CREATE INDEX messages_of_device ON messages (device, created_at);

-- Before and after, as JSON objects of the fields that changed; NULL where there is no such thing.
ALTER TABLE audit ADD COLUMN before TEXT;
ALTER TABLE audit ADD COLUMN after  TEXT;
CREATE INDEX audit_by_time ON audit (at);
