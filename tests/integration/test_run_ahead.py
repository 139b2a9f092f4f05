"""Tests of one submission run ahead of their turn while cores are idle, and nobody can tell by the
report."""

import os
import random

import pytest

from harness import submission, test

pytestmark = pytest.mark.skipif(os.cpu_count() < 2, reason="one core: nothing runs ahead")

# Uses its CPU for so many milliseconds, and says when, by the clock of the host.
SPAN = r"""
import sys, time
n = int(input())
start = time.monotonic_ns()
while time.process_time_ns() < n * 1000000: pass
print(start, time.monotonic_ns(), flush=True)
"""


@pytest.fixture(scope="module", params=[1, 100], ids=["ephemeral", "reused"])
def ahead(request, module_server):
    return module_server(RUNNER_CELL_USES=request.param, LANGUAGES="python,c").start().ready()


def spans(report):
    """(start, end) of each test, in order."""
    return [tuple(map(int, t["stdout"].split())) for t in report["tests"] if t["stdout"]]


def overlapping(spans):
    return [(a, b) for a, b in zip(sorted(spans), sorted(spans)[1:]) if b[0] < a[1]]


def spanning(tests, ms, **more):
    return submission("python", SPAN, [test(f"{ms}\n", "") for _ in range(tests)], 5000,
                      stop_on_failure=False, **more)


def test_two_at_once(ahead):
    report = ahead.judge(spanning(10, 60))
    assert len(spans(report)) == 10, report
    assert overlapping(spans(report)), spans(report)
    first = min(spans(report))
    assert all(first[1] <= start for start, _ in spans(report)[1:]), "the first was not alone"


def test_not_while_another_is_judged(ahead):
    """Never more at once than RUNNER_MAX_PARALLEL, whosever they are: with as many submissions as
    workers each runs in order."""
    ids = [ahead.submit(spanning(6, 60)) for _ in range(4)]
    all_spans = [spans(ahead.report(id, 120)) for id in ids]
    events = sorted(e for s in all_spans for start, end in s for e in ((start, 1), (end, -1)))
    running = most = 0
    for _, step in events:
        running += step
        most = max(most, running)
    assert most <= 2, most
    # The first one may be alone for a moment, and the last one is when all others have ended.
    second = sorted(min(start for start, _ in s) for s in all_spans)[1]
    others = sorted(max(end for _, end in s) for s in all_spans)[-2]
    for s in all_spans:
        for a, b in overlapping(s):
            assert b[0] > others or b[0] < second, (a, b, all_spans)


def test_one_that_comes_gets_its_core(ahead):
    """It waits for one test that runs ahead, not for all of them."""
    long = ahead.submit(spanning(16, 80))
    ahead.wait_running(long)
    short = ahead.report(ahead.submit(spanning(1, 1)))
    report = ahead.report(long, 120)
    (start, _), = spans(short)
    assert start < sorted(spans(report))[-1][0], "it waited for the whole submission"


FAILS = "import sys\nn = int(input())\nfor i in range(500000): pass\nif n == 5: sys.exit(3)\nprint(n)\n"


def test_what_is_behind_a_failure_is_not_seen(ahead):
    with_failure = submission("python", FAILS, [test(f"{n}\n", str(n)) for n in range(1, 13)], 5000,
                              stop_on_failure=True)
    for _ in range(3):
        report = ahead.judge(with_failure)
        assert report["verdict"] == "RE" and report["attempts"] == 1, report
        assert [t["verdict"] for t in report["tests"]] == ["OK"] * 4 + ["RE"] + ["-"] * 7
        assert all(t["stdout"] == "" for t in report["tests"][5:])


# ---- the same report, in order and ahead ----

ODD = r"""
import os, sys, time
what, size, seed = input().split()
size = int(size)
while time.process_time_ns() < 30000000: pass
sys.stderr.write('e' * (size // 2))
print('o' * size)
if what == 'wrong': print('more')
if what == 'exits': sys.exit(int(seed) % 100 + 1)
if what == 'dies': os.kill(os.getpid(), 11)
if what == 'eats': b = bytearray(200 << 20)
if what == 'floods':
    while True: sys.stdout.write('x' * 65536)
if what == 'spins':
    while True: pass
"""
MEASURED = {"duration_ms", "cpu_time_ms", "memory_bytes", "queue_ms", "build_ms", "run_ms", "id",
            "timestamp"}


def unmeasured(report):
    if isinstance(report, dict):
        return {k: unmeasured(v) for k, v in report.items() if k not in MEASURED}
    return [unmeasured(v) for v in report] if isinstance(report, list) else report


def random_submission(rng):
    kinds = ["right"] * rng.choice([6, 30]) + ["wrong", "exits", "dies", "eats", "floods", "spins"]
    tests = []
    for _ in range(rng.randint(2, 9)):
        size = rng.choice([0, 5, 3000, 200000])
        tests.append(test(f"{rng.choice(kinds)} {size} {rng.randrange(1000)}\n", "o" * size))
    return submission("python", ODD, tests, 500, 64, stop_on_failure=rng.random() < 0.5)


def test_the_same_report_as_in_order(ahead, module_server):
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    all_sent = [random_submission(rng) for _ in range(6)]
    # Little room for outputs: who gets how much of it depends on the order.
    settings = dict(LANGUAGES="python", REPORT_BYTES="1MiB", REPORT_OUTPUT_BYTES="256KiB",
                    MAX_OUTPUT_BYTES="1MiB",
                    RUNNER_CELL_USES=ahead.settings["RUNNER_CELL_USES"])
    both = [module_server(RUNNER_MAX_PARALLEL=n, **settings).start().ready() for n in (1, 2)]
    for s in all_sent:
        in_order, beside = (unmeasured(server.judge(s, 120)) for server in both)
        assert in_order == beside, f"seed {seed}: {s['tests']}"
