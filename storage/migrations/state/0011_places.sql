-- A folder that holds backups and an export is two places, and each place sees
-- deletions by itself.
CREATE TABLE place_new (
	path TEXT    NOT NULL,
	what TEXT    NOT NULL,                 -- backup, export
	at   INTEGER NOT NULL,                 -- when one was last begun
	seen INTEGER NOT NULL,                 -- the last cleanup that was made in it; 0: none
	PRIMARY KEY (path, what)
) STRICT, WITHOUT ROWID;
INSERT INTO place_new (path, what, at, seen) SELECT path, what, at, 0 FROM place;
DROP TABLE place;
ALTER TABLE place_new RENAME TO place;
