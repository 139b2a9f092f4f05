-- A row that is claimed ahead has a claim and is still queued, until a worker begins it. The next
-- start finds such rows here; there are at most as many as workers.
CREATE INDEX job_ahead ON job(seq) WHERE state = 0 AND claim IS NOT NULL;
