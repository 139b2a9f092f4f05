"""A fleet whose servers, database and connections fail: nothing that was accepted is lost, nothing gets
two reports, nobody waits for who stands still, and an outage of the database ends no lease."""

import contextlib
import os
import random
import sys
import time

import pytest

from fleet import LEASE_SECONDS, Fleet, Load, Stopped, printing
from harness import LONG, ROOT, fill, submission, wait_for
from sse import Stream

sys.path.insert(0, os.path.join(ROOT, "tests/support"))
from cut_proxy import CutProxy  # noqa: E402


@pytest.fixture
def primary(own_postgres):
    return own_postgres()


@pytest.fixture
def own_fleet(primary, fresh_server):
    """Servers on a database that the test may stop."""
    return Fleet(primary.create(), fresh_server)


def work_of(count, seconds=0):
    return [printing(number, seconds) for number in range(count)]


def finished(fleet):
    return fleet.number("SELECT count(*) FROM job WHERE state > 1")


# ---- the database goes away ----

def test_the_database_is_away_under_load(primary, own_fleet):
    servers = own_fleet.start(3)
    own_fleet.ready()
    load = Load(servers, work_of(200 if LONG else 60, 0.2), 0.02)
    load.start()
    wait_for(lambda: finished(own_fleet) >= 5, 60, "it works")
    primary.quit()
    gone = time.monotonic()
    for server in servers:
        wait_for(lambda: server.get("/readyz").status == 503, 20, "it says that it is not ready")
        assert "PostgreSQL" in server.get("/readyz").body.decode()
        answer = server.post(submission("python", "print(1)"))
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0, answer
    wait_for(lambda: time.monotonic() - gone > (30 if LONG else 10), 60, "it was away for that long")
    primary.start()
    own_fleet.ready()
    accepted = load.all_accepted(120)
    own_fleet.wait_final(120, len(accepted))
    own_fleet.check(accepted, *servers)
    own_fleet.check_waiting()
    assert own_fleet.repeated() == ""
    assert not own_fleet.lines("lease_lost") and not own_fleet.lines("server_died")


def test_a_database_that_stands_still(primary, own_fleet):
    """Connections stay open, and nothing answers."""
    servers = own_fleet.start(2)
    own_fleet.ready()
    load = Load(servers, work_of(30, 0.2), 0.02)
    load.start()
    wait_for(lambda: finished(own_fleet) >= 3, 60, "it works")
    with primary.paused():
        for server in servers:
            wait_for(lambda: server.get("/readyz").status == 503, 40, "it says that it is not ready")
    own_fleet.ready()
    accepted = load.all_accepted(120)
    own_fleet.wait_final(120, len(accepted))
    own_fleet.check(accepted, *servers)
    own_fleet.check_waiting()
    assert own_fleet.repeated() == ""


def test_commits_are_cut(database, fresh_server):
    """The server has the COMMIT and its answer is lost, or never got it: the same for who sent it."""
    with CutProxy(database) as proxy:
        fleet, dice = Fleet(proxy.url, fresh_server), random.Random(1)
        servers = fleet.start(2)
        fleet.ready()
        fleet.url = database
        cuts = 1000 if LONG else 20
        load = Load(servers, work_of(3 * cuts), 0.02)
        load.start()
        for _ in range(cuts):
            proxy.cut_at(dice.choice(["commit", "answer"]), dice.randint(1, 3))
            proxy.wait()
        accepted = load.all_accepted(120 + cuts)
        fleet.wait_final(60 + len(accepted), len(accepted))
        fleet.check(accepted, *servers)
        assert fleet.repeated() == ""


def test_a_standby_takes_over(primary, own_fleet, fresh_server):
    """What it lacks was accepted and is lost: it is said to be so. No other gets its report."""
    standby = primary.standby()
    try:
        both = own_fleet.url.replace(f"host={primary.dir}", f"host={primary.dir},{standby.dir}")
        own_fleet.url = both
        servers = own_fleet.start(2)
        own_fleet.ready()
        before = {servers[0].submit(sent): verdict for sent, verdict in work_of(10)}
        own_fleet.wait_final(60, 10)
        standby.wait_for(primary)
        stream = Stream(servers[0], "/events").read_head()
        stream.until(lambda _: stream.last_id, 20)
        standby.stop()
        late = Load(servers, [printing(n, 1) for n in range(10, 30)])
        late.start()
        late.all_accepted(60)
        wait_for(lambda: finished(own_fleet) > 12, 60, "some of them are judged")
        primary.kill9()
        standby.start()
        standby.promote()
        own_fleet.ready()
        stream.until(lambda events: any(e.name == "reset" for e in events), 30)
        for server in servers:
            with contextlib.closing(Stream(server, "/events", last=stream.quiet[0].id)) as again:
                assert again.until(bool)[0].name == "reset"
        after = {servers[n % 2].submit(printing(n)[0]): printing(n)[1] for n in range(40, 60)}
        kept = set(own_fleet.sql("SELECT id FROM job").splitlines())
        assert kept >= set(before) | set(after)
        own_fleet.wait_final(60, len(kept))
        own_fleet.check({**before, **after, **{id: v for id, v in late.accepted.items() if id in kept}}, *servers)
        own_fleet.check_waiting()
        assert sum(e.name == "reset" for e in stream.events) == 1
        stream.close()
        for id in set(late.accepted) - kept:
            assert servers[0].get(f"/results/{id}").status == 404
    finally:
        standby.close()


def test_a_standby_that_only_reads_is_waited_for(primary, fresh_server):
    """It is named, with the reason, and it may be promoted."""
    standby = primary.standby()
    try:
        server = fresh_server(STORE=standby.url).spawn()
        (line, *_) = wait_for(lambda: server.logged("waiting_for_store"), 20, "it says so")
        assert "read-only" in line, line
        standby.promote()
        assert server.is_listening(30).judge(printing(1)[0])["verdict"] == "OK"
    finally:
        standby.close()


# ---- a server stands still, dies, or has no disk ----

def test_nobody_waits_for_who_stands_still(primary, own_fleet):
    """At every step of a group: its locks go with the statement that takes them, but that of a large text
    which others send too: that goes when the database ends who stands still."""
    primary.configure(log_lock_waits="on")
    still, *others = own_fleet.start(3)
    own_fleet.ready()
    dice, rounds = random.Random(2), 100 if LONG else 12
    texts = ["x" * 100_000]

    def work(first):
        for number in range(first, first + 100000):
            sent, verdict = printing(number)
            yield {**sent, "tests": [{**sent["tests"][0], "input": texts[-1]}]}, verdict
    held, load = Load([still], work(0), 0.0), Load(others, work(100000), 0.05)
    held.start(), load.start()
    for _ in range(rounds):
        before = len(load.accepted)
        texts.append(f"{len(texts)} " + texts[0])
        with Stopped(still):
            wait_for(lambda: len(load.accepted) >= before + 10, 20, "the others accept")
        time.sleep(dice.uniform(0, 0.05))  # at another step next time
    for one in (held, load):
        one.stop.set()
        one.join(30)
    print(f"slowest POST of the others: {load.slowest:.3f} s")
    waits = [line for line in primary.log().splitlines() if "still waiting" in line]
    assert load.slowest < 4, waits  # 1 s is idle_in_transaction_session_timeout
    accepted = {**held.accepted, **load.accepted}
    own_fleet.wait_final(120 + len(accepted), own_fleet.number("SELECT count(*) FROM job"))
    own_fleet.check(accepted)


def test_the_disk_of_one_server_is_full(fleet, small_disk):
    (full,) = fleet.start(1, DATA_DIR=small_disk + "/data")
    (other,) = fleet.start(1)
    fleet.ready()
    fill(small_disk + "/rest")
    work = {}
    for number in range(10):
        sent, verdict = printing(number)
        answer = (full, other)[number % 2].post(sent)
        if answer.status not in (200, 202):
            assert answer.status in (503, 507), answer
            other.submit(sent)
        work[sent["id"]] = verdict
    fleet.wait_final(60, len(work))
    fleet.check(work, full, other)


def test_two_servers_on_one_directory(fleet):
    (first,) = fleet.start(1)
    (second,) = fleet.add(1, DATA_DIR=first.data, SHUTDOWN_TIMEOUT="60s")
    second.spawn()
    first.ready()
    wait_for(lambda: second.logged("waiting_for_table"), 20, "it waits")
    work = {first.submit(sent): verdict for sent, verdict in work_of(10, 0.2)}
    wait_for(lambda: finished(fleet) >= 1, 30, "it works")
    assert not second.logged("listening")
    first.kill9()
    second.is_listening(30)
    fleet.wait_final(60, len(work))
    fleet.check(work, second)
    assert not fleet.lines("server_died"), "the directory says that its server is gone"
