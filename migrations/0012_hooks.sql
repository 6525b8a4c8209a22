-- Webhooks: who is told over HTTP what happens to sessions.
CREATE TABLE hooks (
    id           TEXT    NOT NULL PRIMARY KEY,  -- UUID v7: receivers of several gateways tell their keys apart by it
    name         TEXT    NOT NULL UNIQUE,       -- what the operator calls it
    url          TEXT    NOT NULL,              -- where its events go
    secret       TEXT    NOT NULL,              -- what they are signed with; the text itself, since a digest cannot sign
    filter       TEXT,                          -- only of sessions that it selects; NULL: of all
    kinds        TEXT    NOT NULL,              -- JSON array: the kinds of events it is told
    properties   TEXT    NOT NULL,              -- the properties it is told, between commas
    enabled      INTEGER NOT NULL CHECK (enabled IN (0, 1)),  -- 0: nothing is queued and nothing sent, until it is 1 again
    cursor       INTEGER NOT NULL,              -- the last of session_events that was looked at for it
    created_at   INTEGER NOT NULL,              -- by the wall clock
    delivered    INTEGER NOT NULL DEFAULT 0,    -- events that its receiver took
    delivered_at INTEGER,                       -- when it last took one
    dropped      INTEGER NOT NULL DEFAULT 0,    -- events that were given up: too old, or too many waited
    failures     INTEGER NOT NULL DEFAULT 0,    -- tries in vain since the last that was not
    failed_at    INTEGER,                       -- when the last of them was
    last_error   TEXT                           -- what went wrong then
) STRICT;

-- Events that hooks are still to be told, in the order of their rows. Written in the transaction that moves the cursor over
-- them, deleted once the receiver has them. Bounded for each hook: the oldest go first.
CREATE TABLE hook_outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order
    hook       TEXT    NOT NULL REFERENCES hooks (id) ON DELETE CASCADE,
    event      TEXT    NOT NULL,  -- the event's id for the receiver: the same at every try
    body       TEXT    NOT NULL,  -- what is sent: whole, so that every try sends the same
    at         INTEGER NOT NULL,  -- when it was queued, by the wall clock
    boot_id    TEXT    NOT NULL,  -- the boot in which that was, and …
    at_boot_ms INTEGER NOT NULL   -- … CLOCK_BOOTTIME then: its age is known whatever the wall clock does
) STRICT;

CREATE INDEX hook_outbox_of_hook ON hook_outbox (hook, id);
