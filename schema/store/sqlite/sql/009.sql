-- In which order rows are claimed: schema/store/jobs_order.h. Rows that wait keep their order.
ALTER TABLE job ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
UPDATE job SET rank = (10 << 58) + seq * 1024 WHERE state IN (0, 1);
DROP INDEX job_queued;
CREATE INDEX job_queued ON job(language, rank) WHERE state = 0;
CREATE INDEX job_owner ON job(owner, rank) WHERE state = 0 AND owner IS NOT NULL;
