-- The timestamp of a message. A topic that was deleted and created again counts its offsets from 0: a
-- different message at an offset that was read already is recognised by its timestamp. The old
-- topic's stream is then renamed to topic#number, a name that no topic can have.

ALTER TABLE intake ADD COLUMN sent_ms INTEGER;   -- NULL: none
