-- When the file comes near its limit the oldest letters leave. Those that were
-- published by then are not taken in again; seconds, 0: none have left.
ALTER TABLE meta ADD COLUMN crowded INTEGER NOT NULL DEFAULT 0;
