"""The benchmark suite (tests/bench/suite) without servers: what it sends when, what it counts, and the
files it leaves. test_kafka_suite.py has a real run."""

import collections
import dataclasses
import itertools
import json
import math
import os
import pathlib
import random
import re
import statistics
import struct
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest

from harness import ROOT, SCRC_BIN
from test_verdicts import LIMITS, simulated

sys.path.insert(0, os.path.join(ROOT, "tests/bench"))

import suite.__main__ as main  # noqa: E402
from suite import numbers, plan, programs, record, schedule  # noqa: E402
from suite.record import Record  # noqa: E402
from suite.run import Ledger, Outcome, Setup  # noqa: E402

MEDIUM = plan.LOADS["medium"]
CHARTS = {  # and what is written in each
    "single_runner_throughput": ("submissions per minute", "RUNNER_MAX_PARALLEL", "16"),
    "scaling_heatmap": ("submissions per minute", "servers (replicas)", "3"),
    "language_latency_heatmap": ("seconds", "Python", "(wrong answer)", "C++"),
    "language_latency_boxplot": ("seconds (logarithmic)", "Java", "TL (time limit)", "0.5"),
    "timeout_impact": ("submissions per minute", "baseline", "timeout-heavy"),
    "language_throughput": ("submissions per minute", "Go", "BF (build failed)"),
}


# ---- the plan ----

def test_the_full_plan_is_the_go_workers():
    by_matrix = collections.defaultdict(set)
    for c in plan.FULL.cases:
        by_matrix[c.matrix].add((c.load, c.replicas, c.parallel))
    assert by_matrix == {
        "single_runner": {("medium", 1, n) for n in (1, 2, 4, 6, 8, 12, 16)},
        "scaling": {("medium", r, n) for r in (1, 2, 3) for n in (4, 6, 8, 12)},
        "language_latency": {("light", 1, 8)},
        "timeout_impact": {("medium", 1, 8), ("timeout-heavy", 1, 8)},
        "language_throughput": {("heavy", 2, 12)},
    }
    assert len(plan.FULL.cases) == 23 and plan.FULL.timing == plan.Timing(60, 60, 3)
    assert {c.window for c in plan.FULL.cases} == {240, 300} and not plan.FULL.run_once
    rates = {name: load.per_minute for name, load in plan.LOADS.items()}
    assert rates == {"light": 40, "medium": 75, "heavy": 120, "timeout-heavy": 120}
    heavy, timeouts = (plan.LOADS[n].weights() for n in ("heavy", "timeout-heavy"))
    assert heavy["python", "ok"] == 1.2 and heavy["c", "ml"] == pytest.approx(0.45)
    assert {k: timeouts[k] / heavy[k] for k in heavy} == pytest.approx(
        {k: 2.5 if k[1] == "tl" else 1 for k in heavy})


def test_the_short_plan_is_short_and_has_every_chart():
    assert plan.SHORT.seconds() < 13 * 60  # of 15 minutes; servers have to start too
    assert {c.matrix for c in plan.SHORT.cases} == {c.matrix for c in plan.FULL.cases}


def test_cases_are_chosen_by_name():
    def chosen(*patterns):
        return [c.full_name for c in plan.FULL.select(list(patterns)).cases]
    assert len(chosen()) == 23
    assert chosen("language_latency") == ["language_latency__light"]
    assert chosen("parallel-16", "timeout-*") == ["single_runner__parallel-16",
                                                  "timeout_impact__timeout-heavy"]
    assert chosen("scaling__replicas-3-*-12") == ["scaling__replicas-3-parallel-12"]
    with pytest.raises(ValueError, match="nothing-like-it"):
        chosen("nothing-like-it")


@pytest.mark.parametrize("change, says", [
    ({"cases": [{"matrix": "m"}]}, "missing"),
    ({"timing": {}}, "missing"),
    ({"more": 1}, "more"),
    ({"case": {"load": "none"}}, "no load"),
    ({"case": {"pace": "slow"}}, "pace"),
    ({"loads": {"own": {"per_minute": 1, "languages": {"perl": 1}, "outcomes": {"ok": 1}}}}, "perl"),
])
def test_a_plan_of_ones_own_that_is_none(tmp_path, change, says):
    case = {"matrix": "m", "name": "n", "load": "light", "replicas": 1, "parallel": 1,
            "pace": "scheduled", "window": 1, **change.pop("case", {})}
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"timing": {"warmup": 0, "cooldown": 0, "runs": 1}, "cases": [case],
                                **change}))
    with pytest.raises(ValueError, match=f"own.json.*{says}"):
        plan.read_file(path)


# ---- what is sent when ----

def test_the_same_seed_is_the_same_schedule():
    def made(seed, rate=1.0):
        return list(schedule.schedule(MEDIUM, rate, 600, seed))
    assert made("1") == made("1") != made("2")
    times = [p.at for p in made("1")]
    assert times == sorted(times) and 0 < times[0] and times[-1] < 600
    assert [p.at * 2 for p in made("1", 2.0)][:len(times)] == pytest.approx(times)


def test_gaps_are_exponential():
    """Their mean is that of the rate, and their deviation is as large as their mean."""
    found = list(itertools.islice(schedule.gaps(75, "1"), 20000))
    assert statistics.mean(found) == pytest.approx(60 / 75, rel=0.03)
    assert statistics.stdev(found) == pytest.approx(60 / 75, rel=0.05)
    assert sum(gap > 60 / 75 for gap in found) / len(found) == pytest.approx(1 / math.e, rel=0.05)


def test_the_mix_is_that_of_the_weights():
    count, weights = 50000, MEDIUM.weights()
    found = collections.Counter(itertools.islice(schedule.mix(MEDIUM, "1"), count))
    assert len(found) == 25
    for kind, weight in weights.items():
        assert found[kind] / count == pytest.approx(weight / sum(weights.values()), rel=0.1), kind


def test_the_programs_are_the_simulators():
    for language in plan.LANGUAGES:
        for outcome in LIMITS:
            id = programs.id_of(language, outcome, 7)
            assert programs.kind_of(id) == (language, outcome)
            sent, known = json.loads(programs.body(id)), simulated(language, outcome)
            assert sent.pop("type") == "script" and sent.pop("id") == id
            source = sent.pop("source")
            assert source.startswith(known.pop("source")) and source.rstrip().endswith(id)
            tests = [{k: v for k, v in t.items() if k != "number"} for t in sent.pop("tests")]
            assert tests == (known.pop("tests", None) or []) and sent == known
            assert b"\n" not in programs.body(id) and b"\t" not in programs.body(id)


def test_a_report_that_is_wrong_is_called_so():
    def said(id, status, *tests, error=""):
        return programs.what_is_wrong(id, {"status": status, "error": error,
                                           "tests": [{"status": t} for t in tests]})
    assert said("go-wa-1", "WA", "WA", "-") == ""
    assert said("go-wa-1", "OK", "OK", "OK") == "OK, not WA"
    assert said("go-wa-1", "WA", "OK", "WA") == "its tests are OK WA, not WA -"
    assert said("c-ok-1", "-", error="no image") == "-, not OK; no image"
    assert said("c-bf-1", "BF") == ""


# ---- what is counted ----

def answered(id, intended, latency, run=1, sent=None):
    r = Record(run, id, intended, intended if sent is None else sent)
    if latency is not None:
        r.received, r.status = intended + latency, "OK"
    return r


def test_only_what_was_meant_for_the_window_counts():
    """By the time for which a send was meant: not when it left, not when it was answered."""
    inside = [answered("c-ok-1", 0.0, 1), answered("c-ok-2", 9.999, 30),
              answered("c-ok-3", 5, 1, sent=11), answered("c-ok-4", 9, None)]
    outside = [answered("c-ok-5", -0.001, 1), answered("c-ok-6", 10.0, 1),
               answered("c-ok-7", -1, 5, sent=1)]
    assert record.measured(inside + outside, 10) == inside
    assert numbers.per_minute(inside + outside, 10) == 3 * 6
    assert inside[2].latency == 1 and inside[3].latency is None


def test_percentiles():
    values = list(range(1, 101))
    random.Random(1).shuffle(values)
    assert [numbers.percentile(values, p) for p in (0, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert numbers.percentile([7], 50) == 7 and numbers.percentile([1, 2, 3], 50) == 2
    assert math.isnan(numbers.percentile([], 50))


def test_runs_are_aggregated():
    records = [answered(f"go-ok-{n}", n / 10, 0.5, run) for run, count in ((1, 100), (2, 80), (3, 60))
               for n in range(count)]
    found = numbers.throughput(records, 10)
    assert (found.mean, found.runs, found.least, found.most) == (480, (600, 480, 360), 360, 600)
    said = numbers.summary(records, 10)
    assert said["submissions"] == 240
    assert said["latency_seconds"] == {"p50": 0.5, "p95": 0.5, "p99": 0.5}
    assert numbers.summary([], 10)["latency_seconds"]["p50"] is None
    kinds = numbers.by_kind(records + [answered("c-tl-1", 1, None)])
    assert list(kinds) == [("go", "ok")]


def test_records_survive_a_file(tmp_path):
    records = [answered("python-ok-1", 1.5, 0.25), answered("java-tl-2", 2.5, None),
               Record(2, "c-ml-3", -1, -0.9, 0.5, "ML", "a, \"b\"\nc", 1, 2, 3, 4, 5)]
    record.write_csv(tmp_path / "r.csv", records)
    assert record.read_csv(tmp_path / "r.csv") == records
    header, first = (tmp_path / "r.csv").read_text().splitlines()[:2]
    assert header.split(",")[-3:] == ["language", "outcome", "latency"]
    assert first.split(",")[-3:] == ["python", "ok", "0.250000"]


def test_the_ledger_knows_what_is_out():
    ledger = Ledger(1, 100.0)
    right = {"status": "OK", "tests": [{"status": "OK"}, {"status": "OK"}], "queue_ms": 5}
    for n in (1, 2, 3):
        ledger.sent(f"c-ok-{n}", 101.0, 101.5)
    assert ledger.wait_below(4, 0) and not ledger.wait_below(3, 0)
    ledger.report(103.0, {**right, "id": "c-ok-2"})
    ledger.report(104.0, {**right, "id": "c-ok-2"})
    ledger.report(104.0, {**right, "id": "c-ok-9"})
    ledger.report(104.0, {**right, "id": "c-ok-3", "status": "WA"})
    assert ledger.wait_below(2, 0) and not ledger.wait_below(1, 0)
    outcome = Outcome(ledger.records, ledger.doubled, ledger.foreign)
    assert outcome.unanswered == ["c-ok-1"] and outcome.wrong == [("c-ok-3", "WA, not OK")]
    assert outcome.doubled == ["c-ok-2"] and outcome.foreign == ["c-ok-9"] and outcome.faults == 4
    second = ledger.records[1]
    assert (second.intended, second.sent, second.received, second.latency) == (1, 1.5, 3, 2)
    assert second.queue_ms == 5 and outcome.late_sends == 0.5


# ---- a whole plan, with answers of straw ----

def straw(load, seconds, warmup, run):
    """Records as a run would give them."""
    chance = random.Random(run)
    for n, p in enumerate(schedule.schedule(load, 4.0, seconds + warmup, str(run)), 1):
        took = {"tl": 1.1, "bf": 0.1}.get(p.outcome, 0.3) * chance.uniform(0.8, 1.5)
        r = answered(programs.id_of(p.language, p.outcome, n), p.at - warmup, took, run)
        r.status = p.outcome.upper()
        yield r


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The directory of a whole short plan, twice run."""
    pytest.importorskip("matplotlib")
    out, patch, asked = tmp_path_factory.mktemp("suite"), pytest.MonkeyPatch(), []

    def run_case(setup, case, run):
        asked.append((case.full_name, run))
        timing = setup.plan.timing
        records = list(straw(setup.plan.loads[case.load], case.window, timing.warmup, run))
        return Outcome(records, [], [])
    patch.setattr(main, "run_case", run_case)
    twice = dataclasses.replace(plan.SHORT, timing=plan.Timing(8, 4, 2))
    faults = main.Suite(Setup(twice, pathlib.Path(SCRC_BIN), None, out, "broker:1"), out).run()
    patch.undo()
    assert faults == 0
    return out, asked


def test_the_files_of_a_plan(results):
    out, asked = results
    for case in plan.SHORT.cases:
        runs = [record.read_csv(out / f"{case.full_name}__run-{n}.csv") for n in (1, 2)]
        assert all(r.run == n for n, records in enumerate(runs, 1) for r in records)
        assert min(r.intended for r in runs[0]) < 0  # the warm-up is in a run's file
        assert record.read_csv(out / f"{case.full_name}__aggregated.csv") == [
            r for records in runs for r in record.measured(records, case.window)]
    once = {c.what_is_measured: c for c in reversed(plan.SHORT.cases)}.values()
    assert sorted(asked) == sorted((c.full_name, run) for c in once for run in (1, 2))
    assert len(once) == 12


def test_the_manifest_of_a_plan(results):
    out, _ = results
    said = json.loads((out / "benchmark_manifest.json").read_text())
    assert said["plan"] == "short" and said["way"] == "kafka" and said["seed"] == 1
    assert said["machine"]["cores"] == os.cpu_count() and said["machine"]["memory_mib"] > 100
    assert said["versions"]["scrc"] and said["versions"]["commit"] != "unknown"
    assert said["versions"]["docker"] != "unknown"
    assert said["settings"].get("C_IMAGE") == os.environ.get("C_IMAGE")
    assert said["timing"] == {"warmup": 8, "cooldown": 4, "runs": 2}
    assert said["loads"]["light"]["per_minute"] == 40 and said["created"] and said["finished"]
    assert [f"{c['matrix']}__{c['name']}" for c in said["cases"]] == [
        c.full_name for c in plan.SHORT.cases]
    for case in said["cases"]:
        records = record.read_csv(out / case["aggregated"])
        assert case["submissions"] == len(records)
        assert case["throughput_per_minute"]["mean"] == pytest.approx(
            60 * len(records) / 2 / case["window"], abs=0.01)
        assert 0.1 < case["latency_seconds"]["p50"] < case["latency_seconds"]["p99"] < 2
        for run in case["runs"]:
            assert run["sent"] == len(record.read_csv(out / run["file"]))
            assert not run["unanswered"] and not run["wrong"]
    (same,) = [c for c in said["cases"] if c["name"] == "baseline"]
    assert same["measured_as"] == "single_runner__parallel-8"
    assert sorted(said["charts"]) == sorted(f"{name}{theme}.{kind}" for name in CHARTS
                                            for theme in ("", "-dark") for kind in ("svg", "png"))
    assert all((out / name).stat().st_size > 0 for name in said["charts"])


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart(results, name):
    """Well-formed, of the right size, small enough for a page, and dark where it says so."""
    out, _ = results
    looks = {}
    for theme in ("", "-dark"):
        svg, png = out / f"{name}{theme}.svg", (out / f"{name}{theme}.png").read_bytes()
        top = xml.parse(svg).getroot()
        assert top.tag == "{http://www.w3.org/2000/svg}svg"
        assert svg.stat().st_size < 150_000
        width, height = struct.unpack(">II", png[16:24])
        assert png[:8] == b"\x89PNG\r\n\x1a\n" and png[-8:-4] == b"IEND"
        assert width > 1000 and height > 500
        looks[theme] = svg.read_text()
        written = re.findall("<!-- (.*?) -->", looks[theme], re.S)  # beside the shapes of its letters
        assert all(text in " ".join(written) for text in (*CHARTS[name], " cores of ", " load ")), written
        in_cells = [text for text in written if re.fullmatch(r"\d\.\d\d s|305", text)]
        assert len(in_cells) == {"scaling_heatmap": 6, "language_latency_heatmap": 25}.get(
            name, len(in_cells))
    assert "#0d1117" in looks["-dark"] and "#0d1117" not in looks[""]


def suite(*arguments, **environment):
    return subprocess.run(["/usr/bin/python3", "-m", "suite", *map(str, arguments)], text=True,
                          cwd=os.path.join(ROOT, "tests/bench"), capture_output=True, timeout=120,
                          env={**os.environ, **environment}, stdin=subprocess.DEVNULL)


def test_charts_are_drawn_again_from_the_files(results, tmp_path):
    """The same, to the last byte: nothing else goes into them."""
    out, _ = results
    kept = {p.name: p.read_bytes() for p in out.glob("*.svg")}
    manifest = json.loads((out / "benchmark_manifest.json").read_text())
    for path in [*out.glob("*.svg"), *out.glob("*.png")]:
        path.unlink()
    done = suite("--render", out)
    assert done.returncode == 0, done.stderr
    assert {p.name: p.read_bytes() for p in out.glob("*.svg")} == kept and len(kept) == 12
    assert json.loads((out / "benchmark_manifest.json").read_text()) == manifest
    assert suite("--render", tmp_path).returncode == 2


def test_what_is_missing_or_wrong_is_named(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    wrong = answered("c-ok-2", 1, 0.5)
    wrong.wrong = "WA, not OK"
    records = [answered("c-ok-1", 0, None), wrong, *[answered(f"c-tl-{n}", 2, None)
                                                     for n in range(30)]]
    monkeypatch.setattr(main, "run_case", lambda *_: Outcome(records, ["c-ok-3"], ["other"]))
    monkeypatch.setattr(sys, "argv", ["suite", "--case", "single_runner__parallel-8", "--brokers", "b:1",
                                      "--out", str(tmp_path), "--program", SCRC_BIN])
    assert main.main() == 1
    said = capsys.readouterr().err
    for line in ("never answered: c-ok-1\n", "wrong: c-ok-2: WA, not OK\n", "answered twice: c-ok-3\n",
                 "not asked for: other\n", "never answered: 11 more of single_runner__parallel-8\n"):
        assert "run 1: " + line in said, said
    manifest = json.loads((tmp_path / "benchmark_manifest.json").read_text())
    (run,) = manifest["cases"][0]["runs"]
    assert len(run["unanswered"]) == 31 and run["wrong"] == [{"id": "c-ok-2", "why": "WA, not OK"}]
    assert run["doubled"] == ["c-ok-3"] and run["not_asked_for"] == ["other"]
    assert manifest["faults"] == 34


def test_usage():
    listed = suite("--full", "--list")
    assert listed.returncode == 0 and len(listed.stdout.splitlines()) == 25
    assert "scaling__replicas-3-parallel-12" in listed.stdout
    by_environment = suite("--list", BENCHMARK_PLAN="full", BENCHMARK_CASES="scaling language_latency")
    assert len(by_environment.stdout.splitlines()) == 15
    for wrong in (["--case", "nothing"], ["--plan", "/nowhere.json"], ["--unknown"]):
        assert suite(*wrong).returncode == 2
