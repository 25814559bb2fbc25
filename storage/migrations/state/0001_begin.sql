-- Who reads what from where and who may see it: small, written often.

CREATE TABLE meta (
	id      INTEGER PRIMARY KEY CHECK (id = 1),
	writes  INTEGER NOT NULL,              -- grows with each write of this file
	seen    INTEGER NOT NULL,              -- highest durable count of the other file
	uid_key BLOB    NOT NULL               -- 32 bytes, the same in both files
) STRICT;

CREATE TABLE child (
	number   INTEGER PRIMARY KEY,
	alias_of INTEGER REFERENCES child
) STRICT;

CREATE TABLE identity (
	id     INTEGER PRIMARY KEY,
	hash   BLOB    NOT NULL UNIQUE,
	number INTEGER NOT NULL REFERENCES child
) STRICT;

CREATE TABLE account (
	id       TEXT    PRIMARY KEY,
	platform TEXT    NOT NULL,
	settings TEXT    NOT NULL,             -- JSON object, empty for none
	created  INTEGER NOT NULL,
	state    TEXT    NOT NULL,
	since    INTEGER NOT NULL,
	next_due INTEGER NOT NULL,
	failures INTEGER NOT NULL,
	problem  TEXT    NOT NULL,
	finished INTEGER NOT NULL,
	owner    TEXT    NOT NULL              -- keyed hash of the person's key
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
	account TEXT    NOT NULL REFERENCES account ON DELETE CASCADE,
	day     INTEGER NOT NULL,              -- days since 1970-01-01
	count   INTEGER NOT NULL,
	PRIMARY KEY (account, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
	account TEXT PRIMARY KEY REFERENCES account ON DELETE CASCADE,
	state   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- When a part of a child was last read with success.
CREATE TABLE reading (
	identity INTEGER NOT NULL,
	part     TEXT    NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (identity, part)
) STRICT, WITHOUT ROWID;

-- Things that vanished in a mass and wait for a second read that agrees.
CREATE TABLE held (
	identity INTEGER NOT NULL,
	kind     TEXT    NOT NULL,
	uid      TEXT    NOT NULL,
	taken    INTEGER NOT NULL,             -- nanoseconds: the read that missed them first
	PRIMARY KEY (identity, kind, uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
	id              TEXT    PRIMARY KEY,
	label           TEXT    NOT NULL,
	children        TEXT,                  -- JSON list; NULL: all
	kinds           TEXT,                  -- JSON list; NULL: all
	prefix          INTEGER NOT NULL,
	cancelled       TEXT    NOT NULL,
	language        TEXT    NOT NULL,
	merged          INTEGER NOT NULL,
	day             INTEGER NOT NULL,
	utc             INTEGER NOT NULL,
	options_changed INTEGER NOT NULL,
	generation      TEXT    NOT NULL,
	created         INTEGER NOT NULL,
	expires         INTEGER NOT NULL,      -- 0: never
	revoked         INTEGER NOT NULL,      -- 0: not
	suspended       INTEGER NOT NULL,      -- 0: not
	last_used       INTEGER NOT NULL       -- 0: never
) STRICT, WITHOUT ROWID;

-- SHA-256 of each token; the row goes when the link is revoked.
CREATE TABLE secrets (
	link      TEXT PRIMARY KEY REFERENCES link ON DELETE CASCADE,
	page      BLOB NOT NULL UNIQUE,
	calendars BLOB NOT NULL UNIQUE,
	feeds     BLOB NOT NULL UNIQUE,
	password  BLOB NOT NULL,
	media     BLOB NOT NULL                -- a key, not a hash
) STRICT;

-- SHA-256 of tokens that were replaced and are still good for a while.
CREATE TABLE replaced (
	hash  BLOB    PRIMARY KEY,
	use   TEXT    NOT NULL,                -- page, calendars, feeds
	link  TEXT    NOT NULL REFERENCES link ON DELETE CASCADE,
	until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- On which day a family of programs last used a link.
CREATE TABLE client (
	link   TEXT    NOT NULL REFERENCES link ON DELETE CASCADE,
	family TEXT    NOT NULL,
	day    INTEGER NOT NULL,               -- days since 1970-01-01
	PRIMARY KEY (link, family)
) STRICT, WITHOUT ROWID;

CREATE TABLE guardian (
	id   TEXT PRIMARY KEY,
	user TEXT NOT NULL UNIQUE,
	hash TEXT NOT NULL                     -- Argon2id, PHC form
) STRICT, WITHOUT ROWID;

CREATE TABLE invite (
	hash    BLOB    PRIMARY KEY,
	expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sign_in (
	hash     BLOB    PRIMARY KEY,
	guardian TEXT    NOT NULL REFERENCES guardian ON DELETE CASCADE,
	expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE renderer (
	id         INTEGER PRIMARY KEY CHECK (id = 1),
	version    TEXT    NOT NULL,
	changed    INTEGER NOT NULL,
	generation TEXT    NOT NULL
) STRICT;
