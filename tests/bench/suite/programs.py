"""The 25 programs of the simulator (tests/programs), and whether a report of one is right."""

from __future__ import annotations

import functools
import json
import pathlib
from typing import Any

PROGRAMS = pathlib.Path(__file__).resolve().parents[2] / "programs"
COMMENT = {"python": "#"}  # all others: //
MIB = 1024 * 1024

SUMS = [{"number": 1, "input": "1 2 3\n", "expected_output": "6"},
        {"number": 2, "input": "10 -5 7\n", "expected_output": "12"}]
EMPTY = [{"number": 1, "input": "", "expected_output": ""}]
# Outcome: time limit in ms, memory limit in MiB, tests, and the status of each test.
OUTCOMES: dict[str, tuple[int, int, list[dict[str, Any]], list[str]]] = {
    "ok": (2000, 256, SUMS, ["OK", "OK"]),
    "wa": (2000, 256, SUMS, ["WA", "-"]),
    "tl": (1000, 256, EMPTY, ["TL"]),
    "ml": (5000, 16, EMPTY, ["ML"]),
    "bf": (2000, 256, [], []),
}


def id_of(language: str, outcome: str, number: int) -> str:
    return f"{language}-{outcome}-{number}"


def kind_of(id: str) -> tuple[str, str]:
    """(language, outcome) of an id."""
    language, outcome, _ = id.split("-")
    return language, outcome


@functools.cache
def source(language: str, outcome: str) -> str:
    (path,) = PROGRAMS.glob(f"{language}-{outcome}.*")
    return path.read_text()


def body(id: str) -> bytes:
    """The submission, as one line of JSON. Its last line makes the source one that was not built
    before: a build that is kept would be measured instead."""
    language, outcome = kind_of(id)
    time_ms, memory_mib, tests, _ = OUTCOMES[outcome]
    return json.dumps({
        "type": "script", "id": id, "language": language,
        "source": f"{source(language, outcome)}{COMMENT.get(language, '//')} {id}\n",
        "limits": {"time_limit_ms": time_ms, "memory_limit_bytes": memory_mib * MIB},
        "tests": tests}).encode()


def what_is_wrong(id: str, report: dict[str, Any]) -> str:
    """"" when the report says what the id promises."""
    outcome = kind_of(id)[1]
    status, statuses = report.get("status"), [t.get("status") for t in report.get("tests", [])]
    if status != outcome.upper():
        return f"{status}, not {outcome.upper()}; {report.get('error', '')}".rstrip("; ")
    if statuses != OUTCOMES[outcome][3]:
        return f"its tests are {' '.join(map(str, statuses))}, not {' '.join(OUTCOMES[outcome][3])}"
    return ""
