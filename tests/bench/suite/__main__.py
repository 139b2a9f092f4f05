"""script/bench suite [--short | --full | --plan FILE] [OPTION...]

Sends the simulator's 25 programs (five languages; OK, WA, TL, ML, BF) to servers of its own, under the
load plans and in the case matrices of the Go worker's benchmark, and draws what came of it.

The environment has the same under other names: KAFKA_BROKERS, BENCHMARK_PLAN (short, full or a file),
BENCHMARK_CASES, BENCHMARK_OUTPUT_DIR. Settings of the server (RUNNER_CELL_USES, ...) go to every server
and are in the manifest. Exit code: 0; 1 when an answer was missing, wrong or doubled; 2 for usage; 3
when a server or a broker failed.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
from typing import Any

from . import manifest, plan
from .machine import ROOT
from .manifest import Manifest
from .plan import Case, Plan
from .record import Record, measured, write_csv
from .run import Outcome, Setup, run_case
from .servers import Trouble

RELEASE = ROOT / "build/release"
NAMED = 20  # faults of one kind that get a line of their own; the manifest has all


def say(text: str) -> None:
    print(f"suite: {text}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    env = os.environ
    p = argparse.ArgumentParser(prog="script/bench suite", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter,
                                usage=argparse.SUPPRESS)
    p.add_argument("--short", dest="plan", action="store_const", const="short",
                   help="within a quarter of an hour on two cores (the default)")
    p.add_argument("--full", dest="plan", action="store_const", const="full",
                   help="as the Go worker's benchmark is timed: three runs, more than seven hours")
    p.add_argument("--plan", metavar="FILE", help="short, full, or a plan of your own in JSON")
    p.add_argument("--case", metavar="NAME", action="append",
                   help="only this case or matrix, * as in a shell; may be repeated")
    p.add_argument("--by-the-clock", action="store_true",
                   help="every case at the rate of its load, as the Go worker's benchmark: such a "
                        "throughput is what was sent, unless the servers cannot follow")
    p.add_argument("--list", action="store_true", help="show the cases and end")
    p.add_argument("--out", metavar="DIR", type=pathlib.Path,
                   default=env.get("BENCHMARK_OUTPUT_DIR") or ROOT / "logs/benchmarks",
                   help="where the files go (logs/benchmarks)")
    p.add_argument("--render", metavar="DIR", type=pathlib.Path,
                   help="only draw the charts of the files in DIR again")
    p.add_argument("--brokers", default=env.get("KAFKA_BROKERS", ""),
                   help="host:port,...; script/bench starts a broker where none is given")
    p.add_argument("--program", type=pathlib.Path, default=RELEASE / "scrc", help=argparse.SUPPRESS)
    p.add_argument("--pipe", type=pathlib.Path, default=RELEASE / "tests/simulator/kafka-pipe",
                   help=argparse.SUPPRESS)
    found = p.parse_args()
    found.plan = found.plan or env.get("BENCHMARK_PLAN") or "short"
    found.case = found.case or env.get("BENCHMARK_CASES", "").split()
    return found


def plan_of(args: argparse.Namespace) -> Plan:
    built_in = {"short": plan.SHORT, "full": plan.FULL}
    found = built_in.get(args.plan) or plan.read_file(pathlib.Path(args.plan))
    found = found.select(args.case)
    return found.paced_by_the_clock() if args.by_the_clock else found


def main() -> int:
    args = arguments()
    try:
        chosen = plan_of(args)
    except (OSError, ValueError) as e:
        say(str(e))
        return 2
    if args.list:
        print(manifest.describe(chosen))
        return 0
    if args.render:
        return draw(args.render)
    return measure(args, chosen)


def draw(directory: pathlib.Path) -> int:
    try:
        said = Manifest.read(directory)
    except (OSError, ValueError) as e:
        say(f"{directory}: {e}")
        return 2
    said.set_charts(charts_of(directory))
    return 0


def charts_of(directory: pathlib.Path) -> list[str]:
    from . import charts  # matplotlib is wanted for these alone
    return charts.render(directory, say)


# ---- a measurement ----

def measure(args: argparse.Namespace, chosen: Plan) -> int:
    if not args.brokers:
        say("no broker: over HTTP, and without the cases of several servers")
        chosen = chosen.without_replicas()
    args.out.mkdir(parents=True, exist_ok=True)
    # CELL_DIR and DATA_DIR where they must be somewhere, as in a container.
    parent = os.environ.get("CELL_DIR") or None
    work = pathlib.Path(tempfile.mkdtemp(prefix="scrc-s.", dir=parent))
    setup = Setup(chosen, args.program.resolve(), args.pipe.resolve(), work, args.brokers, say=say)
    try:
        faults = Suite(setup, args.out).run()
    except Trouble as e:
        say(str(e))
        return 3
    except KeyboardInterrupt:
        say(f"broken off; {args.out / manifest.NAME} has what was measured")
        return 130
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if faults else 0


class Suite:
    """All cases of a plan, one after the other, and what they leave."""

    def __init__(self, setup: Setup, out: pathlib.Path):
        self.setup, self.out = setup, out
        self.manifest = Manifest.of(out, setup)
        self.done: dict[Any, tuple[Case, list[Outcome]]] = {}

    def run(self) -> int:
        """How many answers were missing, wrong, doubled or not asked for."""
        cases = self.setup.plan.cases
        for number, case in enumerate(cases, 1):
            say(f"{number}/{len(cases)} {case.full_name}")
            self._case(case)
        self.manifest.finish(charts_of(self.out))
        faults: int = self.manifest.said["faults"]
        say(f"{len(cases)} cases, {faults} faults; charts and {manifest.NAME} are in {self.out}")
        return faults

    def _case(self, case: Case) -> None:
        key = case.what_is_measured if self.setup.plan.run_once else case
        measured_as, known = self.done.get(key, (case, []))
        outcomes = list(known)
        entry = self.manifest.begin_case(case, measured_as)
        for run in range(1, self.setup.plan.timing.runs + 1):
            if not known:
                outcomes.append(run_case(self.setup, case, run))
                name_faults(case, run, outcomes[-1])
            self._write_run(entry, case, run, outcomes[run - 1], counted=not known)
        self.done[key] = measured_as, outcomes
        records = [r for o in outcomes for r in measured(o.records, case.window)]
        write_csv(self.out / manifest.aggregated_name(case), records)
        self.manifest.add_summary(entry, records)
        self.manifest.write()
        say(f"    {told(entry)}")

    def _write_run(self, entry: dict[str, Any], case: Case, run: int, outcome: Outcome,
                   counted: bool) -> None:
        name = manifest.run_name(case, run)
        write_csv(self.out / name, outcome.records)
        self.manifest.add_run(entry, run, name, outcome, counted)
        self.manifest.write()


def told(entry: dict[str, Any]) -> str:
    took = entry["latency_seconds"]
    line = (f"{entry['throughput_per_minute']['mean']} a minute ({entry['submissions']} submissions)"
            f", latency p50 {took['p50']} s, p95 {took['p95']} s")
    here = f"{entry['matrix']}__{entry['name']}"
    return line if entry["measured_as"] == here else f"{line}, as {entry['measured_as']}"


def name_faults(case: Case, run: int, outcome: Outcome) -> None:
    kinds = {
        "never answered": outcome.unanswered,
        "wrong": [f"{id}: {why}" for id, why in outcome.wrong],
        "answered twice": outcome.doubled,
        "not asked for": outcome.foreign,
    }
    for kind, ids in kinds.items():
        for id in ids[:NAMED]:
            say(f"    run {run}: {kind}: {id}")
        if len(ids) > NAMED:
            say(f"    run {run}: {kind}: {len(ids) - NAMED} more of {case.full_name}")


if __name__ == "__main__":
    # A signal ends it as Ctrl-C does: the servers are stopped, and the manifest has what there is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
