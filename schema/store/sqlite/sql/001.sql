-- The job table. States are enum job_state: 0 queued, 1 running, 2 done, 3 cancelled. Times are
-- milliseconds since 1970. Retention deletes no rows of job, so ids stay known; seq (the largest + 1)
-- is never used twice.

CREATE TABLE meta(
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE job(
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    hash BLOB NOT NULL,                    -- of the submission as sent; zeros without an id
    state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
    language TEXT NOT NULL,
    submitted_ms INTEGER NOT NULL,
    tests_total INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    restarts INTEGER NOT NULL DEFAULT 0,   -- deaths of the server while it ran
    expired INTEGER NOT NULL DEFAULT 0,    -- retention has taken body, texts and report
    instance TEXT,                         -- who runs it; NULL unless running
    claimed_ms INTEGER,
    -- What GET /results lists, so that no report is opened for it.
    finished_ms INTEGER,
    verdict TEXT,
    tests_passed INTEGER,
    duration_ms INTEGER,
    cpu_time_ms INTEGER,
    memory_bytes INTEGER,
    error TEXT
) STRICT;

-- Accepting a row writes to the first three indexes; the others are written when the row is claimed
-- or becomes final.
CREATE UNIQUE INDEX job_id ON job(id);
CREATE INDEX job_queued ON job(language, seq) WHERE state = 0;
CREATE INDEX job_submitted ON job(submitted_ms);
CREATE INDEX job_running ON job(seq) WHERE state = 1;
CREATE INDEX job_finished ON job(finished_ms) WHERE finished_ms IS NOT NULL;
CREATE INDEX job_expiry ON job(finished_ms) WHERE finished_ms IS NOT NULL AND expired = 0;
CREATE INDEX job_duration ON job(duration_ms) WHERE duration_ms IS NOT NULL;
CREATE INDEX job_language ON job(language) WHERE finished_ms IS NOT NULL;
CREATE INDEX job_verdict ON job(verdict) WHERE verdict IS NOT NULL;
CREATE INDEX job_memory ON job(memory_bytes) WHERE memory_bytes IS NOT NULL;

-- Not columns of job, so that a change of state does not write them again. No foreign key: the row of
-- job is written in the same transaction, so checking for it would only cost time.
CREATE TABLE body(
    seq INTEGER PRIMARY KEY,
    json TEXT NOT NULL
) STRICT;

CREATE TABLE report(
    seq INTEGER PRIMARY KEY,
    json TEXT NOT NULL
) STRICT;

-- Large texts, each stored once for all submissions that use it.
CREATE TABLE text(
    number INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE text_use(
    seq INTEGER NOT NULL REFERENCES job(seq),
    text INTEGER NOT NULL REFERENCES text(number) ON DELETE CASCADE,
    PRIMARY KEY (seq, text)
) STRICT, WITHOUT ROWID;
CREATE INDEX text_use_text ON text_use(text);
