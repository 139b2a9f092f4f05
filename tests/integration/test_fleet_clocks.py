"""Servers of a fleet whose clocks differ by an hour: no lease ends, nothing is lost, and what is measured
between two of them is right, because the clock of the database counts."""

import datetime
import glob
import subprocess

import pytest

from engines import WatchedEngine, docker
from fleet import LEASE_SECONDS, printing
from harness import IMAGES, wait_for

FAKETIME = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") or [None])[0]
HOUR = 3600

pytestmark = pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")


def shifted(seconds):
    """Settings of a server whose wall clock goes so far ahead; what it measures durations by is right."""
    return {"LD_PRELOAD": FAKETIME, "FAKETIME": f"{seconds:+d}", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1", "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}


def seconds_since(timestamp):
    then = datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    return (datetime.datetime.now(datetime.timezone.utc) - then).total_seconds()


def test_clocks_an_hour_apart(fleet):
    servers = [fleet.start(1, **settings)[0] for settings in (shifted(HOUR), {}, shifted(-HOUR))]
    fleet.ready()
    ahead, right, behind = servers
    logged = [abs(seconds_since(s.logged("listening")[0].split()[0].removeprefix("time="))) for s in servers]
    assert logged[0] > HOUR - 60 and logged[1] < 300 and logged[2] > HOUR - 60, "their clocks differ"
    work = {}
    for number in range(30):
        sent, verdict = printing(number, 0.05)
        work[servers[number % 3].submit(sent)] = verdict
    fleet.wait_final(120, len(work))
    fleet.check(work, *servers)
    judged = [sum(f"job={id} " in line for line in s.logged("finished") for id in work) for s in servers]
    assert min(judged) > 0, judged
    for id in work:
        report = right.report(id)
        assert 0 <= report["queue_ms"] < 300_000, report["queue_ms"]
        assert abs(seconds_since(report["timestamp"])) < 300, report["timestamp"]
    for server in servers:
        stats = server.get("/stats?window=600").json
        assert abs(seconds_since(stats["present"]["at"])) < 60, stats["present"]["at"]
        assert server.metric("scrc_queue_oldest_age_seconds") < 300
        listed = server.get("/system").json["servers"]
        assert len(listed) == 3 and all(0 <= s["seen_ms"] < 60_000 for s in listed), listed
    # Longer than a lease lasts.
    beats = fleet.number("SELECT min(beat) FROM server")
    wait_for(lambda: fleet.number("SELECT min(beat) FROM server") > beats + 10, 20 * LEASE_SECONDS, "all are alive")
    assert not fleet.lines("server_died") and not fleet.lines("lease_lost")
    assert fleet.number("SELECT count(*) FROM job WHERE restarts > 0") == 0
    assert fleet.number("SELECT count(*) FROM feed WHERE total_ms NOT BETWEEN 0 AND 300000"
                        " OR queue_ms NOT BETWEEN 0 AND 300000") == 0


def test_retention_by_the_clock_of_the_database(fleet):
    """A server ahead by an hour deletes nothing that others still keep."""
    (right,), (ahead,) = fleet.start(1, RETENTION="30m"), fleet.start(1, RETENTION="30m", **shifted(HOUR))
    sent, verdict = printing(1)
    for server in (right, ahead):
        server.ready()
    work = {right.submit(sent): verdict, ahead.submit(printing(2)[0]): "OK"}
    fleet.wait_final(60, 2)
    assert ahead.restart().ready()
    judged = ahead.judge(printing(3)[0])
    assert judged["verdict"] == "OK"
    fleet.check(work, right, ahead)
    assert fleet.number("SELECT count(*) FROM job WHERE expired <> 0") == 0


@pytest.fixture
def created():
    """The id of a container that another server has made and not started yet."""
    made = subprocess.run(["docker", "create", "--label", "scrc.instance=another", IMAGES["C_RUN_IMAGE"], "/none"],
                          capture_output=True, text=True, check=True).stdout.strip()
    yield made
    subprocess.run(["docker", "rm", "-f", made], capture_output=True)


def test_what_others_are_about_to_start_is_left(fresh_server, tmp_path, created):
    """The age of a container is by Docker's clock, and not by that of a server, which is another machine's here."""
    engine = WatchedEngine(str(tmp_path / "docker.sock"))
    fresh_server(LANGUAGES="c", DOCKER_HOST=engine.host, **shifted(HOUR)).start().ready()
    # When the third sweep has begun the first two are over.
    wait_for(lambda: sum("/containers/json" in path for _, path in engine.calls) > 2, 60, "sweeps")
    assert docker(f"/containers/{created}/json")["State"]["Status"] == "created"
    engine.close()


def test_what_docker_calls_old_is_removed(fresh_server, tmp_path, created):
    def change(method, path, document):
        if path.endswith("/info"):
            later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=HOUR)
            document["SystemTime"] = later.isoformat()
        if "/containers/json" in path:  # those of other tests are none of its business
            document = [container for container in document if container["Id"] == created]
        return document
    engine = WatchedEngine(str(tmp_path / "docker.sock"), change)
    fresh_server(LANGUAGES="c", DOCKER_HOST=engine.host).start().ready()
    wait_for(lambda: docker(f"/containers/{created}/json") is None, 60, "it is removed")
    engine.close()
