"""GET /stats and GET /system: what the page shows."""

import os
import re
import time

import pytest

from harness import ON_POSTGRES, LANGUAGES, ROOT, submission, test, wait_for

COLUMNS = ("t", "submitted", "finished", "queued", "running", "cells_idle", "cells_taken")


def all_columns(stats):
    yield from ((name, stats[name]) for name in COLUMNS)
    yield from stats["by_verdict"].items()
    yield from stats["by_language"].items()
    yield from ((p["language"], p["counts"]) for p in stats["by_language_verdict"])
    for kind, quantiles in stats["latency_ms"].items():
        yield from ((f"{kind} {name}", column) for name, column in quantiles.items())


@pytest.mark.parametrize("query, step, length", [
    ("", 1, 900), ("?window=60", 1, 60), ("?window=901", 10, 91), ("?window=86400", 60, 1440),
    ("?window=600&step=60", 60, 10), ("?window=1", 1, 1)])
def test_columns_have_one_length(server, query, step, length):
    stats = server.get("/stats" + query).json
    assert stats["step_ms"] == step * 1000
    for name, column in all_columns(stats):
        assert len(column) == length, name
    assert stats["t"] == list(range(stats["t"][0], stats["t"][0] + step * length, step))
    assert abs(stats["t"][-1] - time.time()) <= step + 1


@pytest.mark.parametrize("query", [
    "window=0", "window=86401", "window=x", "window=", "window=1.5", "window=-1", "step=2",
    "window=901&step=1", "window=10801&step=10", "step=0", "window=99999999999999999999",
    "language=cobol", "language=", "verdict=ok", "verdict="])
def test_wrong_parameters_are_named(server, query):
    answer = server.get("/stats?" + query)
    assert answer.status == 422 and answer.json["errors"][0]["parameter"] in query


def test_what_is_judged_is_counted(fresh_server):
    server = fresh_server(LANGUAGES="python,c").start().ready()
    wait_for(lambda: server.get("/languages").json["languages"][0]["state"] == "ok", 60, "python")
    for expected in ("1\n", "1\n", "2\n"):
        server.judge(submission("python", "print(1)", [test("", expected)]))

    def counted():  # a report can be read a moment before it is counted
        stats = server.get("/stats?window=600&step=60").json
        return sum(stats["finished"]) == 3 and stats
    stats = wait_for(counted, 10, "all three are counted")
    assert sum(stats["submitted"]) == 3
    assert sum(stats["by_language"]["python"]) == 3 and sum(stats["by_language"]["c"]) == 0
    assert sum(stats["by_verdict"]["OK"]) == 2 and sum(stats["by_verdict"]["WA"]) == 1
    assert [(p["language"], p["verdict"], sum(p["counts"]))
            for p in stats["by_language_verdict"]] == [("python", "OK", 2), ("python", "WA", 1)]
    report = server.get("/results?limit=3").json["results"]
    total = [v for v in stats["latency_ms"]["total"]["p99"] if v is not None]
    assert total and max(total) >= max(r["duration_ms"] for r in report) * 0.9
    for narrowed, expected in (("language=python", 1), ("language=c", 0), ("verdict=WA", 1),
                               ("language=python&verdict=TL", 0), ("language=other", 0)):
        quantiles = server.get(f"/stats?window=86400&{narrowed}").json["latency_ms"]["total"]
        assert any(v is not None for v in quantiles["p50"]) == expected, narrowed
    assert set(stats["by_language"]) == {"python", "c"}
    assert any(v is not None for v in stats["running"])
    assert stats["present"]["final"] == 3 and stats["present"]["pool"]["made"] >= 1


def test_a_restart_forgets_no_curve(fresh_server):
    nowhere = {"JAVA_IMAGE": "scrc-local/nowhere", "JAVA_RUN_IMAGE": "scrc-local/nowhere"}
    server = fresh_server(**nowhere, LANGUAGES="python,java").start().ready()
    wait_for(lambda: server.get("/languages").json["languages"][0]["state"] == "ok", 60, "python")
    server.judge(submission("python", "print(1)", [test("", "1\n")]))
    server.judge(submission("python", "print(1)", [test("", "2\n")]))
    server.post(submission("java", "class Main {}", id="waits"))
    server.restart(kill=True)
    server.delete("waits")

    def known():
        stats = server.get("/stats?window=86400").json
        return sum(stats["finished"]) == 3 and stats
    stats = wait_for(known, 10, "what was before the start")
    assert sum(stats["submitted"]) == 3
    assert {(p["language"], p["verdict"]): sum(p["counts"]) for p in stats["by_language_verdict"]} \
        == {("python", "OK"): 1, ("python", "WA"): 1, ("java", "-"): 1}
    known = {kind: any(v is not None for v in q["p50"]) for kind, q in stats["latency_ms"].items()}
    assert known == {"total": True, "queue": True, "build": False, "run": False}
    told = server.get("/metrics").body.decode()  # counters are of this process
    assert 'scrc_submissions_finished_total{language="java",verdict="-"} 1' in told
    assert 'scrc_submissions_finished_total{language="python",verdict="OK"} 1' not in told


def test_the_oldest_and_why_it_waits(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0, LANGUAGES="python,c").start()
    assert server.get("/stats").json["present"]["oldest_queued"] is None
    server.post(submission("python", "1", id="first"))
    server.post(submission("c", "1", id="second"))

    def present():
        return server.get("/stats").json["present"]
    wait_for(lambda: present()["queued"] == 2, 10, "both are counted")  # of a shared table, a moment later
    oldest = present()["oldest_queued"]
    assert (oldest["id"], oldest["language"]) == ("first", "python")
    assert "RUNNER_MAX_PARALLEL" in oldest["reason"] and oldest["wait_ms"] >= 0
    server.delete("first")
    wait_for(lambda: present()["oldest_queued"]["id"] == "second", 10, "the next one")


# ---- system ----

def findings(server):
    return {f["name"]: f for f in server.get("/system").json["findings"]}


def test_system_tells_of_itself(server):
    system = server.get("/system").json
    own = system["server"]
    assert own["table"] and own["version"]
    if os.path.exists(os.path.join(ROOT, ".git")):
        assert re.fullmatch("[0-9a-f]{40}", own["commit"] or ""), own
    assert len(own["instance"]) == 8, "names of cells have twice as much of it"
    assert {"libmicrohttpd", "sqlite", "libpq", "jansson", "libcurl", "libsodium"} <= set(own["libraries"])
    assert system["process"]["pid"] == server.pid
    assert {x["name"] for x in system["languages"]} == set(LANGUAGES)
    for f in system["findings"]:
        assert f["says"], f
        if f["state"] != "ok":
            assert f["means"], f
    settings = {s["name"]: s for s in system["settings"]}
    assert settings["DATA_DIR"]["value"] == server.data and settings["DATA_DIR"]["is_set"]
    assert settings["MAX_TESTS"] == {"name": "MAX_TESTS", "value": "1000", "default": "1000",
                                     "is_set": False, "help": settings["MAX_TESTS"]["help"]}


def test_one_server_is_a_fleet_of_one(server):
    import socket
    [one] = server.get("/system").json["servers"]
    own = server.get("/system").json["server"]
    assert one == {"instance": own["instance"], "host": socket.gethostname(), "slots": 2,
                   "version": own["version"], "claims": one["claims"], "seen_ms": one["seen_ms"],
                   "over": False, "own": True}
    assert 0 <= one["seen_ms"] < 60000 if ON_POSTGRES else one["seen_ms"] == 0
    assert b"\nscrc_servers 1\n" in server.get("/metrics").body


def test_findings_are_kept_for_a_moment(server):
    first = server.get("/system").json["findings_at"]
    assert server.get("/system").json["findings_at"] == first


def test_docker_away(fresh_server):
    server = fresh_server(DOCKER_HOST="unix:///tmp/scrc-no-such.sock").start()
    docker = findings(server)["docker"]
    assert docker["state"] == "bad" and "/tmp/scrc-no-such.sock" in docker["says"]
    assert "-v /var/run/docker.sock" in docker["mend"]
    assert server.get("/stats").json["present"]["docker"]["answers"] is False


def test_no_permission(fresh_server):
    """The mend of a socket that is not ours to use names its group."""
    import socket
    import subprocess
    path = f"/tmp/scrc-perm-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        try:
            os.chmod(path, 0o660)
            server = fresh_server(DOCKER_HOST=f"unix://{path}")
            os.chmod(server.dir, 0o777)
            os.chmod(server.cells, 0o777)
            done = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                 os.environ.get("SCRC_BIN", "build/dev/scrc"), "--check"],
                env=server.environment(), capture_output=True, text=True)
            if "cannot execute" in done.stderr or done.returncode in (126, 127):
                pytest.skip("the program is where others cannot run it")
            assert "usermod -aG root USER" in done.stdout, done
        finally:
            os.unlink(path)


def test_nothing_is_judged_and_too_much_is_wanted(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    f = findings(server)["parallel"]
    assert f["state"] == "warn" and "RUNNER_MAX_PARALLEL" in f["mend"]
    server = fresh_server(RUNNER_MAX_PARALLEL=500).start()
    found = findings(server)
    assert found["parallel"]["state"] == "warn" and found["memory"]["state"] == "warn"
    assert "RUNNER_MEMORY_LIMIT" in found["memory"]["mend"]


def test_a_missing_image(fresh_server):
    server = fresh_server(LANGUAGES="python,java", JAVA_IMAGE="scrc-local/nowhere",
                          JAVA_RUN_IMAGE="scrc-local/nowhere").start().ready()
    images = findings(server)["images"]
    assert images["state"] == "warn" and "java" in images["says"] and images["mend"]
