-- One counter for the whole table: the number of each row's last change, so that whoever was away
-- can be told what it missed. 0: not since this column is there, and nobody can have missed it.

ALTER TABLE job ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_change ON job(change) WHERE change > 0;
