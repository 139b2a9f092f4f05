-- What submissions are about, as in sqlite/sql/010.sql. Servers of the version before neither write
-- nor read it.

ALTER TABLE job ADD COLUMN labels TEXT COLLATE "C";

CREATE TABLE job_label(
    label TEXT COLLATE "C" NOT NULL,
    submitted BIGINT NOT NULL,
    job_seq BIGINT NOT NULL,
    PRIMARY KEY (label, submitted, job_seq)
);
