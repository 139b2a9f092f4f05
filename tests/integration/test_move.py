"""scrc --move: a table goes from DATA_DIR to a database that servers share, and back, with all that it
has; killed at any moment it goes on; what is in use is left alone."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest

from harness import LONG, SCRC_BIN, fill, run_scrc, submission, test, wait_for
from postgres import sql
from sse import Stream

LEASE = {"LEASE_TIMEOUT": "2s"}
LARGE = "x" * 300_000  # a text of its own


def move(source, target, code=0):
    """What it says."""
    got, out, err = run_scrc("--move", source, target, seconds=300, **LEASE)
    assert got == code, (got, out, err)
    assert (code == 0) == bool(re.fullmatch(r"moved \d+ submissions, .* in \d+\.\d s\n", out)), (out, err)
    return out if code == 0 else err


def bodies(server, ids):
    return {id: server.get(f"/results/{id}").body for id in ids}


def rows_in(place, table):
    """How many; 0 while there is no such table."""
    if place.startswith("sqlite:"):
        try:
            with sqlite3.connect(f"file:{place[7:]}/scrc.db?mode=ro", uri=True) as db:
                return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        except sqlite3.OperationalError:
            return 0
    return int(sql(place, "SELECT coalesce((xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM "
                          f"{table}', false, true, '')))[1]::text, '0') WHERE to_regclass('{table}')"
                          " IS NOT NULL") or 0)


def some(prefix):
    """Submissions of every kind of end, with what they are to end with."""
    return {
        f"{prefix}-ok": (submission("python", "print(input())", [test("a\n", "a")]), "OK"),
        f"{prefix}-wrong": (submission("python", "print(2)", [test("", "1")]), "WA"),
        f"{prefix}-large": (submission("python", "print(len(input()))", [test(LARGE, "300000")]), "OK"),
        f"{prefix}-again": (submission("python", "print(len(input()))", [test(LARGE, "1")]), "WA"),
        f"{prefix}-broken": (submission("python", "print("), None),
    }


def send(server, work):
    for id, (sent, _) in work.items():
        assert server.submit(sent | {"id": id}) == id


def check(server, work):
    for id, (_, verdict) in work.items():
        report = server.report(id)
        assert report["id"] == id and verdict in (None, report["verdict"]), report


def test_there_and_back(fresh_server, database, tmp_path):
    first = fresh_server().start().ready()
    before, queued, after, last = (some(name) for name in ("before", "queued", "after", "last"))
    send(first, before), check(first, before)
    assert first.terminate() == 0
    first.settings["RUNNER_MAX_PARALLEL"] = "0"
    first.start()
    send(first, queued)
    assert first.terminate() == 0
    kept = {}

    said = move(f"sqlite:{first.data}", database)
    assert "moved 10 submissions, 5 reports, 1 texts" in said and database.split("@")[1] in said
    there = fresh_server(STORE=database, **LEASE).start().ready()
    check(there, before), check(there, queued)
    kept = bodies(there, [*before, *queued])
    assert there.post(before["before-ok"][0] | {"id": "before-ok"}).status == 200
    assert there.post(before["before-ok"][0] | {"id": "before-wrong"}).status == 409
    send(there, after), check(there, after)
    kept |= bodies(there, after)
    assert there.terminate() == 0

    back = str(tmp_path / "back")
    assert "moved 15 submissions, 15 reports, 1 texts" in move(database, f"sqlite:{back}")
    home = fresh_server(DATA_DIR=back).start().ready()
    assert bodies(home, kept) == kept
    send(home, last), check(home, last)
    assert len(home.get("/results?limit=100").json["results"]) == 20
    assert home.terminate() == 0


def test_the_same_bytes(fresh_server, database):
    """Not through our own readers."""
    server = fresh_server().start().ready()
    work = some("x")
    send(server, work), check(server, work)
    answers = bodies(server, work)
    assert server.terminate() == 0
    with sqlite3.connect(server.data + "/scrc.db") as db:
        stored = db.execute("SELECT seq, hex(CAST(json AS BLOB)) FROM report ORDER BY seq").fetchall()
        texts = db.execute("SELECT number, hex(hash), length(body) FROM text ORDER BY number").fetchall()
    move(f"sqlite:{server.data}", database)

    def there(select):
        return [tuple(line.split("|")) for line in sql(database, select).splitlines()]
    assert there("SELECT seq, upper(encode(json, 'hex')) FROM report ORDER BY seq") == [
        (str(seq), text) for seq, text in stored]
    assert there("SELECT number, upper(encode(hash, 'hex')), length(body) FROM text ORDER BY number") == [
        tuple(map(str, row)) for row in texts]
    reader = fresh_server(STORE=database, RUNNER_MAX_PARALLEL=0, **LEASE).start()
    assert bodies(reader, work) == answers
    assert reader.terminate() == 0


def test_what_a_killed_server_ran_is_judged_there(fresh_server, database, tmp_path):
    sleeps = submission("python", "import time\ntime.sleep(3)\nprint(1)", [test("", "1")], id="sleeps")
    server = fresh_server().start().ready()
    server.submit(sleeps), server.wait_running("sleeps")
    server.kill9()
    move(f"sqlite:{server.data}", database)
    there = fresh_server(STORE=database, **LEASE).start().ready()
    assert there.report("sleeps")["attempts"] == 1
    there.submit(sleeps | {"id": "sleeps-2"}), there.wait_running("sleeps-2")
    there.kill9()
    back = str(tmp_path / "back")
    move(database, f"sqlite:{back}")
    report = fresh_server(DATA_DIR=back).start().ready().report("sleeps-2")
    assert (report["verdict"], report["attempts"]) == ("OK", 1), report


def test_a_follower_is_reset(fresh_server, database):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    with contextlib.closing(Stream(server, "/events").read_head()) as stream:
        server.submit(submission("python", "print(1)"))
        stream.until(lambda events: [e for e in events if e.data.get("state") == "queued"])
        last = stream.last_id
    assert server.terminate() == 0
    move(f"sqlite:{server.data}", database)
    there = fresh_server(STORE=database, RUNNER_MAX_PARALLEL=0, **LEASE).start()
    with contextlib.closing(Stream(there, "/events", last).read_head()) as stream:
        stream.until(lambda events: [e for e in events if e.name == "reset"])


# ---- killed in the middle ----

NOW = int(time.time()) * 1000 - 600_000
ROWS = 200_000 if LONG else 30_000
MANY = f"""
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
INSERT INTO job(seq, id, hash, state, language, submitted_ms, tests_total, attempts, finished_ms, verdict,
    tests_passed, duration_ms, cpu_time_ms, memory_bytes, publish, origin_stream, origin_offset)
SELECT i, 'r' || i, x'', 2, 'python', {NOW} + i, 1, 1, {NOW} + i, 'OK', 1, 5, 5, 6, 1, 1, i FROM n;
INSERT INTO stream(number, topic, partition) VALUES(1, 'in', 0);
INSERT INTO intake(stream, offset, seq, sent_ms, digest) SELECT 1, seq, seq, 3, seq * 7 FROM job;
INSERT INTO body(seq, json) SELECT seq, '{{"language":"python","source":"print(' || seq || ')"}}' FROM job;
INSERT INTO report(seq, json) SELECT seq, '{{"id":"r' || seq || '","verdict":"OK","pad":"' ||
    hex(randomblob(200)) || '"}}' FROM job;
"""


@pytest.fixture
def many(fresh_server):
    """The directory of a table with many rows."""
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    assert server.terminate() == 0
    db = sqlite3.connect(server.data + "/scrc.db")
    db.executescript(MANY)
    db.close()
    return server.data


def killed_at(source, target, reached, environment):
    """Starts a move and kills it as soon as reached() is true. False: it had ended before."""
    process = subprocess.Popen([SCRC_BIN, "--move", source, target], env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    end = time.monotonic() + 120
    while process.poll() is None and not reached():
        assert time.monotonic() < end
    process.send_signal(signal.SIGKILL)
    out = process.communicate()[0].decode()
    assert process.returncode in (-signal.SIGKILL, 0), out
    return process.returncode != 0


def fingerprint(place):
    select = ("SELECT count(*), sum(seq), sum({}), min(id), max(id) FROM job JOIN report USING (seq)"
              " JOIN body USING (seq)")
    if place.startswith("sqlite:"):
        with sqlite3.connect(place[7:] + "/scrc.db") as db:
            return tuple(map(str, db.execute(select.format(
                "length(report.json) + length(body.json)")).fetchone()))
    return tuple(sql(place, select.format("length(report.json) + length(body.json)")).split("|"))


def test_killed_at_every_table(fresh_server, many, database, tmp_path):
    environment = fresh_server(**LEASE).environment()
    back = f"sqlite:{tmp_path}/back"
    for source, target in ((f"sqlite:{many}", database), (database, back)):
        kills = 0
        for table in ("job", "body", "report", "intake"):
            for part in (0, ROWS // 2):
                kills += killed_at(source, target, lambda: rows_in(target, table) > part, environment)
        assert kills >= 5, kills
        if target == database:  # while it has not ended there is one table that servers start on: the source
            code, _, err = run_scrc(STORE=target, **LEASE)
            assert code == 2 and "a move into it has not ended" in err
        assert f"moved {ROWS} submissions" in move(source, target)
        assert fingerprint(source) == fingerprint(target)


def test_killed_at_any_moment(fresh_server, many, database):
    environment = fresh_server(**LEASE).environment()
    source = f"sqlite:{many}"
    for round in range(40 if LONG else 6):
        begun = time.monotonic()
        if not killed_at(source, database, lambda: time.monotonic() - begun > 0.15 * round, environment):
            break
    else:
        move(source, database)
    assert fingerprint(source) == fingerprint(database)
    assert f"sqlite:{many}: its submissions have moved" in move(source, database, code=2)
    assert fresh_server(STORE=database, RUNNER_MAX_PARALLEL=0, **LEASE).start().terminate() == 0


def test_a_move_that_is_given_up(fresh_server, many, database):
    """The source is as it was, and a server may work on it; then the target is of no use."""
    server = fresh_server(DATA_DIR=many, RUNNER_MAX_PARALLEL=0).start()
    server.submit(submission("python", "print(1)", id="early"))
    assert server.terminate() == 0
    assert killed_at(f"sqlite:{many}", database, lambda: rows_in(database, "report") > 0,
                     server.environment())
    assert server.start().delete("early").status == 200
    assert server.get("/results/r1").status == 200
    assert server.terminate() == 0
    assert "begin again" in move(f"sqlite:{many}", database, code=2)
    sql(database, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert f"moved {ROWS + 1} submissions" in move(f"sqlite:{many}", database)


# ---- what is refused ----

def test_servers_that_work(fresh_server, fleet, tmp_path):
    alone = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    one, two = fleet.start(2, RUNNER_MAX_PARALLEL=0)
    one.submit(submission("python", "print(1)", id="one"))
    assert "another server has it" in move(f"sqlite:{alone.data}", fleet.url, code=2)
    assert "2 servers work on it" in move(fleet.url, f"sqlite:{tmp_path}/there", code=2)
    assert one.terminate() == 0
    assert "1 servers work on it" in move(fleet.url, f"sqlite:{tmp_path}/there", code=2)
    assert two.post(submission("python", "print(1)", id="two")).status == 202  # nobody noticed
    assert alone.terminate() == 0
    assert "work on it" in move(f"sqlite:{alone.data}", fleet.url, code=2)
    assert two.terminate() == 0
    assert "not empty" in move(f"sqlite:{alone.data}", fleet.url, code=2)
    assert "moved 2 submissions" in move(fleet.url, f"sqlite:{tmp_path}/there")


def test_a_server_that_stood_still_stores_nothing_any_more(fleet, tmp_path):
    (server,) = fleet.start(1, RUNNER_MAX_PARALLEL=0)
    server.submit(submission("python", "print(1)", id="one"))
    os.kill(server.pid, signal.SIGSTOP)
    try:
        assert "moved 1 submissions" in move(fleet.url, f"sqlite:{tmp_path}/there")
    finally:
        os.kill(server.pid, signal.SIGCONT)
    answer = server.post(submission("python", "print(1)", id="late"))
    assert answer.status >= 500, answer
    assert fleet.number("SELECT count(*) FROM job") == 1
    wait_for(lambda: [line for line in server.logged("lease_failed") if "have moved to" in line], 20,
             "it says why")
    server.terminate()
    code, _, err = run_scrc(STORE=fleet.url, **LEASE)
    assert code == 2 and f"have moved to sqlite:{tmp_path}/there" in err


def test_a_full_disk(fresh_server, many, database, small_disk):
    """The target; the move goes on elsewhere, or when there is room."""
    move(f"sqlite:{many}", database)
    fill(small_disk + "/full")
    got, out, err = run_scrc("--move", database, f"sqlite:{small_disk}/data", seconds=100, **LEASE)
    assert got == 1 and out == "" and "disk" in err.lower() or "space" in err.lower(), err
    os.unlink(small_disk + "/full")
    assert fingerprint(database)[0] == str(ROWS)
    assert f"moved {ROWS} submissions" in move(database, f"sqlite:{small_disk}/data")


@pytest.mark.parametrize("arguments, words", [
    (["--move"], "requires an argument"),
    (["--move", "sqlite:/a"], "needs two places"),
    (["--move", "sqlite:/a", "sqlite:/b", "sqlite:/c"], "no arguments"),
    (["--move", "/a", "sqlite:/b"], "sqlite:DIRECTORY or postgres://"),
    (["--move", "sqlite:/nowhere/a", "sqlite:/nowhere/b"], "there is no job table"),
    (["--move", "sqlite:/nowhere/a", "postgres://u:hunter2@x@h/d"], "postgres://"),
])
def test_wrong_words(arguments, words):
    code, out, err = run_scrc(*arguments)
    assert code == 2 and words in err and out == "", err
    assert "hunter2" not in err


def test_no_password(fresh_server, own_postgres):
    postgres = own_postgres("tcp")
    url = postgres.create()
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    assert server.terminate() == 0
    sql(postgres.url, "CREATE ROLE secretive LOGIN SUPERUSER PASSWORD 'hunter2'")
    place = re.sub(r"//[^@]*@", "//secretive:hunter2@", url)
    wrong = place.replace("hunter2", "hunter2x")
    for target, want in ((wrong, 2), (place, 0), (place, 2)):
        code, out, err = run_scrc("--move", f"sqlite:{server.data}", target, seconds=60, **LEASE)
        assert code == want and "hunter2" not in out + err, (code, out, err)
    code, out, err = run_scrc(DATA_DIR=server.data)
    assert code == 2 and "have moved to postgres://secretive@" in err and "hunter2" not in err
