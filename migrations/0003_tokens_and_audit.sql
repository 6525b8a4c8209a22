-- What programs log in with.
CREATE TABLE tokens (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: the audit log names it
    name        TEXT    NOT NULL,          -- what the operator calls it
    permissions TEXT    NOT NULL,          -- JSON array of permission names
    digest      BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),  -- SHA-256 of the token: random enough to need no salt
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER                    -- no longer accepted; the row stays, so that the audit log can be read
) STRICT;

-- Who changed what, when, from where. Bounded: the oldest are pruned.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,           -- the order; the newest row is never pruned
    at      INTEGER NOT NULL,              -- by the wall clock
    actor   TEXT    NOT NULL,              -- who: a token or account by name, or root on the socket
    action  TEXT    NOT NULL,              -- what was done, by a stable name
    subject TEXT,                          -- to whom or what: an id or a name
    details TEXT    NOT NULL,              -- the rest, for people
    origin  TEXT    NOT NULL               -- from where: an address, or the socket
) STRICT;
