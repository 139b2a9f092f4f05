-- What submissions are about: schema/model/labels.h. NULL: they have no labels.
ALTER TABLE job ADD COLUMN labels TEXT;

-- Each label of each row, as name:value, so that the newest rows of one label are found without a
-- scan. Kept as long as the row. Columns have other names than those of job, which is read with it.
CREATE TABLE job_label(
    label TEXT NOT NULL,
    submitted INTEGER NOT NULL,            -- submitted_ms of the row
    job_seq INTEGER NOT NULL,
    PRIMARY KEY (label, submitted, job_seq)
) STRICT, WITHOUT ROWID;
