-- One row for each session at a platform: when it began and ended, and why.
CREATE TABLE stay (
	account  TEXT    NOT NULL REFERENCES account ON DELETE CASCADE,
	began    INTEGER NOT NULL,             -- milliseconds
	rung     TEXT    NOT NULL,
	used     INTEGER NOT NULL,             -- milliseconds
	ended    INTEGER NOT NULL,             -- milliseconds, 0: it lives
	cause    TEXT    NOT NULL,
	requests INTEGER NOT NULL,
	PRIMARY KEY (account, began)
) STRICT, WITHOUT ROWID;
