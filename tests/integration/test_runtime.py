"""What makes the containers, RUNNER_RUNTIME, and how they end."""
import json
import shutil
import subprocess
import time
import urllib.parse

import pytest

from engines import DOCKER_HOST, containers, docker
from harness import run_scrc, wait_for

HELLO = {"language": "python", "source": "print(3)", "tests": [{"expected_output": "3"}]}


@pytest.fixture
def two_runtimes(engine):
    """The second dockerd, where "second" is another name of runc."""
    engine.stop()
    engine.start("--add-runtime", "second=" + shutil.which("runc", path="/usr/sbin:/usr/bin"))
    yield engine
    engine.stop()
    engine.start()


def runtimes(server, host):
    found = [docker(f"/containers/{c['Id']}/json", host) for c in containers(server, host)]
    return {c["HostConfig"]["Runtime"] for c in found if c}  # some are gone by now


def test_an_unknown_runtime_is_refused():
    code, out, err = run_scrc("--check", RUNNER_RUNTIME="nobody", seconds=60)
    assert code == 3 and "RUNNER_RUNTIME=nobody" in out and "runc" in out, out + err
    code, out, err = run_scrc(RUNNER_RUNTIME="nobody", seconds=60)
    assert code == 2 and "RUNNER_RUNTIME=nobody" in err and "only" in err, err


def test_cells_have_the_runtime(two_runtimes, fresh_server):
    _, out, _ = run_scrc("--check", DOCKER_HOST=two_runtimes.host, RUNNER_RUNTIME="second",
                         LANGUAGES="python", seconds=60)
    assert "second, as RUNNER_RUNTIME says" in out, out
    for runtime in ("second", ""):  # an empty one is Docker's default
        server = fresh_server(DOCKER_HOST=two_runtimes.host, RUNNER_RUNTIME=runtime).start().ready()
        assert server.judge(HELLO)["verdict"] == "OK"
        assert wait_for(lambda: runtimes(server, two_runtimes.host), 30) == {runtime or "runc"}
        assert server.terminate() == 0


def test_containers_end_by_themselves(fresh_server):
    """Docker would start runc once more to kill one that still runs when it is removed."""
    began = int(time.time()) - 1
    server = fresh_server(RUNNER_MAX_PARALLEL=1).start().ready()
    table = wait_for(lambda: containers(server), 30)[0]["Labels"]["scrc.table"]
    for _ in range(4):
        assert server.judge(HELLO)["verdict"] == "OK"
    assert server.terminate() == 0
    filters = urllib.parse.quote(json.dumps({"label": ["scrc.table=" + table],
                                             "event": ["destroy", "kill"]}))
    events = subprocess.run(
        ["curl", "-sf", "--unix-socket", DOCKER_HOST.removeprefix("unix://"),
         f"http://docker/events?since={began}&until={int(time.time()) + 1}&filters={filters}"],
        capture_output=True, check=True, timeout=60).stdout.decode().splitlines()
    ends = [json.loads(line)["Action"] for line in events]
    # On a host that is very busy one may not have ended in time.
    assert ends.count("destroy") >= 5 and ends.count("kill") < ends.count("destroy") / 2, ends
