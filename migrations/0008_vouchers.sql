-- What a batch is sold as, who sold which code, and codes that several devices may use.

ALTER TABLE voucher_batches ADD COLUMN note           TEXT;     -- a remark of the operator's
ALTER TABLE voucher_batches ADD COLUMN plan           TEXT;     -- what it was made of; no reference: what is printed keeps its terms
ALTER TABLE voucher_batches ADD COLUMN price          INTEGER NOT NULL DEFAULT 0 CHECK (price >= 0);  -- of one code
ALTER TABLE voucher_batches ADD COLUMN roles          TEXT    NOT NULL DEFAULT '[]';  -- JSON list
ALTER TABLE voucher_batches ADD COLUMN properties     TEXT    NOT NULL DEFAULT '{}';  -- JSON object of texts
ALTER TABLE voucher_batches ADD COLUMN slow_ms        INTEGER CHECK (slow_ms > 0);    -- these three as in sessions
ALTER TABLE voucher_batches ADD COLUMN slow_down_bps  INTEGER CHECK (slow_down_bps > 0);
ALTER TABLE voucher_batches ADD COLUMN slow_up_bps    INTEGER CHECK (slow_up_bps > 0);
ALTER TABLE voucher_batches ADD COLUMN repeat_every   TEXT    CHECK (repeat_every IN ('day', 'week', 'month'));  -- as in plans
ALTER TABLE voucher_batches ADD COLUMN repeat_at_hour INTEGER CHECK (repeat_at_hour BETWEEN 0 AND 23);
ALTER TABLE voucher_batches ADD COLUMN max_devices    INTEGER NOT NULL DEFAULT 1 CHECK (max_devices > 0);
ALTER TABLE voucher_batches ADD COLUMN when_full      TEXT    NOT NULL DEFAULT 'refuse'
    CHECK (when_full IN ('refuse', 'take_over'));               -- what becomes of one device more
ALTER TABLE voucher_batches ADD COLUMN use_days       INTEGER CHECK (use_days > 0);  -- it is over so many days after its first use

CREATE INDEX voucher_batches_of_plan ON voucher_batches (plan) WHERE plan IS NOT NULL;

ALTER TABLE vouchers ADD COLUMN sold_at INTEGER;  -- over the counter
ALTER TABLE vouchers ADD COLUMN seller  TEXT;     -- by whom
ALTER TABLE vouchers ADD COLUMN sale    TEXT;     -- the line of the till; no reference: it outlives the voucher

-- The places of a code: who holds one, and who held it until another device took over. `redeemed_at`, `device` and `session`
-- of a voucher are those of its first use.
CREATE TABLE voucher_uses (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    voucher  INTEGER NOT NULL REFERENCES vouchers (id) ON DELETE CASCADE,
    device   TEXT    NOT NULL,  -- no references: the use outlives device and session
    session  TEXT    NOT NULL,  -- the first that came of it
    at       INTEGER NOT NULL,
    ended_at INTEGER            -- when another device took the place
) STRICT;

CREATE INDEX voucher_uses_of_voucher ON voucher_uses (voucher, id);
-- A device has one place of a code at most; and what comes anew each day is looked up by device.
CREATE UNIQUE INDEX voucher_uses_of_device ON voucher_uses (device, voucher) WHERE ended_at IS NULL;

INSERT INTO voucher_uses (voucher, device, session, at)
SELECT id, device, session, redeemed_at FROM vouchers WHERE redeemed_at IS NOT NULL ORDER BY redeemed_at;

-- Money that was given back: which line of the till gives back which.
CREATE TABLE refunds (
    sale       TEXT    NOT NULL PRIMARY KEY REFERENCES sales (id),  -- the negative line
    refunded   TEXT    NOT NULL REFERENCES sales (id),
    taken_back INTEGER NOT NULL CHECK (taken_back IN (0, 1))        -- what was sold ends with it
) STRICT;

CREATE INDEX refunds_of_sale ON refunds (refunded);
