-- Sessions that are over are deleted after a while, and are found by when they ended.
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- How much coins bought is in their session; once that is gone, here. NULL: the session is there, or it is not known.
ALTER TABLE sales ADD COLUMN bought_time_ms    INTEGER CHECK (bought_time_ms >= 0);
ALTER TABLE sales ADD COLUMN bought_data_bytes INTEGER CHECK (bought_data_bytes >= 0);
CREATE INDEX sales_of_session ON sales (session) WHERE session IS NOT NULL;
