-- As in state.age.
CREATE TABLE unwanted (
	identity INTEGER NOT NULL,
	kind     TEXT    NOT NULL,
	since    INTEGER NOT NULL,
	PRIMARY KEY (identity, kind)
) STRICT, WITHOUT ROWID;
