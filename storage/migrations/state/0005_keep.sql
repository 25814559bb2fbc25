-- For how long things are kept, where a guardian chose so.
CREATE TABLE keep (
	shelf TEXT    PRIMARY KEY,
	days  INTEGER NOT NULL                 -- 0: always; -1: the school year
) STRICT, WITHOUT ROWID;

-- The last day on which what had been kept for long enough was removed.
CREATE TABLE swept (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	day   INTEGER NOT NULL,                -- days since 1970-01-01
	doubt INTEGER NOT NULL                 -- seconds: since when the clock is in doubt; 0: it is not
) STRICT;

-- What a guardian deleted and does not want to be read again; in both files.
CREATE TABLE unwanted (
	identity INTEGER NOT NULL,             -- 0: every child's
	kind     TEXT    NOT NULL,             -- empty: all of the child
	since    INTEGER NOT NULL,
	PRIMARY KEY (identity, kind)
) STRICT, WITHOUT ROWID;
