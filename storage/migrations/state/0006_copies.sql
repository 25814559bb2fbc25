-- Folders into which copies of the data were written.
CREATE TABLE place (
	path TEXT    NOT NULL,
	what TEXT    NOT NULL,                 -- backup, export
	at   INTEGER NOT NULL,                 -- when one was last begun
	seen INTEGER NOT NULL,                 -- the last cleanup that was made in it; 0: none
	PRIMARY KEY (path, what)
) STRICT, WITHOUT ROWID;

-- Deletions that have yet to be made in the backups of some place. Their
-- numbers are never given twice.
CREATE TABLE cleanup (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	child   INTEGER NOT NULL,
	kind    TEXT    NOT NULL,
	account TEXT    NOT NULL               -- empty: child and kind count
) STRICT;
