-- Money of a machine that was handed back over the counter: nobody can claim it any more.

ALTER TABLE credits ADD COLUMN returned_at INTEGER CHECK (returned_at IS NULL OR claimed_at IS NULL);  -- when; never what was claimed

-- What is still open is what is looked for.
DROP INDEX credits_unclaimed;
CREATE INDEX credits_open ON credits (source, device) WHERE claimed_at IS NULL AND returned_at IS NULL;
