-- A number of 63 random bits for each claim, never used twice: what finishes a row or gives it back
-- names the claim it had, so that whoever lost its row cannot end the next one's run. NULL unless
-- running.
ALTER TABLE job ADD COLUMN claim INTEGER;

-- Final rows that have no measurement (not built, cancelled, given up): a list sorted by one ends with
-- them. Duration, CPU time and memory come together or not at all.
CREATE INDEX job_unmeasured ON job(seq) WHERE finished_ms IS NOT NULL AND duration_ms IS NULL;

-- With the time, so that the newest of one verdict are found however few they are.
DROP INDEX job_verdict;
CREATE INDEX job_verdict ON job(verdict, submitted_ms) WHERE verdict IS NOT NULL;
