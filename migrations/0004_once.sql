-- Requests that named themselves by an Idempotency-Key: written in the transaction that carried them out, so that none is
-- carried out twice. Bounded: a day, and the newest.
CREATE TABLE once (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which they were carried out
    caller          TEXT    NOT NULL,  -- whose key: callers do not meet each other's
    idempotency_key TEXT    NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    fingerprint     BLOB    NOT NULL CHECK (length(fingerprint) = 32),  -- SHA-256 of the request: is it the same one?
    subject         TEXT    NOT NULL,  -- what was made or changed: where the answer is found if it was lost
    made            INTEGER NOT NULL CHECK (made IN (0, 1)),  -- whether it was made: the answer was a 201
    boot_id         TEXT    NOT NULL,  -- its age, by CLOCK_BOOTTIME alone: the wall clock of a router …
    at_boot_ms      INTEGER NOT NULL CHECK (at_boot_ms >= 0),  -- … without a battery jumps by years
    at              INTEGER NOT NULL,  -- by the wall clock, for people
    status          INTEGER CHECK (status BETWEEN 200 AND 299),  -- the answer, written after; NULL: it died in between
    location        TEXT,
    tag             TEXT,
    body            TEXT,
    UNIQUE (caller, idempotency_key)
) STRICT;
