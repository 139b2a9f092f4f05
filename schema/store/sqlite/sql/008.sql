-- Decisions of the server that accepts, and why claims have ended. owner: NULL: not known.
ALTER TABLE job ADD COLUMN owner TEXT;
ALTER TABLE job ADD COLUMN host_faults INTEGER NOT NULL DEFAULT 0;
