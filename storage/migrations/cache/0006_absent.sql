-- Pictures and files of letters that are not kept, and why: the school has them.
CREATE TABLE absent (
	letter   INTEGER NOT NULL REFERENCES letter ON DELETE CASCADE,
	position INTEGER NOT NULL,             -- among those that are kept
	image    INTEGER NOT NULL,
	ref      TEXT    NOT NULL,
	name     TEXT    NOT NULL,
	type     TEXT    NOT NULL,
	alt      TEXT    NOT NULL,
	text     TEXT    NOT NULL,
	reason   TEXT    NOT NULL,
	PRIMARY KEY (letter, position)
) STRICT, WITHOUT ROWID;
