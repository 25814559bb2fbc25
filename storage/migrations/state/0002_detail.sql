-- How much of an entry a link shows, how far back, and whether it says that
-- the data are old.
ALTER TABLE link ADD COLUMN detail TEXT NOT NULL DEFAULT '';
ALTER TABLE link ADD COLUMN history INTEGER NOT NULL DEFAULT 0; -- days; 0: as usual
ALTER TABLE link ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0;
