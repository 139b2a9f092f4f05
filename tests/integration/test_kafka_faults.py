"""The bridge when things die: servers by kill -9, the broker for a while, or from the beginning."""

import os
import random
import re
import sqlite3
import time

import pytest

from broker import Broker, need_kafka, running
from harness import LONG, MIB, in_file, sanitized, submission, test, wait_for
from kafka import Topics, duplicates, quick


@pytest.fixture
def own_broker():
    """For tests that end it."""
    need_kafka()
    with running(Broker()) as b:
        yield b


def test_servers_are_killed(broker, fresh_server):
    """Two servers, each with its own table; every few seconds one of them gets kill -9. A partition
    that moves meanwhile may be judged in both tables; nothing is lost, and no table tells twice."""
    topics = Topics(broker)
    count = 1000 if LONG else 100
    broker.create_topic(topics.scripts, 4)
    # With cells of one use each, so that there is time to kill them in.
    servers = [topics.server(fresh_server, RUNNER_MAX_PARALLEL=1, RUNNER_CELL_USES=1).start() for _ in range(2)]
    ids = [f"k{i}" for i in range(count)]
    rng, kills, end = random.Random(1), 0, time.monotonic() + (900 if LONG else 240)
    for i in range(0, count, 50):
        topics.send(*[quick(id) for id in ids[i:i + 50]])
    found = set()
    while not found >= set(ids):
        assert time.monotonic() < end, f"{count - len(found)} of {count} have no report"
        time.sleep(rng.uniform(2, 5))  # the pace of the killing, not a wait for something
        if len(found) < 0.8 * count:
            victim = servers[kills % 2]
            victim.kill9()
            victim.start()
            kills += 1
        found = {r["id"] for r in topics.reports()}
    assert kills >= 2
    # Let both finish whatever else they have, then look at what each table told.
    for server in servers:
        wait_for(lambda: not server.get("/results?state=queued").json["results"] and
                 not server.get("/results?state=running").json["results"], 120, "all judged",
                 pause=0.3)
    for server in servers:
        assert server.terminate() == 0
    messages = broker.consume(topics.results)
    told = [m.header["scrc-outbox"] for m in messages]
    by_id = {}
    for m in messages:
        by_id.setdefault(m.json["id"], []).append(m)
    print(f"{count} submissions, {kills} kills, {duplicates(by_id)} reported by both tables")
    assert set(by_id) == set(ids)
    assert len(told) == len(set(told)), "one table told one row twice"
    assert all(m.json["verdict"] == "OK" for m in messages)


def test_one_table_tells_once(broker, fresh_server):
    """A server that is killed again and again on one table: each id has exactly one report."""
    topics = Topics(broker)
    server = topics.server(fresh_server).start()
    ids = [f"o{i}" for i in range(300 if LONG else 60)]
    topics.send(*[quick(id) for id in ids])
    for n in range(1, 5):
        wait_for(lambda: len(topics.reports()) >= n * len(ids) // 6, 120, "progress", pause=0.1)
        server.kill9()
        server.start()
    assert duplicates(topics.wait_reports(ids, 180)) == 0
    assert server.terminate() == 0
    assert len(topics.reports()) == len(ids)


def tell_again(server, created_ms, number=None):
    """A row for the report of the first submission, as a new one or (number) as it was before."""
    with sqlite3.connect(server.data + "/scrc.db") as db:
        db.execute("INSERT INTO outbox(number, kind, seq, created_ms) VALUES(?, 0, 1, ?)",
                   (number, int(created_ms)))


def looked(server):
    """What the look at the topics has read, once it is said."""
    def line():
        return next((x for x in list(server.lines) if "event=kafka_looked " in x), None)
    return int(re.search(r"messages_read=(\d+)", wait_for(line, 60, "a look")).group(1))


@in_file
def test_what_others_wrote_costs_no_start(broker, fresh_server):
    """A results topic that others fill: a start reads neither what they wrote before its oldest row
    waited, nor what they wrote while there was no server."""
    hour = 3600 * 1000
    topics = Topics(broker)
    server = topics.server(fresh_server).start().ready()
    topics.send(quick("first"))
    topics.wait_reports({"first"})
    server.kill9()
    broker.produce(topics.results, *[b'{"id": "before"}'] * 500)
    between = time.time() * 1000
    broker.produce(topics.results, *[b'{"id": "after"}'] * 20)
    tell_again(server, between + hour + 1)  # an hour of other people's clocks is given
    server.start()
    assert 20 <= looked(server) < 500
    wait_for(lambda: len(topics.wait_reports({"first"})["first"]) == 2, 60, "it is told again")

    server.kill9()
    broker.produce(topics.results, *[b'{"id": "meanwhile"}'] * 500)
    tell_again(server, time.time() * 1000)
    died = time.time() - 2 * 3600
    os.utime(server.data + "/lock", (died, died))
    server.start()
    assert looked(server) == 0

    server.kill9()  # the same, if it has died just now
    broker.produce(topics.results, *[b'{"id": "meanwhile"}'] * 500)
    tell_again(server, time.time() * 1000)
    server.start()
    assert looked(server) >= 500


@in_file
def test_what_lies_behind_an_open_transaction(broker, fresh_server):
    """Somebody died with a transaction open on the results topic. What was committed behind it is
    not to be read until the broker ends it, and still must not be sent again."""
    topics = Topics(broker)
    broker.create_topic(topics.results)
    server = topics.server(fresh_server).start().ready()
    broker.leave_transaction(topics.results, 10)
    topics.send(quick("first"))
    wait_for(lambda: b"first" in (m.key for m in broker.consume(topics.results, uncommitted=True)),
             60, "a report, not to be read yet")
    wait_for(lambda: server.outbox_rows() == 0, 30, "its row is gone")
    server.kill9()
    (sent,) = [m for m in broker.consume(topics.results, uncommitted=True) if m.key == b"first"]
    tell_again(server, time.time() * 1000, sent.header["scrc-outbox"].split(":")[1])
    with sqlite3.connect(server.data + "/scrc.db") as db:
        db.execute("UPDATE watermark SET offset = 0")
    server.start()
    assert looked(server) >= 1
    wait_for(lambda: server.outbox_rows() == 0, 30, "its row is gone again")
    assert [m.key for m in broker.consume(topics.results, uncommitted=True)].count(b"first") == 1
    assert len(topics.wait_reports({"first"})["first"]) == 1


def test_the_broker_is_away(own_broker, fresh_server):
    """Under load from both sides; it dies by kill -9 and comes back after longer than a message may wait,
    which is 12 s."""
    topics = Topics(own_broker)
    server = topics.server(fresh_server).start().ready()
    kafka = [f"k{i}" for i in range(40)]
    topics.send(*[quick(id) for id in kafka])
    topics.wait_reports(kafka[:1])
    before = server.rss()
    own_broker.kill9()
    gone, http, slowest = time.monotonic(), [], 0.0
    while time.monotonic() - gone < (60 if LONG else 13):
        begin = time.monotonic()
        http.append(server.submit(quick(f"h{len(http)}")))
        slowest = max(slowest, time.monotonic() - begin)
        if len(http) % 10 == 0:
            assert server.report(http[-1])["verdict"] == "OK"
    wait_for(lambda: server.degraded(), 30, "said", pause=0.2)
    assert server.get("/readyz").status == 200
    assert server.log().count("event=kafka_away") == 1, "one line for one absence"
    grown = server.rss() - before
    print(f"{len(http)} over HTTP meanwhile, the slowest took {slowest:.2f} s, "
          f"memory grew by {grown / MIB:.1f} MiB")
    assert slowest < 10  # they do not wait until it is back
    assert sanitized() or grown < 32 * MIB
    own_broker.start()
    found = topics.wait_reports(kafka + http, 240)
    assert duplicates(found) == 0
    wait_for(lambda: not server.degraded(), 60, "well again", pause=0.2)
    assert server.terminate() == 0
    assert len(topics.reports()) == len(kafka) + len(http)


def test_no_broker_at_first(own_broker, fresh_server):
    topics = Topics(own_broker)
    own_broker.stop()
    server = topics.server(fresh_server).start().ready()
    assert server.judge(quick("early"))["verdict"] == "OK"
    wait_for(lambda: server.degraded(), 30, "said", pause=0.2)
    own_broker.start()
    topics.send(quick("later"))
    assert duplicates(topics.wait_reports({"early", "later"}, 120)) == 0
    assert not server.degraded()


def test_ending_without_a_broker(own_broker, fresh_server):
    """What cannot be told stays in the table, and the next start tells it."""
    topics = Topics(own_broker)
    server = topics.server(fresh_server).start().ready()
    own_broker.stop()
    server.judge(quick("kept"))
    begin = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - begin < 20
    own_broker.start()
    server.start()
    assert duplicates(topics.wait_reports({"kept"}, 60)) == 0


def test_memory_with_a_long_queue(broker, fresh_server):
    """What waits in the topic waits there, and not in memory."""
    topics = Topics(broker)
    server = topics.server(fresh_server, RUNNER_MAX_PARALLEL=0, MAX_QUEUED=100).start()
    wait_for(lambda: "kafka_assigned" in server.log() or server.degraded(), 30, "started")
    before = server.rss()
    body = submission("python", "#" + "x" * 20000, [test("", "")])
    for n in range(10):
        topics.send(*[{"id": f"m{n}-{i}", **body} for i in range(200)])
    wait_for(lambda: "kafka_paused" in server.log(), 60, "paused")
    assert len(server.get("/results?limit=500").json["results"]) <= 100
    grown = server.rss() - before
    print(f"40 MB in the topic: memory grew by {grown / MIB:.1f} MiB")
    assert sanitized() or grown < 64 * MIB
