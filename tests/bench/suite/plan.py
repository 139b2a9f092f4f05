"""Which cases there are, under which load, and for how long."""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import pathlib
from dataclasses import dataclass
from typing import Any

LANGUAGES = ("python", "go", "c", "cpp", "java")
OUTCOMES = ("ok", "wa", "tl", "ml", "bf")

# Sends follow a clock, whatever the answers do; latency is measured so.
SCHEDULED = "scheduled"
# As many submissions as `backlog` are always out, so that the servers are never without work;
# throughput is measured so. (The rates of the loads alone would show the rates.)
SATURATING = "saturating"


@dataclass(frozen=True)
class Load:
    """What is sent: how much of each kind, and how many a minute where a clock says when."""
    per_minute: float
    languages: dict[str, float]
    outcomes: dict[str, float]

    def weights(self) -> dict[tuple[str, str], float]:
        return {(language, outcome): a * b for language, a in self.languages.items()
                for outcome, b in self.outcomes.items()}


MIXED = {"python": 1.2, "java": 1.1, "go": 1.0, "c": 0.9, "cpp": 0.9}
BALANCED = {"ok": 1.0, "wa": 0.8, "tl": 0.9, "bf": 0.6, "ml": 0.5}
LOADS = {
    "light": Load(40, MIXED, BALANCED),
    "medium": Load(75, MIXED, BALANCED),
    "heavy": Load(120, MIXED, BALANCED),
    "timeout-heavy": Load(120, MIXED, {**BALANCED, "tl": 0.9 * 2.5}),
}


@dataclass(frozen=True)
class Timing:
    """Seconds; runs is how many times each case is run."""
    warmup: float
    cooldown: float
    runs: int


@dataclass(frozen=True)
class Case:
    matrix: str
    name: str
    load: str
    replicas: int
    parallel: int  # RUNNER_MAX_PARALLEL of each replica
    pace: str
    window: float  # seconds that are measured
    rate: float = 1.0  # times the load's rate, where it is scheduled

    @property
    def full_name(self) -> str:
        return f"{self.matrix}__{self.name}"

    @property
    def backlog(self) -> int:
        """How many are out at once where the load is saturating: every worker has one, and one more
        waits for it; the 8 are for replicas that Kafka gave a smaller share."""
        return 2 * self.replicas * self.parallel + 8

    @property
    def what_is_measured(self) -> tuple[object, ...]:
        """The same for two cases that would measure the same thing."""
        return self.load, self.replicas, self.parallel, self.pace, self.window, self.rate


@dataclass(frozen=True)
class Plan:
    name: str
    timing: Timing
    cases: tuple[Case, ...]
    loads: dict[str, Load] = dataclasses.field(default_factory=lambda: dict(LOADS))
    # What several matrices have in common is run for the first of them, and counts for all.
    run_once: bool = False
    seed: int = 1

    def select(self, patterns: list[str]) -> Plan:
        """The cases whose matrix, name or matrix__name is one of the patterns (* as in a shell)."""
        def wanted(case: Case) -> bool:
            names = (case.matrix, case.name, case.full_name)
            return any(fnmatch.fnmatchcase(name, p) for name in names for p in patterns)
        if not patterns:
            return self
        found = tuple(filter(wanted, self.cases))
        if not found:
            raise ValueError(f"no case is named {' or '.join(patterns)}; --list has them all")
        return dataclasses.replace(self, cases=found)

    def paced_by_the_clock(self) -> Plan:
        """All cases at the rates of their loads."""
        return dataclasses.replace(self, cases=tuple(
            dataclasses.replace(case, pace=SCHEDULED) for case in self.cases))

    def without_replicas(self) -> Plan:
        """What can be measured where several servers cannot share a topic."""
        return dataclasses.replace(self, cases=tuple(c for c in self.cases if c.replicas == 1))

    def seconds(self) -> float:
        """How long it takes at least; starts of servers and late answers come on top."""
        seen, total = set(), 0.0
        for case in self.cases:
            if self.run_once and case.what_is_measured in seen:
                continue
            seen.add(case.what_is_measured)
            total += self.timing.warmup + case.window + self.timing.cooldown
        return total * self.timing.runs


def _matrices(parallel: tuple[int, ...], scaled: tuple[int, ...], window: float,
              latency_window: float, latency_rate: float) -> tuple[Case, ...]:
    def case(matrix: str, load: str, replicas: int, at_once: int, name: str) -> Case:
        return Case(matrix, name, load, replicas, at_once, SATURATING, window)
    return (
        *[case("single_runner", "medium", 1, n, f"parallel-{n}") for n in parallel],
        *[case("scaling", "medium", r, n, f"replicas-{r}-parallel-{n}")
          for r in (1, 2, 3) for n in scaled],
        Case("language_latency", "light", "light", 1, 8, SCHEDULED, latency_window, latency_rate),
        case("timeout_impact", "medium", 1, 8, "baseline"),
        case("timeout_impact", "timeout-heavy", 1, 8, "timeout-heavy"),
        case("language_throughput", "heavy", 2, 12, "heavy"),
    )


# As the Go worker's benchmark is timed: 23 cases, three runs of each, more than seven hours.
FULL = Plan("full", Timing(warmup=60, cooldown=60, runs=3),
            _matrices((1, 2, 4, 6, 8, 12, 16), (4, 6, 8, 12), 240, 300, 1.0))
# Within a quarter of an hour on two cores: corners instead of every case, one run of each, shorter
# windows, and the light load twice as dense so that each of the 25 programs comes often enough.
SHORT = Plan("short", Timing(warmup=8, cooldown=4, runs=1),
             _matrices((1, 2, 4, 8, 16), (4, 8), 30, 210, 2.0), run_once=True)


def read_file(path: pathlib.Path) -> Plan:
    """A plan of one's own, in JSON: {"timing": {...}, "loads": {NAME: {...}}, "cases": [{...}],
    "seed": N}, with the fields of the classes above. Loads come beside the four that are there."""
    try:
        said: dict[str, Any] = json.loads(path.read_text())
        unknown = said.keys() - {"timing", "loads", "cases", "seed", "run_once"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        loads = {**LOADS, **{name: Load(**load) for name, load in said.get("loads", {}).items()}}
        plan = Plan(path.stem, Timing(**said["timing"]), tuple(Case(**c) for c in said["cases"]),
                    loads, said.get("run_once", False), said.get("seed", 1))
        _check(plan)
    except (KeyError, TypeError, ValueError) as e:
        raise ValueError(f"{path}: {e}") from e
    return plan


def _check(plan: Plan) -> None:
    for case in plan.cases:
        if case.load not in plan.loads:
            raise ValueError(f"{case.full_name}: no load is named {case.load}")
        if case.pace not in (SCHEDULED, SATURATING):
            raise ValueError(f"{case.full_name}: a pace is {SCHEDULED} or {SATURATING}")
    for name, load in plan.loads.items():
        unknown = (load.languages.keys() - set(LANGUAGES)) | (load.outcomes.keys() - set(OUTCOMES))
        if unknown:
            raise ValueError(f"load {name}: unknown: {', '.join(sorted(unknown))}")
