-- What an account's source remembers from one login to the next.
CREATE TABLE memory (
	account TEXT PRIMARY KEY REFERENCES account ON DELETE CASCADE,
	data    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
