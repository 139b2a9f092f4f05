-- Kafka: where messages were read, and what is still to be published.

-- publish: the report is to be published when it is final. told_id: the id in the published report,
-- if it is not the row's id.
ALTER TABLE job ADD COLUMN publish INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN told_id TEXT;

CREATE TABLE stream(
    number INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    UNIQUE(topic, partition)
) STRICT;

-- Every message that was read, with the row it made or repeated (NULL: it was refused). Messages are
-- read in the order of their offsets, so a new row goes to the end of its stream's rows.
CREATE TABLE intake(
    stream INTEGER NOT NULL REFERENCES stream(number),
    offset INTEGER NOT NULL,
    seq INTEGER REFERENCES job(seq),
    PRIMARY KEY (stream, offset)
) STRICT, WITHOUT ROWID;

-- kind is enum outbox_kind. AUTOINCREMENT: no number is used twice, because Kafka may have it.
CREATE TABLE outbox(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
    seq INTEGER REFERENCES job(seq),       -- kind 0: whose report
    key BLOB,
    payload BLOB,
    reason TEXT,
    topic TEXT,                            -- kind 1 and 2: where the message was read
    partition INTEGER,
    offset INTEGER,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_seq ON outbox(seq) WHERE seq IS NOT NULL;

CREATE TABLE watermark(
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;
