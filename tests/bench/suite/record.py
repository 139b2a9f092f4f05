"""One submission: what was meant, what came, and a row of a CSV file."""

from __future__ import annotations

import csv
import dataclasses
import pathlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Optional

from . import programs


@dataclass
class Record:
    """Times are seconds since the measurement window began, so what was sent in the warm-up has a
    negative one. None: it was never answered."""
    run: int
    id: str
    intended: float  # when it was to be sent: latency counts from here
    sent: float
    received: Optional[float] = None
    status: str = ""
    wrong: str = ""  # "": the report says what the id promises
    queue_ms: Optional[int] = None
    build_ms: Optional[int] = None
    run_ms: Optional[int] = None
    duration_ms: Optional[int] = None
    cpu_time_ms: Optional[int] = None

    @property
    def language(self) -> str:
        return programs.kind_of(self.id)[0]

    @property
    def outcome(self) -> str:
        return programs.kind_of(self.id)[1]

    @property
    def latency(self) -> Optional[float]:
        """Seconds."""
        return None if self.received is None else self.received - self.intended

    def answer(self, received: float, report: dict[str, Any]) -> None:
        self.received = received
        self.status = str(report.get("status"))
        self.wrong = programs.what_is_wrong(self.id, report)
        for name in ("queue_ms", "build_ms", "run_ms", "duration_ms", "cpu_time_ms"):
            setattr(self, name, report.get(name))


def measured(records: Iterable[Record], window: float) -> list[Record]:
    """Those that were to be sent in the measurement window, whenever their answers came."""
    return [r for r in records if 0 <= r.intended < window]


# ---- files ----

FIELDS = [field.name for field in dataclasses.fields(Record)]
DERIVED = ("language", "outcome", "latency")
COLUMNS = [*FIELDS, *DERIVED]
_SECONDS = ("intended", "sent", "received", "latency")
_NUMBERS = ("run", "queue_ms", "build_ms", "run_ms", "duration_ms", "cpu_time_ms")


def write_csv(path: pathlib.Path, records: Iterable[Record]) -> None:
    def text(name: str, value: Any) -> str:
        if value is None:
            return ""
        return f"{value:.6f}" if name in _SECONDS else str(value)
    with path.open("w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(COLUMNS)
        for r in sorted(records, key=lambda r: (r.run, r.intended)):
            writer.writerow([text(name, getattr(r, name)) for name in COLUMNS])


def read_csv(path: pathlib.Path) -> list[Record]:
    def value(name: str, text: str) -> Any:
        if name in _SECONDS or name in _NUMBERS:
            return None if text == "" else int(text) if name in _NUMBERS else float(text)
        return text
    with path.open(newline="") as f:
        return [Record(**{name: value(name, row[name]) for name in FIELDS})
                for row in csv.DictReader(f)]
