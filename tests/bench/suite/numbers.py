"""Percentiles, throughput, and what several runs of a case say together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .record import Record, measured


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed; NaN of none."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(percent * len(ordered) / 100) - 1)]


def per_minute(records: Iterable[Record], window: float) -> float:
    """Of what was to be sent in the window, as much as was answered."""
    return 60 * sum(r.received is not None for r in measured(records, window)) / window


@dataclass(frozen=True)
class Throughput:
    """Submissions a minute: the mean of all runs, and each."""
    mean: float
    runs: tuple[float, ...]

    @property
    def least(self) -> float:
        return min(self.runs)

    @property
    def most(self) -> float:
        return max(self.runs)


def throughput(records: Sequence[Record], window: float) -> Throughput:
    """Of the records of all runs of a case."""
    runs = sorted({r.run for r in records})
    each = tuple(per_minute((r for r in records if r.run == n), window) for n in runs)
    return Throughput(sum(each) / len(each) if each else math.nan, each)


def by_kind(records: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    """{(language, outcome): its answered records}"""
    found: dict[tuple[str, str], list[Record]] = {}
    for r in records:
        if r.received is not None:
            found.setdefault((r.language, r.outcome), []).append(r)
    return found


def latencies(records: Iterable[Record]) -> list[float]:
    return [r.latency for r in records if r.latency is not None]


def summary(records: Sequence[Record], window: float) -> dict[str, object]:
    """What the manifest says of a case; records: those of its measurement windows."""
    rate, took = throughput(records, window), latencies(records)
    return {
        "submissions": len(records),
        "throughput_per_minute": {"mean": _round(rate.mean), "runs": [_round(x) for x in rate.runs]},
        "latency_seconds": {f"p{p}": _round(percentile(took, p), 4) for p in (50, 95, 99)},
    }


def _round(value: float, digits: int = 2) -> float | None:
    return None if math.isnan(value) else round(value, digits)
