"""The proxy with which tests break the way to a database: what has arrived on either side of the cut."""

import contextlib
import os
import subprocess
import sys

import pytest

from harness import ROOT, wait_for
from postgres import PostgresError, program, psql, sql

sys.path.insert(0, os.path.join(ROOT, "tests/support"))
from cut_proxy import CutProxy  # noqa: E402

GROUP = "BEGIN; INSERT INTO kept VALUES (1); COMMIT"


@pytest.fixture
def proxy(database):
    sql(database, "CREATE TABLE kept (n int)")
    with CutProxy(database) as p:
        yield p


def rows(database):
    return int(sql(database, "SELECT count(*) FROM kept"))


def test_all_passes(database, proxy):
    assert sql(proxy.url, GROUP + "; SELECT repeat('x', 300000)") == "x" * 300000
    assert rows(database) == 1


@pytest.mark.parametrize("what, there", [("commit", 0), ("answer", 1)])
def test_a_commit_is_cut_before_or_after_the_server_has_it(database, proxy, what, there):
    proxy.cut_at(what)
    with pytest.raises(PostgresError, match="closed the connection"):
        sql(proxy.url, GROUP)
    proxy.wait()
    wait_for(lambda: rows(database) == there, 10, "what the server has")
    sql(proxy.url, GROUP)
    assert rows(database) == there + 1


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
@pytest.mark.parametrize("what, there", [("commit", 2), ("answer", 3)])
def test_the_third_commit_in_every_form(database, proxy, tmp_path, mode, what, there):
    script = tmp_path / "group.sql"
    script.write_text(GROUP.replace("; ", ";\n") + ";\n")
    proxy.cut_at(what, 3)
    subprocess.run([program("pgbench"), "-n", "-t", "5", "-M", mode, "-f",
                    str(script), proxy.url], capture_output=True, timeout=60)
    proxy.wait()
    assert rows(database) == there


def test_an_answer_is_cut_in_its_middle(database, proxy):
    proxy.cut_at("bytes", 200000)
    with pytest.raises(PostgresError):
        sql(proxy.url, "SELECT repeat('x', 300000)")
    proxy.wait()


@contextlib.contextmanager
def session(url):
    """A psql that is connected."""
    with subprocess.Popen(psql(url), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          bufsize=1) as p:
        p.stdin.write("SELECT 1;\n")
        assert p.stdout.readline() == "1\n"
        try:
            yield p
        finally:
            p.kill()


def test_what_is_held_arrives_when_its_client_is_gone(database, proxy):
    with session(proxy.url) as client:
        proxy.hold()
        client.stdin.write("INSERT INTO kept VALUES (1);\n")
        wait_for(lambda: proxy.holding, 10, "the message")
    assert rows(database) == 0
    proxy.pass_on()
    wait_for(lambda: rows(database) == 1, 10, "the row")


def test_nobody_connects_while_it_holds(database, proxy):
    proxy.hold()
    with pytest.raises(subprocess.TimeoutExpired):
        sql(proxy.url, "SELECT 1", seconds=0.3)
    proxy.pass_on()
    assert sql(proxy.url, "SELECT 1") == "1"


def test_answers_are_held(database, proxy):
    with session(proxy.url) as client:
        proxy.hold("to client")
        client.stdin.write("INSERT INTO kept VALUES (1) RETURNING 7;\n")
        wait_for(lambda: rows(database) == 1 and proxy.holding, 10, "the row")
        proxy.pass_on()
        assert client.stdout.readline() == "7\n"


def test_refused_and_let_in_again(database, proxy):
    proxy.refuse()
    with pytest.raises(PostgresError, match="refused"):
        sql(proxy.url, "SELECT 1")
    proxy.pass_on()
    assert sql(proxy.url, "SELECT 1") == "1"


def test_as_a_program(database):
    p = subprocess.Popen([os.path.join(ROOT, "tests/support/cut_proxy.py"), database],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    word, url = p.stdout.readline().split()
    assert word == "ready" and sql(url, "SELECT 1") == "1"

    def tell(line):
        p.stdin.write(line + "\n")
        return p.stdout.readline()[:2]
    assert [tell(line) for line in ("hold", "hold answers", "pass", "cut answer 1")] == ["ok"] * 4
    with pytest.raises(PostgresError):
        sql(url, "BEGIN; COMMIT")
    assert [tell(line) for line in ("wait", "cut nonsense 1", "x")] == ["ok", "fa", "fa"]
    p.communicate(timeout=10)
    assert p.returncode == 0
