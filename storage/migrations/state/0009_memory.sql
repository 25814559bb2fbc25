-- Which write of this file cache.age has to have seen, so that what it changed
-- is not undone unnoticed; 0: none.
ALTER TABLE meta ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;

-- Accounts that a guardian removed, which no older copy brings back; in both
-- files.
CREATE TABLE removed (
	account TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What a start found out about the files, and what guardians are told until
-- it is made up for.
CREATE TABLE notice (
	problem TEXT    PRIMARY KEY,
	at      INTEGER NOT NULL               -- seconds
) STRICT, WITHOUT ROWID;
