-- What sessions are sold by: how they go on at their end, what is granted once in a period, money that came in.

ALTER TABLE sessions ADD COLUMN slow_ms       INTEGER CHECK (slow_ms > 0);        -- it goes on for so long when used up; NULL: it does not …
ALTER TABLE sessions ADD COLUMN slow_down_bps INTEGER CHECK (slow_down_bps > 0);  -- … at this speed; NULL: unlimited
ALTER TABLE sessions ADD COLUMN slow_up_bps   INTEGER CHECK (slow_up_bps > 0);
ALTER TABLE sessions ADD COLUMN slowed        INTEGER NOT NULL DEFAULT 0 CHECK (slowed IN (0, 1));  -- it is how another one goes on that was used up

-- The session that this one goes on with, under another MAC or slowly: the first of all, whose sale is this one's too. No
-- reference: it may be forgotten before. NULL: none.
ALTER TABLE sessions ADD COLUMN origin TEXT;
CREATE INDEX sessions_of_origin ON sessions (origin) WHERE origin IS NOT NULL;

-- Who has had a plan in which period: the guard against a second helping. Outlives the session that it was for.
CREATE TABLE grants (
    id      INTEGER PRIMARY KEY,
    subject TEXT    NOT NULL,  -- 'device UUID', 'account NAME', 'voucher ROW'
    plan    TEXT    NOT NULL,
    period  INTEGER NOT NULL,  -- when it began; 0: the plan does not repeat
    session TEXT    NOT NULL   -- no reference: the grant outlives it
) STRICT;

CREATE INDEX grants_of_subject ON grants (subject, plan, period);

-- Money in a machine: on disk before anybody is shown it. What nobody has got anything for waits to be claimed.
CREATE TABLE credits (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    source     TEXT    NOT NULL,                 -- 'coinslot/NAME', 'plugin/NAME'
    reference  TEXT    NOT NULL,                 -- the source's own name for it: the same one is counted once
    at         INTEGER NOT NULL,
    amount     INTEGER NOT NULL CHECK (amount > 0),  -- in the currency's smallest unit
    device     TEXT,                             -- who had the slot; NULL: nobody
    claimed_at INTEGER,                          -- when it was turned into a session
    session    TEXT,                             -- which; no reference, the sale outlives it
    UNIQUE (source, reference),
    CHECK ((claimed_at IS NULL) = (session IS NULL))
) STRICT;

CREATE INDEX credits_unclaimed ON credits (source, device) WHERE claimed_at IS NULL;

-- The till: money that changed hands, written in the transaction that makes it true.
CREATE TABLE sales (
    id      TEXT    NOT NULL PRIMARY KEY,  -- UUID v7
    at      INTEGER NOT NULL,
    seller  TEXT    NOT NULL,              -- who took it
    item    TEXT    NOT NULL CHECK (item IN ('voucher', 'session', 'top_up', 'coins', 'account')),
    plan    TEXT,
    voucher INTEGER,                       -- these three without references: a sale outlives what was sold
    device  TEXT,
    session TEXT,
    amount  INTEGER NOT NULL,              -- in the currency's smallest unit; negative: given back
    note    TEXT
) STRICT;

CREATE INDEX sales_by_time ON sales (at);
