"""The programs of tests/hostile: what is sent, and what must come back."""

import glob
import os
import re

from harness import MIB, ROOT, submission, test

FILES = sorted(glob.glob(os.path.join(ROOT, "tests/hostile/*.c")))
NAMES = [os.path.basename(f)[:-2] for f in FILES]
MEMORY_MIB = 64


def with_rows(*rows):
    """The files of the programs that stand for these rows of the threat table."""
    found = {f: name.split("-")[0] for f, name in zip(FILES, NAMES)}
    assert set(rows) <= set(found.values()), rows
    return [f for f, row in found.items() if row in rows]

# "run: [STDIN] => VERDICT... [memory LOW..HIGH] [: STDOUT]", as tests/agent/test_hostile.c has it:
# time limit 1 s, memory limit 64 MiB.
RUN = re.compile(r"^ \* run: (?P<input>.*?) ?=> (?P<verdicts>[A-Z ]+?)"
                 r"(?: memory (?P<low>\d+)\.\.(?P<high>\d+))?(?: : (?P<output>.*))?$", re.M)


def runs_of(path):
    with open(path) as f:
        source = f.read()
    runs = list(RUN.finditer(source[:source.index("*/")]))
    assert runs and len(runs) == source.count("\n * run: "), f"{path}: no run that can be read"
    return source, runs


def submission_of(path):
    source, runs = runs_of(path)
    tests = [test(r["input"] + "\n" if r["input"] else "", r["output"] or "") for r in runs]
    # Who is judged by his CPU time, or by what he has written, may wait long for a core.
    busy = "/P11-" in path or "/O1-" in path
    wall = {"limits": {"wall_time_limit_ms": 20_000}} if busy else {}
    return submission("c", source, tests, 1000, MEMORY_MIB, stop_on_failure=False, **wall)


def check(path, report):
    wrong = []
    # 1.1 s of its own, the rest waiting for a core: longer where more wait for one.
    longest = 20_000 * max(1, os.getloadavg()[0] / os.cpu_count() / 4)
    for run, t in zip(runs_of(path)[1], report["tests"]):
        verdict = t["verdict"]
        if run["output"] is None and verdict == "WA":
            verdict = "OK"  # its output is of no interest
        mib = (t["memory_bytes"] or 0) / MIB
        if verdict not in run["verdicts"].split() or \
                run["low"] and not int(run["low"]) <= mib <= int(run["high"]) or \
                (t["duration_ms"] or 0) > longest:
            wrong.append((run.group(0), t["verdict"], t["stdout"][:500], t["stderr"][:500],
                          t["signal"], t["duration_ms"], t["cpu_time_ms"], mib))
    assert not wrong and report["attempts"] == 1 and report["error"] == "", (wrong, report["error"],
                                                                           report["build_log"])
