-- The same rows as before, by what never changes: a session that begins to run or stops keeps its place in the index, where its
-- state took it from one page to another.
DROP INDEX sessions_usable;
CREATE INDEX sessions_usable ON sessions (created_at) WHERE state IN ('available', 'running', 'paused');
