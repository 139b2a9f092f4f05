"""RUNNER_RUNTIME: cells have the OCI runtime of that name; a name that Docker lacks is refused."""
import shutil

import pytest

from engines import containers, docker
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
