"""compose.yaml as Compose starts it: with servers of the Dockerfile, and Debian's programs in place of images that
only a registry has."""

import json
import re
import shutil
import subprocess
import uuid

import pytest
import yaml

import prometheus
from broker import KAFKA_HOME, free_ports, need_kafka
from engines import docker
from harness import IMAGES, LONG, ROOT, Client, submission, test, wait_for
from test_compose import FLEET, SERVERS, config, docker_compose
from test_container import BASE, IMAGE, image, run, simulator_image  # noqa: F401
from test_kafka_suite import plan_of

pytestmark = [pytest.mark.skipif(not shutil.which("docker-compose"), reason="no docker-compose"),
              pytest.mark.skipif(not LONG, reason="script/test --all runs it")]



def stand_in(name):
    """The image of that stage of compose/Dockerfile."""
    run("docker", "build", "--network", "host", "--build-arg", f"BASE={BASE}", "--build-arg",
        f"JDK={IMAGES['JAVA_IMAGE']}", "--target", name, "-t",
        f"scrc-test/{name}", "tests/integration/compose", seconds=900)
    return f"scrc-test/{name}"


class Composed:
    """A project of its own: what compose.yaml says of these profiles, but for images, languages and host ports, and
    these settings of services by name."""

    def __init__(self, directory, images, settings, *profiles):
        self.name, self.file = f"scrc-test-{uuid.uuid4().hex[:8]}", f"{directory}/compose.yaml"
        self.profiles = [word for name in profiles for word in ("--profile", name)]
        composed = config(*profiles)
        for name, service in composed["services"].items():
            service.pop("build", None)
            service["image"] = images.get(name, service["image"])
            if name in (*SERVERS, "scrc-benchmark"):
                service["environment"].update(IMAGES, LANGUAGES="python")
            if name in settings:
                service["environment"].update(settings[name])
            service["ports"] = [f"127.0.0.1::{port.rsplit(':', 1)[1].removesuffix('/tcp')}"
                                for port in service.get("ports", [])]
            service["volumes"] = [v.replace(f"{ROOT}/logs", f"{directory}/logs") for v in service.get("volumes", [])]
            if name == "kafka":
                self.kafka(service)
        with open(self.file, "w") as f:
            yaml.safe_dump(composed, f)

    def kafka(self, service):
        """What it says to clients is where they find it. Its program is the one of all tests."""
        (port,) = free_ports(1)
        self.bootstrap = f"localhost:{port}"
        service["ports"] = [f"127.0.0.1:{port}:9092"]
        said = service["environment"]["KAFKA_ADVERTISED_LISTENERS"]
        service["environment"]["KAFKA_ADVERTISED_LISTENERS"] = said.replace("localhost:9092", self.bootstrap)
        service["volumes"].append(f"{KAFKA_HOME}:/opt/kafka:ro")

    def call(self, *words, seconds=300):
        return docker_compose("-p", self.name, "-f", self.file, *self.profiles, *words, seconds=seconds).strip()

    def up(self, *names):
        self.call("up", "-d", "--no-build", *names)
        return self

    def address(self, name, port):
        return self.call("port", name, str(port))

    def health(self, name):
        return docker(f"/containers/{self.call('ps', '-q', name)}/json")["State"]["Health"]["Status"]

    def ended(self, name, seconds):
        """Its exit code."""
        container = self.call("ps", "-q", name)

        def state():
            found = docker(f"/containers/{container}/json")["State"]
            return found["Status"] == "exited" and [found["ExitCode"]]
        return wait_for(state, seconds, f"{name} ends", pause=1)[0]

    def down(self):
        print(self.call("logs", "--no-color", "--tail", "40"))
        self.call("down", "-v", "-t", "40")


@pytest.fixture
def composed(image, tmp_path):  # noqa: F811
    made = []

    def make(images, *profiles, **settings):
        made.append(Composed(tmp_path, {**dict.fromkeys(SERVERS, IMAGE), **images}, settings, *profiles))
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
    wait_for(lambda: values(p, "scrc_ready") == [1], 120, "its figures", pause=1)
    wait_for(lambda: values(p, 'sum(scrc_submissions_finished_total{job="scrc",verdict="OK"})') == [1], 120, "it", pause=1)
    wait_for(lambda: len(p.rules()) > 20 and all(rule["health"] == "ok" for rule in p.rules()), 120, "rules", pause=1)


def values(p, expression):
    return [value for _, value in p.query(expression)]


def kcat(bootstrap, *words, data=None):
    done = subprocess.run(["kcat", "-b", bootstrap, *words], input=data, capture_output=True, timeout=120)
    assert done.returncode == 0, done
    return done.stdout


def test_fleet_and_monitoring(composed):
    need_kafka()
    images = {name: stand_in(name) for name in ("prometheus", "nginx", "postgres", "kafka")}
    c = composed(images, "fleet", "monitoring").up("nginx", "prometheus")
    wait_for(lambda: all(c.health(name) == "healthy" for name in FLEET), 300, "healthy", pause=2)
    nginx = Client(c.address("nginx", 80))
    ids = [nginx.submit(submission("python", "print(input())", [test("1\n", "1\n")])) for _ in range(9)]
    assert [nginx.report(id)["verdict"] for id in ids] == ["OK"] * 9
    kcat(c.bootstrap, "-P", "-t", "scripts",
         data=json.dumps({"id": "from-kafka", **submission("python", "print(1)", [test("", "1")])}).encode())
    wait_for(lambda: nginx.get("/results/from-kafka").status != 404, 120, "it is read", pause=1)
    assert nginx.report("from-kafka")["verdict"] == "OK"

    def published():
        reports = kcat(c.bootstrap, "-C", "-t", "script-results", "-o", "beginning", "-e", "-q").splitlines()
        return sorted(json.loads(r)["id"] for r in reports) == sorted(["from-kafka", *ids])
    wait_for(published, 120, "each report once", pause=1)

    p = prometheus.Client("http://" + c.address("prometheus", 9090))
    wait_for(lambda: values(p, "scrc_servers") == [3, 3, 3], 120, "three of three", pause=1)
    wait_for(lambda: values(p, "scrc_kafka_up") == [1, 1, 1], 120, "all have the broker", pause=1)
    c.call("stop", "-t", "40", "scrc-2")
    assert all(nginx.report(id)["verdict"] == "OK" for id in ids)
    wait_for(lambda: values(p, "max(scrc_servers)") == [2], 120, "two are left", pause=1)


def test_the_simulator_and_its_server_end(composed, simulator_image):  # noqa: F811
    """The server that was told how many there are ends when it has judged them, as the simulator does."""
    need_kafka()
    c = composed({"kafka": stand_in("kafka"), "simulator": simulator_image}, "single-runner", "load-generator",
                 runner={"SCRIPT_EXPECTED": "25", "LANGUAGES": None}, simulator={"SCRIPT_ITERATIONS": "1"})
    c.up("runner", "simulator")
    assert [c.ended("simulator", 400), c.ended("runner", 60)] == [0, 0]
    table = c.call("logs", "--no-color", "simulator")
    assert re.search(r"all +25 +25 +0 +0 +0", table), table


def test_benchmark(composed, tmp_path, simulator_image):  # noqa: F811
    """It leaves its files outside: what was measured, and charts of it."""
    need_kafka()
    run("docker", "build", "--network", "host", "--build-arg", f"SCRC_IMAGE={IMAGE}", "--build-arg",
        f"SIMULATOR_IMAGE={simulator_image}", "-f", "tests/bench/suite/Dockerfile", "-t", "scrc-test/benchmark", "tests",
        seconds=900)
    c = composed({"kafka": stand_in("kafka"), "scrc-benchmark": "scrc-test/benchmark"}, "benchmark",
                 **{"scrc-benchmark": {"LANGUAGES": "python,c", "BENCHMARK_PLAN": "/logs/benchmarks/plan.json"}})
    outside = tmp_path / "logs/benchmarks"
    outside.mkdir(parents=True)
    (outside / "plan.json").write_text(plan_of(("language_latency", 2, "scheduled", 10)))
    c.up("scrc-benchmark")
    assert c.ended("scrc-benchmark", 300) == 0
    said = json.loads((outside / "benchmark_manifest.json").read_text())
    assert said["faults"] == 0 and said["way"] == "kafka" and said["cases"][0]["submissions"] > 5
    assert all((outside / name).stat().st_size > 1000 for name in said["charts"]) and said["charts"]
