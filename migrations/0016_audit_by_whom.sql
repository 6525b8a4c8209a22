-- Who did what to whom, found among a million lines. Each index ends with the row's id by itself, which is the order in which
-- the log is shown: a page is read from it without sorting. Together they cost some 100 bytes for each line, of which
-- there are a million at most.
CREATE INDEX audit_by_actor ON audit (actor);      -- what one person or token did, and which there are
CREATE INDEX audit_by_action ON audit (action);    -- who did one thing, and which there are
CREATE INDEX audit_by_subject ON audit (subject);  -- what was done to one session, device or anything else
