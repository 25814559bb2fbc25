-- As in state.age.
CREATE TABLE removed (
	account TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
