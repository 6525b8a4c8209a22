-- How a zone's portal looks, where the admin pages have said so: then all of it, whatever the configuration file says. A zone
-- without a row looks as the file says. At most one row for each zone that ever was in the file; a row is at most some
-- 320 KB of pictures and 640 KB of texts.
CREATE TABLE themes (
    zone        TEXT    PRIMARY KEY,  -- its name; a zone that has left the file keeps its row for when it comes back
    shape       TEXT    NOT NULL,     -- JSON object: name, colours, texts by language; read and written whole
    logo        BLOB,                 -- the file, PNG, JPEG or WebP; kept apart, so that texts can be read without it
    background  BLOB,                 -- the same
    changed_at  INTEGER NOT NULL,     -- when it was written …
    changed_by  TEXT    NOT NULL      -- … and by whom, for the page that shows it; the audit log knows more
) STRICT, WITHOUT ROWID;
