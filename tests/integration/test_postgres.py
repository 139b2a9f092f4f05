"""The PostgreSQL that other tests stand on: it ends as it is told and comes again with what was committed."""

import os
import subprocess
import sys

import pytest

from harness import wait_for
from postgres import LATIN1, PostgresError, sql


def test_databases_are_apart(postgres, database):
    other = postgres.create(LATIN1)
    sql(database, "CREATE TABLE only_here (n int)")
    with pytest.raises(PostgresError, match="only_here"):
        sql(other, "SELECT * FROM only_here")
    assert sql(other, "SHOW server_encoding") == "LATIN1"
    postgres.drop(other)


@pytest.mark.parametrize("end", ["stop", "quit", "kill9"])
def test_a_server_comes_again_with_what_was_committed(own_postgres, end):
    server = own_postgres()
    url = server.create()
    sql(url, "CREATE TABLE kept AS SELECT 7 AS n")
    getattr(server, end)()
    with pytest.raises(PostgresError, match="refused|No such file"):
        sql(url, "SELECT n FROM kept")
    server.start()
    assert sql(url, "SELECT n FROM kept") == "7"


def test_a_paused_server_keeps_its_connections(own_postgres):
    server = own_postgres()
    with server.paused(), pytest.raises(subprocess.TimeoutExpired):
        sql(server.url, "SELECT 1", seconds=0.5)
    assert sql(server.url, "SELECT 1") == "1"


def test_a_standby_that_lags_is_promoted_without_what_it_missed(own_postgres):
    first = own_postgres()
    sql(first.url, "CREATE TABLE kept AS SELECT 1 AS n")
    second = first.standby()
    try:
        second.wait_for(first)
        with pytest.raises(PostgresError, match="read-only"):
            sql(second.url, "INSERT INTO kept VALUES (2)")
        second.stop()
        sql(first.url, "INSERT INTO kept VALUES (3)")
        first.kill9()
        second.start()
        second.promote()
        sql(second.url, "INSERT INTO kept VALUES (4)")
        assert sql(second.url, "SELECT n FROM kept ORDER BY n") == "1\n4"
    finally:
        second.close()


def test_a_killed_test_leaves_no_server():
    program = ("import sys, postgres; server = postgres.Postgres(); print(server.dir, flush=True);"
               "sys.stdin.read()")
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, cwd=os.path.dirname(__file__))
    directory = holder.stdout.readline().strip()
    assert os.path.exists(directory)
    holder.kill()
    holder.wait()
    wait_for(lambda: not os.path.exists(directory), 30, "the end of what it has left")
    assert subprocess.run(["pgrep", "-f", directory]).returncode == 1
