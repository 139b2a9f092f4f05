"""More than one server on a topic: what waits is shared, what leaves takes nothing along."""

import json
import threading
import time

import pytest

from harness import LONG, QUEUED, states, submission, test, wait_for
from kafka import Topics, duplicates, quick


@pytest.fixture
def topics(broker):
    return Topics(broker)


def metric(server, name):
    lines = server.get("/metrics").body.decode().splitlines()
    return sum(float(l.split()[-1]) for l in lines if l.startswith(name))


def waiting(server):
    return server.get("/stats").json["present"]["queued"]


def produced_everywhere(topics, ids, partitions):
    """One call of kcat for each partition: it puts a run of keys where it likes."""
    for p in range(partitions):
        topics.broker.produce(topics.scripts, *[json.dumps(quick(id)).encode()
                                                for id in sorted(ids)[p::partitions]], partition=p)


def test_a_backlog_is_shared_with_who_joins(topics, fresh_server):
    """What one server has not begun is left to the others, and lag says how much waits."""
    topics.broker.create_topic(topics.scripts, 6)
    ids = {f"b{i:04}" for i in range(240)}
    first = topics.server(fresh_server, RUNNER_MAX_PARALLEL=1, KAFKA_PREFETCH=16).start().ready()
    produced_everywhere(topics, ids, 6)
    wait_for(lambda: len(topics.reports()) >= 5, 60, "it judges", pause=0.2)
    assert waiting(first) <= 16
    lag = metric(first, "scrc_kafka_lag_messages")
    assert 240 - len(topics.reports()) - 20 <= lag <= 240
    second = topics.server(fresh_server, RUNNER_MAX_PARALLEL=1, KAFKA_PREFETCH=16).start().ready()
    found = topics.wait_reports(ids, 300)
    assert duplicates(found) == 0
    judged = [metric(s, 'scrc_kafka_messages_total{event="accepted"}') for s in (first, second)]
    assert min(judged) >= 40, judged


def test_who_leaves_gives_back_what_is_not_begun(topics, fresh_server):
    """SIGTERM: what runs is finished, reported and committed; the rest is judged by the other."""
    topics.broker.create_topic(topics.scripts, 4)
    ids = {f"l{i:03}" for i in range(80)}
    first = topics.server(fresh_server, RUNNER_MAX_PARALLEL=2).start().ready()
    produced_everywhere(topics, ids, 4)
    wait_for(lambda: len(topics.reports()) >= 4, 60, "it judges", pause=0.2)
    assert first.terminate() == 0
    assert "kafka_given_back" in first.log()
    assert states(first.data).get(QUEUED, 0) == 0  # nothing waits in what it left behind
    second = topics.server(fresh_server, RUNNER_MAX_PARALLEL=2).start().ready()
    found = topics.wait_reports(ids, 300)
    assert duplicates(found) == 0
    wait_for(lambda: sum(topics.committed().values()) == 80, 30, "offsets", pause=0.5)
    assert second.get("/readyz").status == 200


def test_a_moved_partition_is_judged_once(topics, fresh_server):
    """What the first server reported behind an unreported message is not judged by the second."""
    slow = submission("python", "import time; time.sleep(60)", [test("", "")],
                      limits={"time_limit_ms": 1000, "wall_time_limit_ms": 61000})
    first = topics.server(fresh_server, RUNNER_MAX_PARALLEL=2).start().ready()
    topics.send({"id": "slow", **slow}, *[quick(f"m{i}") for i in range(10)])
    topics.wait_reports({f"m{i}" for i in range(10)})
    assert topics.committed().get(0, 0) == 0  # behind `slow`
    first.kill9()
    second = topics.server(fresh_server, RUNNER_MAX_PARALLEL=2).start().ready()
    topics.send(quick("last"))
    topics.wait_reports({"last"})
    wait_for(lambda: second.get("/results/slow").status == 202, 30, "slow is judged again")
    assert [r["id"] for r in topics.reports()].count("m3") == 1
    assert second.get("/results/m3").status == 404
    assert metric(second, 'scrc_kafka_messages_total{event="reported_elsewhere"}') == 10
    second.kill9()  # nobody needs to wait for `slow`


def test_a_lost_disk_loses_nothing(topics, fresh_server):
    """An offset is committed when the report is acknowledged, not when it is in the table."""
    ids = {f"d{i}" for i in range(10)}
    first = topics.server(fresh_server, KAFKA_PROP_TRANSACTION_TIMEOUT_MS="1000000").start().ready()
    topics.send(*[quick(id) for id in sorted(ids)])
    wait_for(lambda: all(first.get(f"/results/{id}").status == 200 for id in ids), 60, "judged")
    time.sleep(2.5)  # two commit intervals in which nothing may happen
    assert topics.committed().get(0, 0) == 0
    first.kill9()
    assert topics.reports() == []
    second = topics.server(fresh_server).start().ready()
    found = topics.wait_reports(ids)
    assert duplicates(found) == 0 and second.alive()
    wait_for(lambda: topics.committed() == {0: 10}, 30, "offsets", pause=0.5)


def test_who_cannot_judge_takes_nothing(topics, fresh_server):
    """Docker is away from the first: what waits stays in Kafka, and after 30 s the other has it."""
    topics.broker.create_topic(topics.scripts, 2)
    first = topics.server(fresh_server, DOCKER_HOST="unix:///nonexistent/docker.sock").start()
    wait_for(lambda: "kafka_assigned" in first.log(), 30, "joined", pause=0.2)
    ids = {f"n{i}" for i in range(20)}
    produced_everywhere(topics, ids, 2)
    second = topics.server(fresh_server).start().ready()
    found = topics.wait_reports(ids, 90)
    assert duplicates(found) == 0
    assert waiting(first) == 0 and metric(first, 'scrc_kafka_messages_total{event="accepted"}') == 0
    assert "kafka_left" in first.log() and second.alive()


def test_what_was_deleted_unread_is_said(topics, fresh_server):
    server = topics.server(fresh_server).start().ready()
    topics.send(quick("a"))
    topics.wait_reports({"a"})
    wait_for(lambda: topics.committed() == {0: 1}, 30, "offsets", pause=0.5)
    assert server.terminate() == 0
    topics.send(*[quick(f"lost{i}") for i in range(5)])
    topics.broker.delete_records(topics.scripts, {0: 4})
    server.start().ready()
    topics.wait_reports({"lost3", "lost4"})
    assert metric(server, 'scrc_kafka_messages_total{event="lost"}') == 3
    assert "kafka_messages_lost" in server.log() and "messages=3" in server.log()


@pytest.mark.skipif(not LONG, reason="script/test --all")
def test_churn(topics, fresh_server):
    """Two join, one is told to go, one is killed: nothing is lost, and only what ran at the kill is
    reported twice."""
    topics.broker.create_topic(topics.scripts, 12)
    n, ids = 400, []

    def produce():
        for i in range(0, n, 6):
            topics.send(*[quick(f"c{j:04}") for j in range(i, min(i + 6, n))])
            ids.extend(f"c{j:04}" for j in range(i, min(i + 6, n)))
            time.sleep(0.5)
    thread = threading.Thread(target=produce)
    servers = [topics.server(fresh_server).start().ready() for _ in range(2)]
    thread.start()
    time.sleep(5)
    servers += [topics.server(fresh_server).start().ready() for _ in range(2)]
    time.sleep(8)
    assert servers[0].terminate() == 0
    time.sleep(5)
    servers[1].kill9()
    thread.join()
    found = topics.wait_reports(set(ids), 120)
    print(f"produced {len(ids)}, reported {len(found)}, doubled {duplicates(found)}")
    assert duplicates(found) <= 4  # what ran at the kill, two servers' worth of slots
