-- A child that several platforms show goes by one number: that of the child
-- which absorbed the others. Its own number stays with each identity.
CREATE VIEW member AS
	SELECT i.id, i.hash, coalesce(c.alias_of, i.number) AS number, i.number AS own
	FROM identity i JOIN child c ON c.number = i.number;

-- What another platform of the same child leads in is kept and not shown.
ALTER TABLE entry ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE letter ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
