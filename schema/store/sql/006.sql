-- A report goes out with the headers of the message that asked for it, and says where that was read.
-- A message's place alone does not tell it from another one of a topic that was made anew: its content
-- does, also where the times are equal.

ALTER TABLE job ADD COLUMN origin_stream INTEGER;    -- NULL: over HTTP
ALTER TABLE job ADD COLUMN origin_offset INTEGER;
ALTER TABLE outbox ADD COLUMN sent_ms INTEGER;       -- of the message; NULL: none
ALTER TABLE outbox ADD COLUMN headers BLOB;          -- of the message; NULL: none
ALTER TABLE outbox ADD COLUMN digest INTEGER;        -- of the message; NULL: not known

-- Only of messages that had some; they go with the submission.
CREATE TABLE message_headers(
    seq INTEGER PRIMARY KEY,
    headers BLOB NOT NULL
) STRICT;

-- A row that goes back to Kafka is deleted, and no foreign key may look through all messages for it.
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

-- Which dead letters and refusals of a message have not gone out yet.
CREATE INDEX outbox_letter ON outbox(partition, offset) WHERE kind > 0;
