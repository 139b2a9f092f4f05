"""compose.yaml as Compose starts it: with servers of the Dockerfile, and Debian's programs in place of images that
only a registry has."""

import shutil
import uuid

import pytest
import yaml

import prometheus
from engines import docker
from harness import IMAGES, LONG, Client, submission, test, wait_for
from test_compose import config, docker_compose
from test_container import BASE, IMAGE, image, run  # noqa: F401

pytestmark = [pytest.mark.skipif(not shutil.which("docker-compose"), reason="no docker-compose"),
              pytest.mark.skipif(not LONG, reason="script/test --all runs it")]

SERVERS = ("server", "runner", "scrc-1", "scrc-2", "scrc-3")


def stand_in(name):
    """The image of that stage of compose/Dockerfile."""
    run("docker", "build", "--network", "host", "--build-arg", f"BASE={BASE}", "--target", name, "-t",
        f"scrc-test/{name}", "tests/integration/compose", seconds=900)
    return f"scrc-test/{name}"


class Composed:
    """A project of its own: what compose.yaml says of these profiles, but for images, languages and host ports."""

    def __init__(self, directory, images, *profiles):
        self.name, self.file = f"scrc-test-{uuid.uuid4().hex[:8]}", f"{directory}/compose.yaml"
        self.services = config(*profiles)
        for name, service in self.services["services"].items():
            service.pop("build", None)
            service["image"] = images.get(name, service["image"])
            if name in SERVERS:
                service["environment"].update(IMAGES, LANGUAGES="python")
            service["ports"] = [f"127.0.0.1::{port.rsplit(':', 1)[1].removesuffix('/tcp')}"
                                for port in service.get("ports", [])]
        with open(self.file, "w") as f:
            yaml.safe_dump(self.services, f)

    def call(self, *words, seconds=300):
        return docker_compose("-p", self.name, "-f", self.file, *words, seconds=seconds).strip()

    def up(self, *names):
        self.call("up", "-d", "--no-build", *names)
        return self

    def address(self, name, port):
        return self.call("port", name, str(port))

    def health(self, name):
        return docker(f"/containers/{self.call('ps', '-q', name)}/json")["State"]["Health"]["Status"]

    def down(self):
        print(self.call("logs", "--no-color", "--tail", "40"))
        self.call("down", "-v", "-t", "40")


@pytest.fixture
def composed(image, tmp_path):  # noqa: F811
    made = []

    def make(images, *profiles):
        made.append(Composed(tmp_path, {**dict.fromkeys(SERVERS, IMAGE), **images}, *profiles))
        return made[-1]
    yield make
    for c in made:
        c.down()


def test_http_and_monitoring(composed):
    c = composed({"prometheus": stand_in("prometheus")}, "http", "monitoring").up("server", "prometheus")
    wait_for(lambda: c.health("server") == "healthy", 180, "healthy", pause=1)
    server = Client(c.address("server", 8080))
    report = server.judge(submission("python", "print(input())", [test("1\n", "1\n")]))
    assert report["verdict"] == "OK"
    p = prometheus.Client("http://" + c.address("prometheus", 9090))
    wait_for(lambda: [value for _, value in p.query("scrc_ready")] == [1], 120, "its figures", pause=1)
    wait_for(lambda: len(p.rules()) > 20 and all(rule["health"] == "ok" for rule in p.rules()), 120, "rules", pause=1)
    assert p.query('sum(scrc_submissions_finished_total{job="scrc"})')[0][1] >= 0
