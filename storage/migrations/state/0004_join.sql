-- As in cache.age.
CREATE VIEW member AS
	SELECT i.id, i.hash, coalesce(c.alias_of, i.number) AS number, i.number AS own
	FROM identity i JOIN child c ON c.number = i.number;

-- Which platform leads in a kind of a child that several platforms show.
CREATE TABLE lead (
	child    INTEGER NOT NULL,
	kind     TEXT    NOT NULL,
	platform TEXT    NOT NULL,
	fill     INTEGER NOT NULL,             -- the others add what it does not have
	PRIMARY KEY (child, kind)
) STRICT, WITHOUT ROWID;
