"""A fleet gets a new version, one server after the other: servers of two versions work on one schema, and
who cannot work on it says so. The next version is this one with a migration more (tests/upgrade)."""

import itertools
import os

from fleet import Load, long_transaction, printing
from harness import LONG, SCRC_BIN, run_scrc, submission, test, wait_for

NEXT = os.path.join(os.path.dirname(SCRC_BIN), "tests/scrc_next")
SLEEPS = "import time\ntime.sleep(4)\nprint('slept')"
MIGRATE = "1935893091, 2"  # POSTGRES_LOCK_MIGRATE
INDEX = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('job_next_note') AND "


def start_next(server):
    server.program = NEXT
    return server.spawn()


def schema(fleet):
    return fleet.sql("SELECT version, oldest FROM schema_version")


def test_one_server_after_the_other(fleet):
    """As behind a load balancer that leaves out who is stopped: nobody is refused."""
    servers = fleet.start(3)
    fleet.ready()
    up = list(servers)

    def next_up():
        for n in itertools.count():
            yield up[n % len(up)]
    load = Load(next_up(), (printing(n, 0.1) for n in range(100000)), 0.3)
    load.start()
    for round, server in enumerate(servers):
        before = len(load.accepted)
        up.remove(server)
        # What was on its way to it has arrived.
        wait_for(lambda: len(load.accepted) >= before + 2, 60, "the others are asked")
        assert server.terminate() == 0
        start_next(server).is_listening(60).ready()
        up.append(server)
        assert schema(fleet) == "3|1"
        wait_for(lambda: len(load.accepted) >= before + (200 if LONG else 12), 120, f"work goes on, {round}")
    load.stop.set()
    accepted = load.all_accepted(60)
    fleet.wait_final(60 + len(accepted), len(accepted))
    fleet.check(accepted, *servers)
    fleet.check_waiting()
    assert load.refused == 0
    assert fleet.repeated() == ""
    assert fleet.number("SELECT count(*) FROM job WHERE next_note = 7") == fleet.number("SELECT count(*) FROM job")
    assert fleet.number(INDEX + "indisvalid") == 1


def test_some_that_start_at_once(fleet):
    """One migrates, the others wait; here all wait for who has its lock."""
    fleet.start(1, RUNNER_MAX_PARALLEL=0)
    new = fleet.add(3, RUNNER_MAX_PARALLEL=0)
    with long_transaction(fleet.url, f"SELECT pg_advisory_xact_lock({MIGRATE})"):
        for server in new:
            start_next(server)
        wait_for(lambda: fleet.number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
                 == len(new), 50, "all wait")
        assert schema(fleet) == "2|1"
    for server in new:
        server.is_listening(60)
    assert schema(fleet) == "3|1" and fleet.number(INDEX + "indisvalid") == 1
    assert not [line for line in fleet.lines("waiting_for_store") if "index" not in line]


def test_a_table_that_is_in_use_is_waited_for(fleet):
    """And nobody waits behind who waits."""
    (old,), (new,) = fleet.start(1), fleet.add(1)
    work = {old.ready().submit(printing(0)[0]): "OK"}
    fleet.wait_final(60, 1)
    with long_transaction(fleet.url, "UPDATE job SET error = error"):
        start_next(new)
        (line, *_) = wait_for(lambda: new.logged("waiting_for_store"), 30, "it says so")
        assert "migration to schema 3" in line and "lock timeout" in line, line
        for number in range(1, 9):
            sent, verdict = printing(number)
            work[old.submit(sent)] = verdict
        fleet.wait_final(60, len(work))
        assert not new.logged("listening")
    new.is_listening(30)
    fleet.check(work, old, new)


def test_an_index_is_made_beside_the_work_and_again(fleet):
    """Whoever makes it is killed in the middle: then it is there, and serves nobody."""
    (old,), (new,) = fleet.start(1), fleet.add(1)
    start_next(new).is_listening(60)
    assert new.terminate() == 0
    fleet.sql("DROP INDEX job_next_note")
    old.ready().judge(printing(100)[0])
    with long_transaction(fleet.url, "UPDATE job SET error = error"):
        start_next(new)
        wait_for(lambda: fleet.number(INDEX + "NOT indisvalid"), 30, "it is begun")
        assert new.logged("index_made") and not new.logged("listening")
        work = dict((old.submit(sent), verdict) for sent, verdict in map(printing, range(8)))
        fleet.wait_final(60, len(work) + 1)
        other = start_next(fleet.add(1)[0])
        (line, *_) = wait_for(lambda: other.logged("waiting_for_store"), 30, "another waits")
        assert "index" in line, line
        new.kill9(), other.kill9()
        wait_for(lambda: fleet.number("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%'")
                 == 0, 30, "its session ends")
        assert fleet.number(INDEX + "NOT indisvalid") == 1
    start_next(new).is_listening(60)
    assert new.logged("index_made") and fleet.number(INDEX + "indisvalid") == 1
    fleet.check(work, old, new)


# ---- a version that is not compatible ----

def test_a_start_on_a_schema_that_is_too_new(fleet):
    start_next(fleet.add(1)[0]).is_listening(60)
    fleet.sql("UPDATE schema_version SET version = 4, oldest = 4")
    code, _, log = run_scrc(STORE=fleet.url, LANGUAGES="python")
    assert code == 2 and "a newer scrc has made its tables (schema 4, for versions from schema 4 on" in log, log


def test_a_server_that_runs_on_a_schema_that_is_too_new(fleet):
    """It stops; what it had is judged by those that can."""
    (old,), (new,) = fleet.start(1, SHUTDOWN_TIMEOUT="2s"), fleet.add(1)
    start_next(new).is_listening(60).ready()
    old.ready()
    ids = [new.submit(submission("python", SLEEPS, [test(expected="slept")])) for _ in range(4)]
    wait_for(lambda: fleet.number("SELECT count(DISTINCT instance) FROM job WHERE state = 1") == 2, 30, "both judge")
    fleet.sql("UPDATE schema_version SET oldest = 3")
    wait_for(lambda: old.logged("schema_too_new"), 30, "it says so")
    wait_for(lambda: old.get("/readyz").status == 503, 20, "it is not ready")
    assert "a newer scrc" in old.get("/readyz").body.decode()
    answer = old.post(submission("python", "print(1)"))
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0, answer
    ids += [new.submit(submission("python", "print(1)", [test(expected="1")])) for _ in range(4)]
    fleet.wait_final(60, len(ids))
    fleet.check(dict.fromkeys(ids, "OK"), new)
    assert fleet.number("SELECT count(*) FROM server WHERE over = 0") == 1
    assert old.get("/readyz").status == 503, "it stays so"
    assert old.terminate() == 0
    assert start_next(old).is_listening(60).ready().judge(submission("python", "print(2)"))["verdict"] == "OK"
