#!/usr/bin/python3
"""storm.py [SUBMISSIONS [ROUNDS [SEED]]] - three servers on one PostgreSQL and in one consumer group, under load
over HTTP and from Kafka, while in each round a server is killed, leaves or stands still, or the database or the
broker ends at once, and starts again. Prints what became of the submissions; ends with 1 when one was lost,
doubled, judged wrongly or not published."""

import json
import random
import subprocess
import sys
import threading
import time

from broker import Broker
from fleet import LEASE_SECONDS, Fleet, Load, Stopped, printing
from harness import Server
from kafka import Topics
from postgres import Postgres

PARTITIONS = 6
BATCH = 20  # messages of one call of kcat


class Storm:
    def __init__(self, fleet, primary, broker, dice):
        self.fleet, self.primary, self.broker, self.dice = fleet, primary, broker, dice
        self.topics = Topics(broker)
        broker.create_topic(self.topics.scripts, PARTITIONS)
        self.servers = fleet.start(3, **self.topics.settings())

    # ---- what happens in a round ----

    def kill(self):
        server = self.dice.choice(self.servers)
        server.kill9()
        server.spawn().is_listening(60)

    def leave(self):
        """It gives its partitions back, and takes some when it is there again."""
        server = self.dice.choice(self.servers)
        assert server.terminate(60) == 0, server.log()[-3000:]
        server.spawn().is_listening(60)

    def stand_still(self):
        with Stopped(self.dice.choice(self.servers)):
            time.sleep(self.dice.uniform(0.05, 2 * LEASE_SECONDS))

    def end_database(self):
        self.dice.choice([self.primary.quit, self.primary.kill9])()
        time.sleep(self.dice.uniform(0, 1))
        self.primary.start()

    def end_broker(self):
        self.dice.choice([self.broker.stop, self.broker.kill9])()
        time.sleep(self.dice.uniform(0, 1))
        self.broker.start()

    def run(self, rounds):
        for _ in range(rounds):
            self.dice.choice([self.kill, self.leave, self.stand_still, self.end_database, self.end_broker])()
            time.sleep(self.dice.uniform(0, 1))


class Messages(threading.Thread):
    """Produces all work, each message until the broker has it; one may so be there twice.
    produced: {id: verdict}."""

    def __init__(self, topics, work, pause):
        super().__init__(daemon=True)
        self.topics, self.work, self.pause, self.produced = topics, work, pause, {}

    def run(self):
        for begin in range(0, len(self.work), BATCH):
            batch = self.work[begin:begin + BATCH]
            while not self.try_once("\n".join(json.dumps(sent) for sent, _ in batch)):
                time.sleep(0.2)
            self.produced.update((sent["id"], verdict) for sent, verdict in batch)
            time.sleep(self.pause * len(batch))

    def try_once(self, lines):
        try:
            done = self.topics.broker.kcat("-P", "-t", self.topics.scripts, "-X", "message.timeout.ms=5000",
                                           data=lines.encode())
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0 and not done.stderr

    def all_produced(self, seconds):
        self.join(seconds)
        assert not self.is_alive(), f"{len(self.produced)} of {len(self.work)} produced"
        return self.produced


def storm(fleet, primary, broker, submissions, rounds, seed=1):
    """Of a fleet without servers. Returns the counts of Fleet.counts(), how many were sent each way, and what
    became of them on the topic of results."""
    dice = random.Random(seed)
    here = Storm(fleet, primary, broker, dice)
    fleet.ready()
    work = [printing(n, dice.choice([0, 0, 0.3])) for n in range(submissions)]
    pause = 2 * 3 * rounds / submissions  # so that the last come in the last rounds
    load = Load(here.servers, work[::2], pause)
    messages = Messages(here.topics, work[1::2], pause)
    load.start(), messages.start()
    here.run(rounds)
    wait = 300 + submissions
    sent, produced = load.all_accepted(wait), messages.all_produced(wait)
    fleet.wait_final(wait, submissions)
    fleet.check_waiting()
    counts = fleet.counts(sent | produced)
    return {"http": len(sent), "kafka": len(produced), **counts, **published(here.topics, sent | produced)}


def published(topics, work):
    reports = topics.wait_reports(work, 300)
    return {
        "published": sum(map(len, reports.values())),
        "unpublished": [id for id in work if id not in reports],
        "differing": [id for id, same in reports.items() if any(r != same[0] for r in same)],
        "misreported": [id for id, verdict in work.items() if reports[id][0]["verdict"] != verdict],
        "dead": topics.dead_letters(),
    }


def faults(counts):
    """What must not be; empty when all is well."""
    return {name: some for name, some in counts.items() if isinstance(some, list) and some}


def line(counts):
    return " ".join(f"{name}={len(n) if isinstance(n, list) else n}" for name, n in counts.items())


def main(submissions=300, rounds=24, seed=1):
    primary, broker, made = Postgres(), Broker(), []

    def make(**settings):
        made.append(Server(**settings))
        return made[-1]
    try:
        broker.start()
        counts = storm(Fleet(primary.create(), make), primary, broker, int(submissions), int(rounds), int(seed))
        print(line(counts), faults(counts) or "")
        return 1 if faults(counts) else 0
    finally:
        for server in made:
            server.close()
        broker.close()
        primary.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
