"""Where servers of tests have their tables."""

import atexit
import os
import sqlite3

import pytest

# With SCRC_TEST_STORE=postgres each server that a test gives no STORE has a database of its own: the same
# tests, the other table. Those that look into DATA_DIR's own are `in_file`.
ON_POSTGRES = os.environ.get("SCRC_TEST_STORE") == "postgres"
in_file = pytest.mark.skipif(ON_POSTGRES, reason="about the table in DATA_DIR")


class Stores:
    """The databases, by DATA_DIR: two servers on one directory have one."""

    urls, server = {}, None

    @classmethod
    def url(cls, directory):
        import postgres  # which knows us
        if cls.server is None:
            cls.server = postgres.open_shared()
            atexit.register(cls.server.close)
        if directory not in cls.urls:
            cls.urls[directory] = cls.server.create()
        return cls.urls[directory]

    @classmethod
    def forget(cls, directory):
        if directory in cls.urls:
            cls.server.drop(cls.urls.pop(directory))


QUEUED, RUNNING, DONE = 0, 1, 2  # as the table writes them


def rows(directory, query):
    """What a query finds in its table, whoever has it open."""
    if not ON_POSTGRES:
        with sqlite3.connect(f"file:{directory}/scrc.db?mode=ro", uri=True) as db:
            return db.execute(query).fetchall()
    import postgres
    return [tuple(int(v) if v.isdecimal() else v for v in line.split("|"))
            for line in postgres.sql(Stores.url(directory), query).splitlines()]


def states(directory):
    """How many rows of the table in it are in each state."""
    return dict(rows(directory, "SELECT state, count(*) FROM job GROUP BY state"))
