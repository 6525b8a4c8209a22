-- Accounts: people who log in with a name and a password, what they are given, and where they are logged in.

CREATE TABLE accounts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: what referred to one that was deleted finds no other
    name        TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),  -- lower case: Ana and ana are one
    password    TEXT    NOT NULL,           -- Argon2id, as a PHC string with its salt and cost; never shown
    full_name   TEXT,
    note        TEXT,                       -- the operator's own
    max_devices INTEGER NOT NULL CHECK (max_devices > 0),  -- logged in at the same time
    one_more    TEXT    NOT NULL CHECK (one_more IN ('refuse', 'take_over')),  -- what happens to one more
    disabled    INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    expires_at  INTEGER,                    -- from then on nobody is logged in as it; NULL: never
    roles       TEXT    NOT NULL,           -- JSON list, for its sessions
    properties  TEXT    NOT NULL,           -- JSON object of texts, for its sessions
    created_at  INTEGER NOT NULL
) STRICT;

-- The plans of an account, in the order in which they are used.
CREATE TABLE account_plans (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: what is granted once is granted once for each
    account     INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    place       INTEGER NOT NULL,           -- the first is used first
    plan        TEXT    NOT NULL,           -- by name: a plan that was deleted gives nothing
    attached_at INTEGER NOT NULL
) STRICT;

CREATE INDEX account_plans_of_account ON account_plans (account, place);
CREATE INDEX account_plans_of_plan ON account_plans (plan);

-- Where accounts are logged in: such a device needs no password until it logs out.
CREATE TABLE account_devices (
    device   TEXT    NOT NULL PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,  -- one account at a time
    account  INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    bound_at INTEGER NOT NULL,              -- when it logged in
    used_at  INTEGER NOT NULL               -- when it was last given a session: the longest unused makes room for another
) STRICT;

CREATE INDEX account_devices_of_account ON account_devices (account);

-- What is left of a session whose device was logged out waits for the next log-in: its grant is parked, and is carried
-- by another session then. Usage is in the row of the session that was closed.
ALTER TABLE grants ADD COLUMN parked INTEGER NOT NULL DEFAULT 0 CHECK (parked IN (0, 1));

-- Which grant a session carries.
CREATE INDEX grants_by_session ON grants (session);
