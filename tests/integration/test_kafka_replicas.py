"""What is promised of a topic with replicas, one of which stands still."""

import glob
import re

import pytest

from broker import need_kafka, running
from harness import LONG, wait_for
from kafka import Topics, quick
from replicas import Cluster

REPLICAS = 3 if LONG else 2  # of the results, all in sync; the last stands still and leads nothing


@pytest.fixture(scope="module")
def cluster():
    need_kafka()
    with running(Cluster(REPLICAS)) as c:
        yield c


def written(broker, topic):
    """How often each id is in the leader's log, acknowledged or not."""
    found = {}
    for name in glob.glob(f"{broker.dir}/data/{topic}-0/*.log"):
        with open(name, "rb") as f:
            for id in re.findall(rb'{"id":"(r\d+)"', f.read()):
                found[id] = found.get(id, 0) + 1
    return found


def test_published_once_with_replicas(cluster, fresh_server):
    """A follower stands still while reports are sent, so nobody knows whether they count; the
    server is killed, and its next start cannot know either. When the follower goes on, whoever
    reads what is committed sees each report once."""
    broker = cluster.first
    topics = Topics(broker)
    # What is to be done goes on meanwhile: only the results have replicas.
    for name in (topics.scripts, topics.dead, "__consumer_offsets", "__transaction_state"):
        broker.create_topic(name, replicas=[1], **({"cleanup_policy": "compact"} if name[0] == "_" else {}))
    broker.create_topic(topics.results, replicas=range(1, REPLICAS + 1), min_insync_replicas=2)
    server = topics.server(fresh_server).start()
    topics.send(quick("warm"))
    topics.wait_reports({"warm"})
    ids = [f"r{i}" for i in range(10)]
    cluster.hold(REPLICAS)
    try:
        topics.send(*[quick(id) for id in ids])
        for id in ids:
            wait_for(lambda: server.get(f"/results/{id}").status == 200, 60, f"report of {id}")
        wait_for(lambda: written(broker, topics.results), 30, "something of them is sent")
        before = written(broker, topics.results)
        server.kill9()
        server.start()
        try:  # a server that sends again does so now
            wait_for(lambda: written(broker, topics.results) != before, 6, "sent again")
        except AssertionError:
            pass
    finally:
        cluster.release(REPLICAS)
    topics.wait_reports({"warm", *ids})
    wait_for(lambda: server.outbox_rows() == 0, 60, "all is told")
    found = [r["id"] for r in topics.reports()]
    assert sorted(found) == sorted(["warm", *ids])
