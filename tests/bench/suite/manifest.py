"""benchmark_manifest.json: what was measured, on what, how, and which files say so."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import re
from typing import Any

from . import machine, numbers
from .plan import Case, Plan
from .record import Record
from .run import Outcome, Setup

NAME = "benchmark_manifest.json"
# Settings of the servers that change what is measured. Others may hold secrets or say nothing.
SETTING = re.compile(r"(RUNNER|BUILD|MAX|REPORT|KAFKA_(COMMIT|PREFETCH|PROP_(?!SASL|SSL))|"
                     r"(PYTHON|GO|C|CPP|JAVA)_(RUN_)?IMAGE|LANGUAGES)")


class Manifest:
    """Written anew after every run, so that one that was broken off says what it has."""

    def __init__(self, directory: pathlib.Path, said: dict[str, Any]):
        self.directory, self.said = directory, said

    @classmethod
    def of(cls, directory: pathlib.Path, setup: Setup) -> Manifest:
        plan = setup.plan
        return cls(directory, {
            "created": _now(),
            "finished": None,
            "plan": plan.name,
            "way": "kafka" if setup.brokers else "http",
            "seed": plan.seed,
            "machine": machine.machine(),
            "versions": machine.versions(setup.program),
            "settings": {**settings_of(dict(os.environ)), **setup.settings},
            "timing": dataclasses.asdict(plan.timing),
            "loads": {name: dataclasses.asdict(load) for name, load in plan.loads.items()
                      if name in {c.load for c in plan.cases}},
            "cases": [],
            "charts": [],
            "faults": 0,
        })

    @classmethod
    def read(cls, directory: pathlib.Path) -> Manifest:
        return cls(directory, json.loads((directory / NAME).read_text()))

    def write(self) -> None:
        new = self.directory / (NAME + ".new")
        new.write_text(json.dumps(self.said, indent=2) + "\n")
        new.replace(self.directory / NAME)

    def begin_case(self, case: Case, measured_as: Case) -> dict[str, Any]:
        entry: dict[str, Any] = {
            **dataclasses.asdict(case), "backlog": case.backlog, "measured_as": measured_as.full_name,
            "runs": [], "aggregated": aggregated_name(case)}
        self.said["cases"].append(entry)
        return entry

    def add_run(self, entry: dict[str, Any], run: int, file: str, outcome: Outcome,
                counted: bool) -> None:
        """counted: its faults are not yet those of another case."""
        entry["runs"].append({
            "run": run, "file": file, "sent": len(outcome.records),
            "latest_send_seconds": round(outcome.late_sends, 4),
            "unanswered": outcome.unanswered,
            "wrong": [{"id": id, "why": why} for id, why in outcome.wrong],
            "doubled": outcome.doubled, "not_asked_for": outcome.foreign})
        self.said["faults"] += outcome.faults if counted else 0

    @staticmethod
    def add_summary(entry: dict[str, Any], records: list[Record]) -> None:
        entry |= numbers.summary(records, entry["window"])

    def finish(self, charts: list[str]) -> None:
        self.said["finished"] = _now()
        self.set_charts(charts)

    def set_charts(self, charts: list[str]) -> None:
        self.said["charts"] = charts
        self.write()

    def cases_of(self, matrix: str) -> list[dict[str, Any]]:
        return [case for case in self.said["cases"] if case["matrix"] == matrix]


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def settings_of(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in sorted(environment.items()) if SETTING.match(name)}


def run_name(case: Case, run: int) -> str:
    return f"{case.full_name}__run-{run}.csv"


def aggregated_name(case: Case) -> str:
    return f"{case.full_name}__aggregated.csv"


def describe(plan: Plan) -> str:
    """A line for each case, as --list shows them."""
    lines = [f"{'case':<46} {'load':<14} {'replicas':>8} {'parallel':>8} {'pace':<11} {'window':>7}"]
    for c in plan.cases:
        lines.append(f"{c.full_name:<46} {c.load:<14} {c.replicas:>8} {c.parallel:>8} {c.pace:<11} "
                     f"{c.window:>5g} s")
    lines.append(f"{len(plan.cases)} cases, {plan.timing.runs} runs of each; at least "
                 f"{plan.seconds() / 60:.0f} minutes")
    return "\n".join(lines)
