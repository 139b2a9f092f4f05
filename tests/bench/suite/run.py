"""One run of one case: its servers, its load, its records.

    servers are ready -> warm-up -> measurement window -> cool-down -> what is out is waited for

The load goes on through all three phases, so that the servers are as busy at the window's ends as in
its middle; what is sent outside of the window does not count.
"""

from __future__ import annotations

import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Optional

from . import programs, schedule
from .doors import Door, HttpDoor, KafkaDoor, Topics
from .plan import SCHEDULED, Case, Plan
from .record import Record
from .servers import Servers

PATIENCE = 60.0  # seconds without any answer after which what is out is given up
LOOK = 0.5  # seconds between two looks whether servers and door still live


class Ledger:
    """What was sent and what has come. Threads: any."""

    def __init__(self, run: int, begin: float):
        self.run = run
        self.begin = begin  # of the measurement window, in monotonic time
        self.records: list[Record] = []
        self.doubled: list[str] = []
        self.foreign: list[str] = []
        self._out: dict[str, Record] = {}
        self._known: set[str] = set()
        self._last = begin
        self._changed = threading.Condition()

    def sent(self, id: str, intended: float, sent: float) -> None:
        with self._changed:
            self._known.add(id)
            self._out[id] = Record(self.run, id, intended - self.begin, sent - self.begin)
            self.records.append(self._out[id])
            self._last = max(self._last, sent)

    def report(self, received: float, report: dict[str, Any]) -> None:
        id = str(report.get("id"))
        with self._changed:
            record = self._out.pop(id, None)
            if record is not None:
                record.answer(received - self.begin, report)
                self._last = max(self._last, received)
                self._changed.notify_all()
            else:
                (self.doubled if id in self._known else self.foreign).append(id)

    def wait_below(self, count: int, seconds: float) -> bool:
        """True as soon as fewer than count are out, False after so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._out) < count, max(0.0, seconds))

    def silent(self) -> float:
        """Seconds since the last thing was sent or came."""
        with self._changed:
            return time.monotonic() - self._last


@dataclass(frozen=True)
class Setup:
    """What all runs have in common."""
    plan: Plan
    program: pathlib.Path
    pipe: pathlib.Path
    work: pathlib.Path  # a short path: sockets have short names
    brokers: str  # "": over HTTP
    settings: dict[str, str] = field(default_factory=dict)  # of the servers, beside those of a case
    say: Callable[[str], None] = print


@dataclass(frozen=True)
class Outcome:
    records: list[Record]
    doubled: list[str]
    foreign: list[str]

    @property
    def unanswered(self) -> list[str]:
        return [r.id for r in self.records if r.received is None]

    @property
    def wrong(self) -> list[tuple[str, str]]:
        return [(r.id, r.wrong) for r in self.records if r.wrong]

    @property
    def late_sends(self) -> float:
        """Seconds by which the latest send missed its time: the sender's own share of a latency."""
        return max((r.sent - r.intended for r in self.records), default=0.0)

    @property
    def faults(self) -> int:
        return len(self.unanswered) + len(self.wrong) + len(self.doubled) + len(self.foreign)


def run_case(setup: Setup, case: Case, run: int) -> Outcome:
    load = setup.plan.loads[case.load]
    name = f"{case.full_name}__run-{run}"
    topics: Optional[Topics] = None
    settings = {**setup.settings, "RUNNER_MAX_PARALLEL": str(case.parallel)}
    if setup.brokers:
        topics = Topics(setup.brokers, f"benchmark-{os.getpid()}-{time.time_ns() // 10**6}-{name}")
        settings |= topics.settings()
    directory = setup.work / str(time.monotonic_ns() // 10**6)
    with Servers(setup.program, directory, case.replicas, settings) as servers:
        servers.wait_ready(load.languages)
        ledger = Ledger(run, 0.0)
        door: Door
        if topics:
            servers.wait_shared(topics.partitions)
            door = KafkaDoor(setup.pipe, topics, ledger.report)
        else:
            door = HttpDoor(servers.all[0].port, ledger.report)
        try:
            Drive(setup, case, servers, door, ledger).go()
        finally:
            door.close()
    return Outcome(ledger.records, ledger.doubled, ledger.foreign)


class Drive:
    """The load of one run."""

    def __init__(self, setup: Setup, case: Case, servers: Servers, door: Door, ledger: Ledger):
        self.setup, self.case = setup, case
        self.servers, self.door, self.ledger = servers, door, ledger
        self.load = setup.plan.loads[case.load]
        self.timing = setup.plan.timing
        # The same for all cases of a load, so that they differ by what is compared alone.
        self.seed = f"{setup.plan.seed} {case.load} {ledger.run}"
        self.seconds = self.timing.warmup + case.window + self.timing.cooldown
        self.number = 0
        self.looked = 0.0

    def go(self) -> None:
        start = time.monotonic()
        self.ledger.begin = start + self.timing.warmup
        sends = self._scheduled if self.case.pace == SCHEDULED else self._saturating
        for intended, language, outcome in sends(start):
            self._send(intended, language, outcome)
        while not self.ledger.wait_below(1, LOOK) and self.ledger.silent() < PATIENCE:
            self._look()

    def _send(self, intended: float, language: str, outcome: str) -> None:
        self.number += 1
        id = programs.id_of(language, outcome, self.number)
        body = programs.body(id)
        self.ledger.sent(id, intended, time.monotonic())
        self.door.send(id, body)

    def _scheduled(self, start: float) -> Iterator[tuple[float, str, str]]:
        """By the clock, whatever the answers do."""
        for planned in schedule.schedule(self.load, self.case.rate, self.seconds, self.seed):
            intended = start + planned.at
            while (left := intended - time.monotonic()) > 0:
                time.sleep(min(left, LOOK))
                self._look()
            yield intended, planned.language, planned.outcome

    def _saturating(self, start: float) -> Iterator[tuple[float, str, str]]:
        """As soon as fewer than the backlog are out."""
        end = start + self.seconds
        for language, outcome in schedule.mix(self.load, self.seed):
            while not self.ledger.wait_below(self.case.backlog, min(LOOK, end - time.monotonic())):
                if time.monotonic() >= end or self.ledger.silent() >= PATIENCE:
                    return
                self._look()
            if (now := time.monotonic()) >= end:
                return
            yield now, language, outcome

    def _look(self) -> None:
        if time.monotonic() - self.looked >= LOOK:
            self.looked = time.monotonic()
            self.servers.check_alive()
            self.door.check()
