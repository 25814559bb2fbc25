-- What the schools show, and what calendars and feeds are made of.

CREATE TABLE meta (
	id         INTEGER PRIMARY KEY CHECK (id = 1),
	writes     INTEGER NOT NULL,           -- grows with each write of this file
	seen       INTEGER NOT NULL,           -- highest durable count of the other file
	uid_key    BLOB    NOT NULL,           -- 32 bytes, the same in both files
	generation TEXT    NOT NULL,           -- random, new when this file began anew
	seq        INTEGER NOT NULL DEFAULT 0, -- newest change
	horizon    INTEGER NOT NULL DEFAULT 0  -- newest change that is no longer listed
) STRICT;

-- The number table stands in both files, so that either can be lost.
CREATE TABLE child (
	number   INTEGER PRIMARY KEY,          -- given once, never reused
	alias_of INTEGER REFERENCES child      -- the child that absorbed this one
) STRICT;

CREATE TABLE identity (
	id     INTEGER PRIMARY KEY,            -- the same in both files
	hash   BLOB    NOT NULL UNIQUE,        -- keyed hash of platform and key
	number INTEGER NOT NULL REFERENCES child
) STRICT;

CREATE INDEX identity_number ON identity (number);

-- What a platform calls a child; goes when nobody brings the child any more.
CREATE TABLE profile (
	identity INTEGER PRIMARY KEY REFERENCES identity,
	platform TEXT    NOT NULL,
	ref      TEXT    NOT NULL,
	name     TEXT    NOT NULL,
	school   TEXT    NOT NULL,
	gone     INTEGER NOT NULL              -- seconds, 0: not gone
) STRICT;

CREATE TABLE roster (
	account  TEXT    NOT NULL,
	identity INTEGER NOT NULL REFERENCES profile ON DELETE CASCADE,
	listed   INTEGER NOT NULL,             -- 0: was listed once
	PRIMARY KEY (account, identity)
) STRICT, WITHOUT ROWID;

-- Small columns first: a comparison never reads the long ones.
CREATE TABLE entry (
	id         INTEGER PRIMARY KEY,
	identity   INTEGER NOT NULL REFERENCES profile ON DELETE CASCADE,
	kind       TEXT    NOT NULL,
	uid        TEXT    NOT NULL,
	part       TEXT    NOT NULL,
	day        INTEGER NOT NULL,           -- first day, days since 1970-01-01
	all_day    INTEGER NOT NULL,
	starts     INTEGER NOT NULL,           -- seconds, or days when all_day
	ends       INTEGER NOT NULL,           -- excluded; seconds, or days when all_day
	status     TEXT    NOT NULL,
	created    INTEGER NOT NULL,
	modified   INTEGER NOT NULL,
	sequence   INTEGER NOT NULL,
	print      BLOB    NOT NULL,           -- fingerprint of all that is shown
	busy       INTEGER NOT NULL,
	done       INTEGER NOT NULL,
	task       INTEGER NOT NULL,
	categories TEXT    NOT NULL,           -- JSON list, empty for none
	title      TEXT    NOT NULL,
	place      TEXT    NOT NULL,
	url        TEXT    NOT NULL,
	body       TEXT    NOT NULL,
	UNIQUE (identity, kind, uid)
) STRICT;

CREATE TABLE letter (
	id         INTEGER PRIMARY KEY,
	identity   INTEGER NOT NULL REFERENCES profile ON DELETE CASCADE,
	kind       TEXT    NOT NULL,
	uid        TEXT    NOT NULL,
	ref        TEXT    NOT NULL,
	published  INTEGER NOT NULL,
	updated    INTEGER NOT NULL,
	modified   INTEGER,                    -- the platform's own; NULL: read it again
	first_seen INTEGER NOT NULL,
	print      BLOB    NOT NULL,
	title      TEXT    NOT NULL,
	author     TEXT    NOT NULL,
	source     TEXT    NOT NULL,
	url        TEXT    NOT NULL,
	summary    TEXT    NOT NULL,
	html       TEXT    NOT NULL,
	UNIQUE (identity, kind, uid)
) STRICT;

CREATE INDEX letter_published ON letter (published);

CREATE TABLE media (
	id       TEXT    PRIMARY KEY,          -- name of the blob
	letter   INTEGER NOT NULL REFERENCES letter ON DELETE CASCADE,
	position INTEGER NOT NULL,
	image    INTEGER NOT NULL,
	length   INTEGER NOT NULL,
	hash     BLOB    NOT NULL,             -- SHA-256 of the content
	ref      TEXT    NOT NULL,
	name     TEXT    NOT NULL,
	type     TEXT    NOT NULL,
	alt      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX media_letter ON media (letter, position);

-- The change log: what sync-collection answers from.
CREATE TABLE change (
	child   INTEGER NOT NULL,
	kind    TEXT    NOT NULL,
	seq     INTEGER NOT NULL,              -- one sequence for the whole file
	uid     TEXT    NOT NULL,
	deleted INTEGER NOT NULL,
	mark    BLOB    NOT NULL,              -- random
	at      INTEGER NOT NULL,
	PRIMARY KEY (child, kind, seq)
) STRICT, WITHOUT ROWID;
