"""GET /metrics as Prometheus reads it, and what is built on its names."""

import json
import re
import shutil
import subprocess
import time

import pytest

from harness import ROOT, sanitized, submission, test, wait_for

MONITORING = f"{ROOT}/server/monitoring"
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def samples(server):
    """{name{labels}: value}, the order of labels as written."""
    answer = server.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line.rsplit(" ", 1) for line in answer.body.decode().splitlines() if line[0] != "#"]
    assert len({name for name, _ in lines}) == len(lines), "a sample twice"
    return {name: float(value) for name, value in lines}


def families(server):
    return set(re.findall(r"^# TYPE (\S+)", server.get("/metrics").body.decode(), re.MULTILINE))


@promtool
def test_promtool_finds_nothing(server):
    server.judge(submission("python", "print(1)", [test("", "1\n")]))
    done = subprocess.run(["promtool", "check", "metrics"], input=server.get("/metrics").body,
                          capture_output=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, done


# What test_what_happens_is_counted does.
COUNTED = {
    'scrc_submissions_accepted_total{language="python"}': 2,
    'scrc_submissions_finished_total{language="python",verdict="OK"}': 1,
    'scrc_submissions_finished_total{language="python",verdict="WA"}': 1,
    'scrc_stage_duration_seconds_count{stage="queue"}': 2,
    'scrc_stage_duration_seconds_count{stage="run"}': 2,
    'scrc_stage_duration_seconds_count{stage="check"}': 3,
    "scrc_submission_duration_seconds_count": 2,
    'scrc_http_requests_total{method="POST",route="/submissions",code="202"}': 2,
    'scrc_http_requests_total{method="GET",route="/results/{id}",code="404"}': 1,
    'scrc_http_requests_total{method="",route="none",code="404"}': 1,
    'scrc_http_request_duration_seconds_count{method="POST",route="/submissions"}': 2,
}


def test_what_happens_is_counted(fresh_server):
    server = fresh_server().start().ready()
    wait_for(lambda: server.get("/languages").json["languages"][0]["state"] == "ok", 60, "python")
    before = samples(server)
    server.judge(submission("python", "print(1)", [test("", "1\n"), test("", "1\n")]))
    server.judge(submission("python", "print(1)", [test("", "2\n")]))
    server.get("/results/nobody")
    server.get("/nowhere")

    after = {}

    def grown(name):
        return after.get(name, 0) - before.get(name, 0)

    def counted():  # an answer can be read a moment before it is counted
        after.update(samples(server))
        return all(grown(name) == n for name, n in COUNTED.items())
    try:
        wait_for(counted, 10)
    except AssertionError:
        assert {name: grown(name) for name in COUNTED} == COUNTED
    assert grown('scrc_stage_duration_seconds_sum{stage="run"}') > 0
    assert grown("scrc_table_operations_total") >= 6  # accept, claim, finish, twice
    assert 0 < grown("scrc_table_commits_total") <= grown("scrc_table_operations_total")
    assert grown('scrc_docker_call_duration_seconds_count{call="create"}') >= 1
    assert after["scrc_ready"] == after["scrc_docker_up"] == after["scrc_table_writable"] == 1
    assert after['scrc_language_ready{language="python"}'] == 1
    assert after["scrc_cells_made_total"] >= 1
    assert after["process_resident_memory_bytes"] == pytest.approx(server.rss(), rel=0.2)
    assert abs(after["process_start_time_seconds"] - time.time()) < 120
    assert 10 < after["process_open_fds"] < after["process_max_fds"]


def test_queue_and_its_age(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    for _ in range(3):
        server.post(submission("python", "1"))
    wait_for(lambda: samples(server)["scrc_queue_oldest_age_seconds"] > 0.2, 10, "it grows old")
    assert samples(server)["scrc_queue_length"] == 3


def test_labels_are_bounded(server):
    """Whatever a client sends makes no new series."""
    known = None
    for i in range(20):
        server.get(f"/nowhere/{i}")
        server.request("POST", "/submissions", body={"language": f"l{i}", "source": ""})
        server.request(f"M{i}", "/results")
        now = {name for name in samples(server)}
        known = known or now
    assert now == known


def test_it_is_fast(server):
    times = []
    for _ in range(20):
        began = time.monotonic()
        server.get("/metrics")
        times.append(time.monotonic() - began)
    print(f"GET /metrics: {min(times) * 1000:.1f} ms")
    assert min(times) < (0.05 if sanitized() else 0.005)


# ---- what is built on it ----

def test_dashboard_and_alerts_know_only_real_names(server, fresh_server):
    server.judge(submission("python", "print(1)"))
    real = families(server) | {"up"}
    with_kafka = fresh_server(KAFKA_BROKERS="127.0.0.1:1").start()
    with open(f"{MONITORING}/dashboard.json") as f:
        board = json.load(f)
    texts = [t["expr"] for p in board["panels"] for t in p["targets"]]
    with open(f"{MONITORING}/alerts.yaml") as f:
        texts += re.findall(r"expr: (.*)", f.read())
    used = set()
    for text in texts:
        text = re.sub(r'"[^"]*"|\{[^}]*\}', "", text)
        used |= set(re.findall(r"\b(?:scrc|process)_\w+", text))
    used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    assert len(used) > 20
    assert used <= real | families(with_kafka), used - real
    # And what is counted is looked at.
    assert {name for name in real if name.startswith("scrc_")} - used <= {
        "scrc_build_info", "scrc_final"}


@promtool
def test_alert_rules():
    for command in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]):
        done = subprocess.run(["promtool", *command], cwd=MONITORING, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested():
    with open(f"{MONITORING}/alerts.yaml") as f:
        alerts = re.findall(r"- alert: (\w+)", f.read())
    with open(f"{MONITORING}/alerts.test.yaml") as f:
        tested = f.read()
    assert alerts
    for alert in alerts:
        assert tested.count(f"alertname: {alert}") == 2, alert
