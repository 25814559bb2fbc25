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

-- What a guardian chose about keeping an account's session; no row: nothing.
CREATE TABLE keeping (
	account TEXT    PRIMARY KEY REFERENCES account ON DELETE CASCADE,
	ping    INTEGER NOT NULL,              -- seconds, 0: never
	max_age INTEGER NOT NULL,              -- seconds
	renewal TEXT    NOT NULL               -- a time of the week, empty for none
) STRICT, WITHOUT ROWID;
