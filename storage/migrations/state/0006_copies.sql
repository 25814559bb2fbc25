-- Folders into which copies of the data were written.
CREATE TABLE place (
	path TEXT    PRIMARY KEY,
	what TEXT    NOT NULL,                 -- backup, export
	at   INTEGER NOT NULL                  -- when last
) STRICT, WITHOUT ROWID;

-- Deletions that have yet to be made in the backups.
CREATE TABLE cleanup (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	child   INTEGER NOT NULL,
	kind    TEXT    NOT NULL,
	account TEXT    NOT NULL               -- empty: child and kind count
) STRICT;
