-- The time that a message carries. A topic that was deleted and made again counts its offsets from 0:
-- another message at an offset that was read already is told by its time. The stream of the topic that
-- was is then renamed to topic#number, a name that no topic can have.

ALTER TABLE intake ADD COLUMN sent_ms INTEGER;   -- NULL: none
