"""Servers that share a database, in one consumer group: each message is judged once and published once,
whoever reads it, whoever judges it and whoever publishes."""

import json
import time

import pytest

from harness import submission, test, wait_for
from kafka import Topics, duplicates
from postgres import sql

LEASE = 2  # seconds
PARTITIONS = 6
COMMITS = pytest.mark.parametrize("commit", ("accepted", "reported"))


class Fleet:
    """Its topic, its database, and the servers that were made, also those that have ended."""

    def __init__(self, topics, database, make):
        self.topics, self.database, self.make, self.servers = topics, database, make, []
        topics.broker.create_topic(topics.scripts, PARTITIONS)

    def grow(self, count, **settings):
        more = [self.topics.server(self.make, STORE=self.database, LEASE_TIMEOUT=f"{LEASE}s",
                                   RUNNER_MAX_PARALLEL=1, **settings) for _ in range(count)]
        for server in more:
            server.spawn()
        for server in more:
            server.is_listening().ready()
        self.servers += more
        return more

    def sql(self, text):
        return sql(self.database, text)

    def produce(self, ids, seconds=0.2):
        for p in range(PARTITIONS):
            self.topics.broker.produce(self.topics.scripts, *[
                json.dumps(sleeper(id, seconds)).encode() for id in sorted(ids)[p::PARTITIONS]],
                partition=p)

    def waiting(self):
        return int(self.sql("SELECT count(*) FROM job WHERE state = 0"))

    def members(self):
        """How many partitions each server that lives was given last."""
        return [int(s.logged("kafka_assigned")[-1].rsplit("partitions=", 1)[1].split()[0])
                if s.logged("kafka_assigned") else 0 for s in self.servers if s.alive()]

    def wait_shared(self):
        wait_for(lambda: sum(self.members()) == PARTITIONS and min(self.members()) > 0, 60, "all read",
                 pause=0.1)

    def judged(self):
        """How often each submission was judged to its end, by all servers."""
        return sorted(line.split("job=")[1].split()[0] for s in self.servers for line in s.logged("finished"))

    def publisher(self):
        """The server that publishes; None: nobody, or one that has ended."""
        directory = self.sql("SELECT directory FROM publisher JOIN server USING (instance) WHERE over = 0")
        for server in self.servers:
            if server.alive():
                with open(server.data + "/id") as f:
                    if f.read().strip() == directory:
                        return server
        return None

    def check_end(self, ids):
        """Nothing is left to do, and nothing was done twice."""
        self.topics.wait_committed(len(ids), 60)
        assert self.sql("SELECT count(*) FROM outbox") == "0"
        assert self.sql("SELECT count(*), count(finished_ms) FROM job") == f"{len(ids)}|{len(ids)}"


@pytest.fixture
def fleet(broker, database, fresh_server):
    return Fleet(Topics(broker), database, fresh_server)


def sleeper(id, seconds):
    """Takes a while, and leaves the cores to others."""
    return {"id": id, **submission("python", f"import time; time.sleep({seconds})", [test("", "")],
                                   limits={"time_limit_ms": 1000, "wall_time_limit_ms": 60000})}


@COMMITS
def test_each_message_is_judged_once_and_published_once(fleet, commit):
    ids = {f"o{i:02}" for i in range(60)}
    fleet.grow(3, KAFKA_COMMIT=commit)
    fleet.wait_shared()
    fleet.produce(ids)
    found = fleet.topics.wait_reports(ids)
    assert duplicates(found) == 0 and {r[0]["verdict"] for r in found.values()} == {"OK"}
    assert fleet.judged() == sorted(ids)
    assert min(len(s.logged("finished")) for s in fleet.servers) > 0
    fleet.check_end(ids)
    assert len(fleet.topics.reports()) == len(ids)


@COMMITS
def test_a_rebalance_judges_nothing_twice(fleet, commit):
    """A server more and one less, while there is work: what one has read, any may judge."""
    ids = {f"r{i:02}" for i in range(60)}
    leaves, _ = fleet.grow(2, KAFKA_COMMIT=commit)
    fleet.wait_shared()
    fleet.produce(ids, 0.6)
    wait_for(lambda: len(fleet.judged()) >= 4, 60, "they judge", pause=0.1)
    fleet.grow(1, KAFKA_COMMIT=commit)
    fleet.wait_shared()
    assert fleet.waiting() > 10
    assert leaves.terminate() == 0
    fleet.wait_shared()
    assert fleet.waiting() > 0
    found = fleet.topics.wait_reports(ids)
    assert duplicates(found) == 0
    assert fleet.judged() == sorted(ids)
    fleet.check_end(ids)


@COMMITS
def test_another_server_publishes_when_one_dies(fleet, commit):
    """kill -9 of the one that publishes, in the middle: nothing is lost, and what comes twice is the same
    report."""
    ids = {f"p{i:02}" for i in range(60)}
    fleet.grow(3, KAFKA_COMMIT=commit)
    fleet.wait_shared()
    first = wait_for(fleet.publisher, 30, "one publishes", pause=0.1)
    fleet.produce(ids)
    wait_for(lambda: len(fleet.topics.reports()) >= 6, 60, "it publishes", pause=0.1)
    first.kill9()
    killed = time.monotonic()
    wait_for(fleet.publisher, LEASE + 10, "another publishes", pause=0.1)
    print(f"another publishes after {time.monotonic() - killed:.1f} s")
    found = fleet.topics.wait_reports(ids)
    print(f"{duplicates(found)} were published twice")
    assert all(r == reports[0] for reports in found.values() for r in reports)
    fleet.check_end(ids)
    assert len(fleet.topics.reports()) - len(ids) == duplicates(found)
