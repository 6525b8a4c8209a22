-- Who a device is beyond its MAC: cookies and recovery codes are derived from its id and its version, so nothing secret
-- is kept here.

ALTER TABLE devices ADD COLUMN identity    INTEGER NOT NULL DEFAULT 0 CHECK (identity >= 0);  -- counts up when what it holds moves away: older cookies and codes are void
ALTER TABLE devices ADD COLUMN moves       INTEGER NOT NULL DEFAULT 0 CHECK (moves >= 0);     -- how often what it holds has moved …
ALTER TABLE devices ADD COLUMN moves_since INTEGER;                                           -- … within a day from then on: moves are limited; NULL: never
