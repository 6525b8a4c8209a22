-- People who sign in to the admin pages with a name and a password.
CREATE TABLE admins (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: the till's and the pages' names for it stay its own
    name         TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),  -- lower case: Ana and ana are one
    password     TEXT    NOT NULL,          -- Argon2id, as a PHC string with its salt and cost; never shown
    permissions  TEXT    NOT NULL,          -- JSON array of permission names, as a token has them
    disabled     INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    totp         BLOB,                      -- the secret of its one-time codes, sealed with the key beside the database; NULL: none
    totp_step    INTEGER NOT NULL DEFAULT 0,  -- the newest step a code of which was taken: no code is taken twice
    version      INTEGER NOT NULL DEFAULT 0,  -- counts up when everybody who is signed in as it has to sign in again
    created_at   INTEGER NOT NULL,
    signed_in_at INTEGER                    -- when somebody last signed in as it
) STRICT;
