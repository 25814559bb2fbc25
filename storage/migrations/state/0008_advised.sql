-- When what a family has to be told of the account last changed; seconds, 0:
-- it never did.
ALTER TABLE account ADD COLUMN advised INTEGER NOT NULL DEFAULT 0;
