"""What is sent when: the same for the same seed, on every machine and every day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from .plan import Load


class Planned(NamedTuple):
    at: float  # seconds from the start of the run
    language: str
    outcome: str


def mix(load: Load, seed: str) -> Iterator[tuple[str, str]]:
    """Language and outcome of one submission after the other, without end, by the load's weights."""
    weights = load.weights()
    kinds, chance = list(weights), random.Random("mix " + seed)
    while True:
        yield chance.choices(kinds, weights=list(weights.values()))[0]


def gaps(per_minute: float, seed: str) -> Iterator[float]:
    """Seconds between two sends, without end: those of senders that know nothing of each other."""
    chance = random.Random("gaps " + seed)
    while True:
        yield chance.expovariate(per_minute / 60)


def schedule(load: Load, rate: float, seconds: float, seed: str) -> Iterator[Planned]:
    """All that is sent within `seconds`, at `rate` times the load's own rate."""
    at = 0.0
    for gap, (language, outcome) in zip(gaps(rate * load.per_minute, seed), mix(load, seed)):
        at += gap
        if at >= seconds:
            return
        yield Planned(at, language, outcome)
