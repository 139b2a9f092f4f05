-- Kafka: where messages were read, and what must still be told to its topics.

-- publish: the report goes to the results topic when it is final. told_id: the id that the topic
-- knows the submission by, where that is not the row's own.
ALTER TABLE job ADD COLUMN publish INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN told_id TEXT;

CREATE TABLE stream(
    number INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    UNIQUE(topic, partition)
) STRICT;

-- Every message ever taken, with the row it made or repeated (NULL: it was refused). Messages come
-- in the order of their offsets, so that a new one goes to the end of its stream's rows.
CREATE TABLE intake(
    stream INTEGER NOT NULL REFERENCES stream(number),
    offset INTEGER NOT NULL,
    seq INTEGER REFERENCES job(seq),
    PRIMARY KEY (stream, offset)
) STRICT, WITHOUT ROWID;

-- kind is enum outbox_kind. AUTOINCREMENT: a number that was sent once never names another row.
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
