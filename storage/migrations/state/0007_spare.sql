-- What an account's source keeps for the time without a session.
CREATE TABLE spare (
	account TEXT PRIMARY KEY REFERENCES account ON DELETE CASCADE,
	data    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
