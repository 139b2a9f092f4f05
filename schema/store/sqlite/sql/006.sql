-- A report is published with the headers and the origin of the message that it answers. In a topic
-- that was deleted and created again, another message can have the same offset and the same time: its
-- digest differs.

ALTER TABLE job ADD COLUMN origin_stream INTEGER;    -- NULL: over HTTP
ALTER TABLE job ADD COLUMN origin_offset INTEGER;
ALTER TABLE outbox ADD COLUMN sent_ms INTEGER;       -- of the message; NULL: none
ALTER TABLE outbox ADD COLUMN headers BLOB;          -- of the message; NULL: none
ALTER TABLE outbox ADD COLUMN digest INTEGER;        -- of the message; NULL: not known

-- Only of messages that had headers; deleted with the submission.
CREATE TABLE message_headers(
    seq INTEGER PRIMARY KEY,
    headers BLOB NOT NULL
) STRICT;

-- A row that is returned to Kafka is deleted; a foreign key would search all messages for it.
CREATE TABLE intake_new(
    stream INTEGER NOT NULL REFERENCES stream(number),
    offset INTEGER NOT NULL,
    seq INTEGER,                           -- of job; NULL: it was refused
    sent_ms INTEGER,                       -- NULL: none
    digest INTEGER,                        -- of key and value; NULL: not known
    PRIMARY KEY (stream, offset)
) STRICT, WITHOUT ROWID;
INSERT INTO intake_new(stream, offset, seq, sent_ms) SELECT stream, offset, seq, sent_ms FROM intake;
DROP TABLE intake;
ALTER TABLE intake_new RENAME TO intake;

-- The dead letters and refusals of a message that are not published yet.
CREATE INDEX outbox_letter ON outbox(partition, offset) WHERE kind > 0;
