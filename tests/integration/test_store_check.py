"""The database of STORE as an operator sees it: --check, a start that waits or is refused, no password."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from harness import run_scrc, wait_for
from postgres import LATIN1, Postgres, sql

SECRET = "hunter2"


def check(url, **settings):
    """(exit code, the findings `store`: {message: (level, so, to mend it)})"""
    code, out, err = run_scrc("--check", seconds=60, STORE=url, LANGUAGES="python", **settings)
    assert SECRET not in out + err
    found, last = {}, None
    for line in out.splitlines():
        level, name, text = line[:9].strip(), line[9:22].strip(), line[22:]
        if level:
            last = found.setdefault(text, [level]) if name == "store" else None
        elif last:
            last.append(text)
    return code, found


def one(found, words):
    """Level and advice of the one finding that has these words."""
    (line,) = [line for line in found if words in line]
    return found[line]


def as_user(url, user, password=SECRET):
    return re.sub(r"//[^@]*@", f"//{user}:{password}@", url)


@pytest.fixture(scope="module")
def primary():
    server = Postgres("tcp")
    sql(server.url, f"CREATE ROLE poor LOGIN PASSWORD '{SECRET}'")
    yield server
    server.close()


@pytest.fixture
def url(primary):
    url = primary.create()
    yield url
    primary.drop(url)


@contextlib.contextmanager
def configured(server, **settings):
    server.configure(**settings)
    try:
        yield
    finally:
        for name in settings:
            sql(server.url, f"ALTER SYSTEM RESET {name}")
        sql(server.url, "SELECT pg_reload_conf()")


def test_a_database_that_suits(own_postgres):
    server = own_postgres("fsync")
    code, found = check(server.create())
    assert code == 0
    assert not [line for line, (level, *_) in found.items() if level != "ok"], found
    assert re.search(r"PostgreSQL 1\d\.\d+, no tables yet; \d+ of \d+ connections in use; "
                     r"a commit takes \d+\.\d ms", "\n".join(found)), found
    assert "lose what was accepted last" in "\n".join(found)


def test_what_breaks_promises(primary, url):
    with configured(primary, fsync="off", full_page_writes="off", synchronous_commit="off"):
        wait_for(lambda: sql(url, "SHOW synchronous_commit") == "off", 10, "the settings")
        code, found = check(url)
    assert code == 0
    assert one(found, "fsync is off")[0] == "warning"
    assert "fsync = on" in one(found, "fsync is off")[2]
    assert one(found, "full_page_writes is off")[0] == "warning"
    assert one(found, "synchronous_commit is off") == ["ok"]


def test_a_standby_that_is_not_there(primary, url):
    with configured(primary, synchronous_standby_names="second"):
        wait_for(lambda: sql(url, "SHOW synchronous_standby_names"), 10, "the settings")
        code, found = check(url)
    assert code == 3
    assert one(found, "no standby of synchronous_standby_names acknowledges")[0] == "UNFIT"


@pytest.mark.parametrize("change, words, mend", [
    (lambda url: as_user(url, "poor", SECRET + "x"), "password authentication failed", "PGPASSFILE"),
    (lambda url: as_user(url, "nobody"), "password authentication failed", "PGPASSFILE"),
    (lambda url: url + "x", "does not exist", "database"),
])
def test_who_is_not_let_in(url, change, words, mend):
    code, found = check(change(url))
    assert code == 3
    level, so, to_mend = one(found, words)
    assert level == "UNFIT" and "does not start" in so and mend in to_mend


def test_a_port_where_nobody_is():
    code, found = check(f"postgres://scrc:{SECRET}@127.0.0.1:1/judge")
    assert code == 3
    level, so, to_mend = one(found, "refused")
    assert level == "UNFIT" and "waits" in so and "reached from here" in to_mend


def test_a_user_without_rights(primary, url):
    code, found = check(as_user(url, "poor"))
    assert code == 3
    assert one(found, "may not make tables")[0] == "UNFIT"
    sql(url, "CREATE TABLE schema_version(one BIGINT, version BIGINT, oldest BIGINT);"
             "INSERT INTO schema_version VALUES (1, 1, 1)")
    code, found = check(as_user(url, "poor"))
    assert code == 3
    assert one(found, "may not make tables")[0] == "warning"
    assert one(found, "may not read and write")[0] == "UNFIT"


def test_a_start_on_tables_of_another_user(url, fresh_server):
    sql(url, "GRANT CREATE ON SCHEMA public TO poor")
    assert fresh_server(STORE=url, RUNNER_MAX_PARALLEL=0).start().terminate() == 0
    code, _, err = run_scrc(STORE=as_user(url, "poor"), RUNNER_MAX_PARALLEL="0")
    assert code == 2 and "permission denied" in err, err
    code, found = check(as_user(url, "poor"))
    assert code == 3 and one(found, "may not read and write")[0] == "UNFIT"


def test_tables_of_a_newer_version(url):
    sql(url, "CREATE TABLE schema_version(one BIGINT, version BIGINT, oldest BIGINT);"
             "INSERT INTO schema_version VALUES (1, 99, 98)")
    code, found = check(url)
    assert code == 3
    assert one(found, "newer scrc has made its tables (schema 99)")[0] == "UNFIT"
    sql(url, "UPDATE schema_version SET oldest = 1")
    code, found = check(url)
    assert code == 0 and one(found, "schema 99")[0] == "ok"


def test_an_encoding_that_is_not_utf8(primary):
    for encoding in (LATIN1, LATIN1.replace("LATIN1", "SQL_ASCII")):
        url = primary.create(encoding)
        code, found = check(url)
        assert code == 3 and one(found, "encoding is not UTF8")[0] == "UNFIT"
        code, _, err = run_scrc(STORE=url, RUNNER_MAX_PARALLEL="0")
        assert code == 2 and "not UTF8: CREATE DATABASE" in err
        assert sql(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"
        primary.drop(url)


def test_a_replica(primary):
    standby = primary.standby("tcp")
    try:
        code, found = check(standby.url)
        assert code == 3
        level, _, to_mend = one(found, "only reads")
        assert level == "UNFIT" and "A,B" in to_mend
        user, place = primary.url.split("@")
        both = f"{user}@{standby.url.split('@')[1].split('/')[0]},{place}"
        assert check(both)[0] == 0
    finally:
        standby.close()


def test_too_few_connections(own_postgres):
    server = own_postgres()
    sql(server.url, "ALTER SYSTEM SET max_connections = 10")
    server.stop()
    server.start()
    code, found = check(server.url)
    assert code == 0
    assert one(found, "connections are in use")[0] == "warning"


PGBOUNCER = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")


@contextlib.contextmanager
def pgbouncer(url, mode, port):
    """A pgbouncer before the server of url; its own URL."""
    user, password, place, name = re.fullmatch(r"postgres://(.*):(.*)@(.*)/(.*)", url).groups()
    host, _, behind = place.partition(":")
    directory = tempfile.mkdtemp(prefix="scrc-b.", dir="/tmp")
    shutil.chown(directory, "postgres")
    with open(directory + "/ini", "w") as f:
        f.write(f"[databases]\n{name} = host={host} port={behind} user={user} password={password}\n"
                f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\n"
                f"pool_mode = {mode}\nunix_socket_dir =\n"
                "ignore_startup_parameters = extra_float_digits\n")
    process = subprocess.Popen([PGBOUNCER, "-u", "postgres", directory + "/ini"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        there = f"postgres://{user}:{password}@127.0.0.1:{port}/{name}"

        def answers():
            with contextlib.suppress(Exception):
                return sql(there, "SELECT 1")
        wait_for(answers, 20, "pgbouncer")
        yield there
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory)


@pytest.mark.skipif(not PGBOUNCER, reason="no pgbouncer (package pgbouncer)")
@pytest.mark.parametrize("mode, code", [("transaction", 3), ("session", 0)])
def test_a_pooler_is_found(url, fresh_server, mode, code):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with pgbouncer(url, mode, port) as there:
        for _ in range(3):
            got, found = check(there)
            assert got == code, found
            assert ("pooler in between" in "\n".join(found)) == (mode == "transaction")
        if mode == "session":
            assert fresh_server(STORE=there, RUNNER_MAX_PARALLEL=0).start().terminate() == 0
        else:
            got, _, err = run_scrc(STORE=there, RUNNER_MAX_PARALLEL="0")
            assert got == 2 and "pool_mode = session" in err


# ---- the start ----

def test_a_start_waits_for_a_database_that_does_not_answer(fresh_server):
    server = fresh_server(STORE=f"postgres://scrc:{SECRET}@127.0.0.1:1/judge?password={SECRET}")
    server.spawn()
    (line,) = wait_for(lambda: server.logged("waiting_for_store"), 20, "it says so")
    assert "postgres://scrc@127.0.0.1:1/judge" in line and "refused" in line
    os.kill(server.pid, signal.SIGTERM)
    assert server.process.wait(20) == 0
    assert SECRET not in server.log()


def test_an_address_that_takes_connections_and_never_answers(fresh_server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://scrc:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/judge"
        server = fresh_server(STORE=url).spawn()
        code, found = check(url)
        assert code == 3 and one(found, "no answer in time")[0] == "UNFIT"
        (line,) = wait_for(lambda: server.logged("waiting_for_store"), 20, "it says so")
        assert "no answer in time" in line
        assert server.terminate() == 0


@pytest.mark.parametrize("change, words", [
    (lambda url: as_user(url, "poor", SECRET + "x"), "password authentication failed"),
    (lambda url: url + "x", "does not exist"),
])
def test_a_start_that_cannot_succeed_is_refused(url, change, words):
    code, out, err = run_scrc(STORE=change(url), RUNNER_MAX_PARALLEL="0")
    assert code == 2 and words in err and out == ""
    assert SECRET not in err


@pytest.mark.parametrize("wrong", [f"mysql://scrc:{SECRET}@db/judge", f"postgres://a:{SECRET}/x@db/j",
                                   f"host=db password={SECRET}"])
def test_a_url_that_cannot_be_read(wrong):
    code, out, err = run_scrc(STORE=wrong)
    assert code == 2 and "STORE: must be a postgres:// URL" in err and out == ""
    assert SECRET not in err


def test_a_server_shows_its_fleet_and_no_password(url, fresh_server):
    sql(url, "GRANT CREATE ON SCHEMA public TO poor")
    server = fresh_server(STORE=as_user(url, "poor"), RUNNER_MAX_PARALLEL=0).start()
    sql(url, "INSERT INTO server(instance, directory, host, version, slots, over, started_ms, last_seen) VALUES"
             "('abcdefghijklmnop', 'd', 'other', '9.9.9', 7, 0, 1, now() - interval '5 seconds'),"
             "('bcdefghijklmnopq', 'd', 'gone', '9.9.9', 7, 1, 2, now() - interval '1 hour');"
             "INSERT INTO job(id, hash, state, language, submitted_ms, tests_total, instance, claim)"
             " VALUES('x', '', 1, 'python', 1, 1, 'abcdefghijklmnop', 5)")
    system = server.get("/system").json
    others = [s for s in system["servers"] if not s["own"]]
    assert [(s["instance"], s["host"], s["slots"], s["claims"], s["over"]) for s in others] == [
        ("abcdefgh", "other", 7, 1, False), ("bcdefghi", "gone", 7, 0, True)]
    assert 5000 <= others[0]["seen_ms"] < 60_000 and 3_600_000 <= others[1]["seen_ms"] < 3_700_000
    (shown,) = [s["value"] for s in system["settings"] if s["name"] == "STORE"]
    assert shown == re.sub(r"//[^@]*@", "//poor@", url)
    assert [f["state"] for f in system["findings"] if f["name"] == "store"][0] == "ok"
    for path in ("/system", "/metrics", "/stats", "/readyz", "/"):
        assert SECRET.encode() not in server.get(path).body, path
    assert server.terminate() == 0
    assert SECRET not in server.log() and shown in server.logged("listening")[0]


def test_a_start_goes_on_when_the_database_answers(own_postgres, fresh_server):
    postgres = own_postgres()
    url = postgres.create()
    postgres.stop()
    server = fresh_server(STORE=url, RUNNER_MAX_PARALLEL=0).spawn()
    wait_for(lambda: server.logged("waiting_for_store"), 20, "it says so")
    postgres.start()
    server.is_listening()
    assert server.get("/readyz").status in (200, 503)
    found = {f["name"]: f for f in server.get("/system").json["findings"]}
    assert found["store"]["state"] in ("ok", "warn")
    assert len(server.logged("waiting_for_store")) == 1


def test_tls(own_postgres):
    server = own_postgres("tls")
    own = server.url.partition("?")[0]
    code, found = check(f"{own}?sslmode=disable")
    assert code == 3
    level, so, _ = one(found, "no encryption")
    assert level == "UNFIT" and "does not start" in so
    assert check(f"{own}?sslmode=verify-full&sslrootcert={server.dir}/data/server.crt")[0] == 0
    code, found = check(f"{own}?sslmode=verify-full&sslrootcert=/nowhere")
    assert code == 3 and one(found, '"/nowhere" does not exist')[0] == "UNFIT"


def test_a_password_in_a_file(url, fresh_server):
    """PGPASSFILE, as libpq has it."""
    sql(url, "GRANT CREATE ON SCHEMA public TO poor")
    server = fresh_server(STORE=re.sub(r"//[^@]*@", "//poor@", url), RUNNER_MAX_PARALLEL=0)
    server.settings["PGPASSFILE"] = server.dir + "/pass"
    with open(server.dir + "/pass", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
        f.write(f"*:*:*:poor:{SECRET}\n")
    server.start()
    assert server.get("/system").json["servers"][0]["own"]
    assert SECRET.encode() not in server.get("/system").body and SECRET not in server.log()
