-- What happened to entries, told by the feed of changes.
CREATE TABLE difference (
	id       INTEGER PRIMARY KEY,
	identity INTEGER NOT NULL REFERENCES profile ON DELETE CASCADE,
	uid      TEXT    NOT NULL UNIQUE,      -- random
	kind     TEXT    NOT NULL,             -- of the entry
	at       INTEGER NOT NULL,
	before   TEXT    NOT NULL,             -- JSON; empty: it is new
	after    TEXT    NOT NULL              -- JSON; empty: it is gone
) STRICT;

CREATE INDEX difference_identity ON difference (identity, at);

-- What is written in a file, for those who cannot open it.
ALTER TABLE media ADD COLUMN text TEXT NOT NULL DEFAULT '';
