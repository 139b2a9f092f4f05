-- The revision of each row's last change, from one counter for the whole table, so that a client
-- that reconnects gets the changes since. 0: not changed since this column exists.

ALTER TABLE job ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_change ON job(change) WHERE change > 0;
