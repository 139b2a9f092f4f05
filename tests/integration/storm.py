#!/usr/bin/python3
"""storm.py [SUBMISSIONS [ROUNDS [SEED]]] - three servers on one PostgreSQL under load, while in each round
a server is killed and started again, a server stands still, or the database ends at once and starts again.
Prints what became of the submissions; ends with 1 when one was lost, doubled or judged wrongly."""

import random
import sys
import time

from fleet import LEASE_SECONDS, Fleet, Load, Stopped, printing
from harness import Server
from postgres import Postgres


def kill(dice, servers, primary):
    server = dice.choice(servers)
    server.kill9()
    server.spawn().is_listening(60)


def stand_still(dice, servers, primary):
    with Stopped(dice.choice(servers)):
        time.sleep(dice.uniform(0.05, 2 * LEASE_SECONDS))


def end_database(dice, servers, primary):
    dice.choice([primary.quit, primary.kill9])()
    time.sleep(dice.uniform(0, 1))
    primary.start()


def storm(fleet, primary, submissions, rounds, seed=1):
    """Of a fleet without servers. Returns the counts of Fleet.counts(), and how many were produced."""
    dice = random.Random(seed)
    servers = fleet.start(3)
    fleet.ready()
    pause = 2.5 * rounds / submissions  # so that the last come in the last rounds
    load = Load(servers, [printing(n, dice.choice([0, 0, 0.3])) for n in range(submissions)], pause)
    load.start()
    for _ in range(rounds):
        dice.choice([kill, stand_still, end_database])(dice, servers, primary)
        time.sleep(dice.uniform(0, 1))
    accepted = load.all_accepted(300 + submissions)
    fleet.wait_final(300 + submissions, len(accepted))
    fleet.check_waiting()
    return {"produced": submissions, **fleet.counts(accepted)}


def faults(counts):
    """What must not be; empty when all is well."""
    return {name: counts[name] for name in ("lost", "doubled", "wrong") if counts[name]}


def line(counts):
    return " ".join(f"{name}={len(n) if isinstance(n, list) else n}" for name, n in counts.items())


def main(submissions=300, rounds=24, seed=1):
    primary, made = Postgres(), []

    def make(**settings):
        made.append(Server(LANGUAGES="python", **settings))
        return made[-1]
    try:
        counts = storm(Fleet(primary.create(), make), primary, int(submissions), int(rounds), int(seed))
        print(line(counts), faults(counts) or "")
        return 1 if faults(counts) else 0
    finally:
        for server in made:
            server.close()
        primary.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
