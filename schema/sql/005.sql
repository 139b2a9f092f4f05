-- A report goes out with the headers of the message that asked for it, and says where that was read.
-- A message's place alone does not tell it from another one of a topic that was made anew: its content
-- does, also where the times are equal.

ALTER TABLE job ADD COLUMN origin_stream INTEGER;    -- NULL: over HTTP
ALTER TABLE job ADD COLUMN origin_offset INTEGER;
ALTER TABLE intake ADD COLUMN digest INTEGER;        -- of key and value; NULL: not known
ALTER TABLE outbox ADD COLUMN sent_ms INTEGER;       -- of the message; NULL: none
ALTER TABLE outbox ADD COLUMN headers BLOB;          -- of the message; NULL: none

-- Only of messages that had some; they go with the submission.
CREATE TABLE message_headers(
    seq INTEGER PRIMARY KEY,
    headers BLOB NOT NULL
) STRICT;
