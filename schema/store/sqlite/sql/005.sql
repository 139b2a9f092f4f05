-- A number of 63 random bits for each claim. Finishing or requeuing a row needs the number of its
-- claim, so that a worker that lost its row cannot end the run of the next one. NULL unless running.
ALTER TABLE job ADD COLUMN claim INTEGER;

-- Final rows without measurements (not built, cancelled, no verdict): a list that is sorted by one
-- ends with them. Duration, CPU time and memory are all set or all NULL.
CREATE INDEX job_unmeasured ON job(seq) WHERE finished_ms IS NOT NULL AND duration_ms IS NULL;

-- With the time, so that the newest rows of one verdict are found without a scan.
DROP INDEX job_verdict;
CREATE INDEX job_verdict ON job(verdict, submitted_ms) WHERE verdict IS NOT NULL;
