-- What a next version might bring: a column and a table. Its index is in postgres_migrations.c.

ALTER TABLE job ADD COLUMN next_note BIGINT NOT NULL DEFAULT 7;
CREATE TABLE next_note(
    seq BIGINT PRIMARY KEY
);
