-- What happened over time, for plots: three rings that never grow. A ring of minutes for a day (1,440 places), of ten minutes
-- for a week (1,008) and of hours for 31 days (744) are 3,192 rows at most, of about 100 bytes and 60 for each zone (32 of
-- them at most): 0.5 MB for a hotspot with one zone. Once a minute what was counted is added to one row of each ring, in one
-- transaction: about 16 KB a minute in the log, whatever the number of clients. The finest ring, of ten seconds, is in
-- memory only. Money is not in here: the till knows it.
CREATE TABLE samples (
    step_secs       INTEGER NOT NULL CHECK (step_secs IN (60, 600, 3600)),  -- which ring: how long its slots are
    place           INTEGER NOT NULL CHECK (place BETWEEN 0 AND 1439),      -- the slot's number, modulo the ring's length
    at              INTEGER NOT NULL,  -- when the slot began, by the believed wall clock; tells a round from the one before
    covered_ms      INTEGER NOT NULL,  -- how much of it was looked at: rates are by this; what is missing is a gap
    online_ms       INTEGER NOT NULL,  -- that clients were online, all of them together
    clients_most    INTEGER NOT NULL,  -- online at once
    down_bytes      INTEGER NOT NULL,  -- towards clients
    up_bytes        INTEGER NOT NULL,  -- from clients
    started         INTEGER NOT NULL,  -- sessions that ran for the first time
    ended           INTEGER NOT NULL,  -- sessions that ended
    repairs         INTEGER NOT NULL,  -- things in the kernel that had to be put right
    own_cpu_ms      INTEGER NOT NULL,  -- processor time of the daemon
    box_cpu_ms      INTEGER NOT NULL,  -- processor time of the box that was used …
    box_cpu_of_ms   INTEGER NOT NULL,  -- … of so much
    own_memory_kb   INTEGER NOT NULL,  -- the most of the daemon
    box_memory_kb   INTEGER NOT NULL,  -- the most of the box
    store_kb        INTEGER NOT NULL,  -- the most of the database
    uplink_known_ms INTEGER NOT NULL,  -- in which it was known whether there is an uplink …
    uplink_ms       INTEGER NOT NULL,  -- … and there was one
    zones           TEXT    NOT NULL,  -- JSON object: by zone [online_ms, clients_most, down_bytes, up_bytes]; read and written whole
    PRIMARY KEY (step_secs, place)
) STRICT, WITHOUT ROWID;
