"""The benchmark suite (tests/bench/suite), a real run of seconds: servers, broker, files, charts."""

import json
import os
import subprocess

import pytest

from broker import Broker, need_kafka, running
from harness import IMAGES, ROOT, SCRC_BIN
from test_suite import record

PIPE = os.path.join(os.path.dirname(SCRC_BIN), "tests/simulator/kafka-pipe")
MIX = {"per_minute": 90, "languages": {"c": 1, "python": 1}, "outcomes": {"ok": 1, "wa": 1, "bf": 1}}


def plan_of(*cases):
    """Each is (matrix, replicas, pace, window)."""
    return json.dumps({
        "timing": {"warmup": 2, "cooldown": 1, "runs": 1}, "loads": {"small": MIX},
        "cases": [{"matrix": matrix, "name": pace, "load": "small", "replicas": replicas,
                   "parallel": 1, "pace": pace, "window": window}
                  for matrix, replicas, pace, window in cases]})


def run_suite(directory, *cases, **environment):
    """(exit code, manifest, stderr) of a plan of these cases."""
    own = directory / "plan.json"
    own.write_text(plan_of(*cases))
    done = subprocess.run(
        ["/usr/bin/python3", "-m", "suite", "--plan", own, "--out", directory, "--program", SCRC_BIN,
         "--pipe", environment.pop("PIPE", PIPE)], cwd=os.path.join(ROOT, "tests/bench"), text=True,
        env={**os.environ, **IMAGES, "LANGUAGES": "python,c", "KAFKA_BROKERS": "", **environment},
        stdin=subprocess.DEVNULL, capture_output=True, timeout=200)
    manifest = directory / "benchmark_manifest.json"
    return done.returncode, json.loads(manifest.read_text()) if manifest.exists() else None, done.stderr


def test_a_run_through_kafka(tmp_path):
    """Two servers share the topic; every submission is answered once, and rightly."""
    need_kafka()
    pytest.importorskip("matplotlib")
    with running(Broker({"num.partitions": 4})) as broker:
        code, said, stderr = run_suite(tmp_path, ("language_latency", 2, "scheduled", 10),
                                       KAFKA_BROKERS=broker.bootstrap)
    assert code == 0 and said["faults"] == 0 and said["way"] == "kafka", stderr
    (case,) = said["cases"]
    (run,) = case["runs"]
    sent = record.read_csv(tmp_path / run["file"])
    assert run["sent"] == len(sent) > 10 and run["unanswered"] == []
    assert {r.language for r in sent} == {"c", "python"} and not any(r.wrong for r in sent)
    assert all(r.received > r.sent >= r.intended for r in sent)
    counted = record.read_csv(tmp_path / case["aggregated"])
    assert counted == record.measured(sent, 10) and 0 < len(counted) < len(sent)
    assert case["submissions"] == len(counted)
    assert {"language_latency_heatmap.svg", "language_latency_boxplot-dark.png"} <= set(said["charts"])


def test_without_a_broker_over_http(tmp_path):
    """One server is never without work: at its most, as many are out as the backlog says."""
    pytest.importorskip("matplotlib")
    code, said, stderr = run_suite(tmp_path, ("single_runner", 1, "saturating", 3),
                                   ("scaling", 2, "saturating", 3))
    assert code == 0 and said["faults"] == 0 and said["way"] == "http", stderr
    (case,) = said["cases"]  # two servers cannot share HTTP
    sent = record.read_csv(tmp_path / case["runs"][0]["file"])
    out = [sum(other.sent <= r.sent < other.received for other in sent) for r in sent]
    assert max(out) == case["backlog"] and len(sent) > case["backlog"]
    assert "scaling" not in {c["matrix"] for c in said["cases"]} and "no broker" in stderr


def test_a_way_to_kafka_that_breaks_off(broker, tmp_path):
    """It ends after the first line: the suite says so, and ends its server."""
    pipe = tmp_path / "pipe"
    pipe.write_text("#!/bin/sh\necho ready\nread -r line\nexit 7\n")
    pipe.chmod(0o755)
    code, said, stderr = run_suite(tmp_path, ("single_runner", 1, "scheduled", 30), PIPE=pipe,
                                   KAFKA_BROKERS=broker.bootstrap)
    assert code == 3 and "ended with 7" in stderr and said is None, stderr


def test_a_broker_that_is_none(tmp_path):
    code, said, stderr = run_suite(tmp_path, ("single_runner", 1, "saturating", 3),
                                   KAFKA_BROKERS="127.0.0.1:1")
    assert code == 3 and "127.0.0.1:1" in stderr and said is None
