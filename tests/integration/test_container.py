"""The server in a container: the Dockerfile's image, given nothing but Docker's socket."""

import fcntl
import os
import re
import subprocess
import uuid

import pytest

from broker import free_ports
from engines import DOCKER_HOST, docker
from harness import IMAGES, LANGUAGES, ROOT, Client, check_report, wait_for
from test_verdicts import simulated

IMAGE = "scrc-test/scrc"
BASE = "scrc-local/base"  # a Debian of our own, so that no registry is needed
SOCKET = DOCKER_HOST.removeprefix("unix://")
PYTHON = "-eLANGUAGES=python"


def run(*argv, seconds=60):
    done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds)
    assert done.returncode == 0, f"{argv}:\n" + done.stdout.decode(errors="replace")[-4000:]
    return done.stdout.decode().strip()


def build(name, *options):
    """Kept, so that the next build finds its layers; the one it replaces goes. Two at once make it once."""
    before = docker(f"/images/{name}/json")
    with open("/tmp/scrc-test-build.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run("docker", "build", "--network", "host", "--build-arg", f"BASE_IMAGE={BASE}",
            "--build-arg", f"RUN_BASE={BASE}", *options, "-t", name, ".", seconds=900)
    if before and before["Id"] != docker(f"/images/{name}/json")["Id"]:
        subprocess.run(["docker", "rmi", before["Id"]], capture_output=True)
    return name


@pytest.fixture(scope="module")
def image():
    run("bash", "-c", ". script/lib/images.sh && images_make base", seconds=300)
    return build(IMAGE)


@pytest.fixture(scope="module")
def simulator_image(image):
    """Out of the layers of the same build."""
    return build(IMAGE + "-simulator", "--target", "simulator")


class Container:
    def __init__(self, image, *options):
        self.name = f"scrc-test-{uuid.uuid4().hex[:8]}"
        settings = [f"-e{name}={value}" for name, value in IMAGES.items()]
        run("docker", "run", "-d", "--name", self.name, "--network", "host",
            "-v", f"{SOCKET}:/var/run/docker.sock", "-e", "HTTP_LISTEN=127.0.0.1:0",
            *settings, *options, image)

    def log(self):
        return run("docker", "logs", self.name)

    def client(self):
        def listening():
            assert self.inspect()["State"]["Running"], self.log()
            return re.search(r"event=listening\b.*address=(\S+)", self.log())
        client = Client(wait_for(listening, 30, "event=listening", pause=0.1).group(1))
        wait_for(lambda: client.get("/readyz").status == 200, 30, "readyz", pause=0.1)
        return client

    def health(self):
        """The word of its HEALTHCHECK, and what that said last."""
        health = self.inspect()["State"]["Health"]
        return health["Status"], (health["Log"] or [{"Output": ""}])[-1]["Output"]

    def inspect(self):
        return docker(f"/containers/{self.name}/json")

    def volume(self, path):
        (mount,) = (m for m in self.inspect()["Mounts"] if m["Destination"] == path)
        return mount

    def cells(self):
        source = self.volume("/run/scrc")["Source"] + "/"
        return [c for c in docker("/containers/json?all=1")
                if any(m.get("Source", "").startswith(source) for m in c["Mounts"])]

    def stop(self):
        """SIGTERM; returns the exit code."""
        run("docker", "stop", "-t", "40", self.name)
        return self.inspect()["State"]["ExitCode"]

    def remove(self):
        subprocess.run(["docker", "rm", "-f", "-v", self.name], capture_output=True)


@pytest.fixture
def container(image):
    made = []

    def make(*options):
        made.append(Container(image, *options))
        return made[-1]
    yield make
    for c in made:
        c.remove()


@pytest.fixture
def volume():
    name = run("docker", "volume", "create", f"scrc-test-{os.getpid()}")
    yield name
    run("docker", "volume", "rm", "-f", name)


def test_judges_five_languages(container):
    c = container()
    client = c.client()
    ids = [client.submit(simulated(language, "ok")) for language in LANGUAGES]
    reports = [client.report(id, 120) for id in ids]
    assert [r["verdict"] for r in reports] == ["OK"] * 5, reports
    assert client.judge(simulated("python", "wa"))["verdict"] == "WA"
    cells = c.cells()
    assert cells
    assert all(not m["RW"] for cell in cells for m in cell["Mounts"] if m["Type"] == "bind")
    assert c.stop() == 0
    assert c.cells() == []


def test_docker_tells_its_health(container):
    """Of one that judges, and of one beside it whose Docker is nowhere."""
    ports = free_ports(2)
    well, unwell = (container(PYTHON, f"-eHTTP_LISTEN=127.0.0.1:{port}", *more) for port, more in
                    zip(ports, ((), ("-eDOCKER_HOST=unix:///nowhere",))))
    wait_for(lambda: well.health()[0] == "healthy", 120, "healthy", pause=0.5)
    assert Client(f"127.0.0.1:{ports[0]}").judge(simulated("python", "ok"))["verdict"] == "OK"
    assert unwell.health()[0] != "healthy"
    wait_for(lambda: unwell.health()[0] == "unhealthy", 180, "unhealthy", pause=0.5)
    assert re.search(r"not ready.*Docker", unwell.health()[1])
    assert well.health()[0] == "healthy"
    assert [well.stop(), unwell.stop()] == [0, 0]


def test_a_named_volume_outlives_the_container(volume, container):
    options = "-v", f"{volume}:/var/lib/scrc", "-eLANGUAGES=c"
    first = container(*options)
    client = first.client()
    id = client.submit(simulated("c", "ok"))
    report = client.report(id)
    assert first.stop() == 0
    first.remove()
    again = container(*options).client().get(f"/results/{id}")
    assert again.status == 200 and check_report(again.json) == report


def test_warns_of_a_table_that_goes_with_the_container(volume, container):
    warning = re.compile(r"level=warning.*DATA_DIR")
    kept, lost = container("-v", f"{volume}:/var/lib/scrc", PYTHON), container(PYTHON)
    kept.client(), lost.client()
    assert warning.search(lost.log())
    assert not warning.search(kept.log())


def test_refuses_other_addresses_than_loopback_unasked(image):
    done = subprocess.run(["docker", "run", "--rm", "--network", "none",
                           "-e", "HTTP_LISTEN=0.0.0.0:8080", image],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert done.returncode == 2
    assert b"ALLOW_ANONYMOUS" in done.stderr


def test_does_without_root(volume, container):
    """As a user who may open the socket through its group, on a volume that was made for it."""
    group = str(os.stat(SOCKET).st_gid)
    c = container("--user", "scrc", "--group-add", group, "-v", f"{volume}:/var/lib/scrc",
                  "-eLANGUAGES=python,c")
    client = c.client()
    reports = [client.judge(simulated(language, "ok")) for language in ("python", "c")]
    assert [r["verdict"] for r in reports] == ["OK", "OK"], reports
    assert run("docker", "exec", c.name, "id", "-u") != "0"
    assert c.stop() == 0


def test_two_on_one_topic_and_the_simulator(broker, volume, container, simulator_image):
    """Servers with a DATA_DIR of their own on one volume, and what the profile load-generator is, on the
    host's network."""
    name = uuid.uuid4().hex[:8]
    topic, results = f"scripts-{name}", f"results-{name}"
    broker.create_topic(topic, 6)
    settings = {"KAFKA_BROKERS": broker.bootstrap, "KAFKA_TOPIC": topic,
                "KAFKA_RESULTS_TOPIC": results, "KAFKA_GROUP_ID": name}
    servers = [container("-v", f"{volume}:/var/lib/scrc", f"-eDATA_DIR=/var/lib/scrc/{n}",
                         *[f"-e{k}={v}" for k, v in settings.items()]) for n in range(2)]
    clients = [c.client() for c in servers]

    def shared():
        members = broker.members(name, topic)
        return sorted(members.values()) == [3, 3]
    wait_for(shared, 60, "three partitions each", pause=0.5)
    # The simulator waits a minute at most for the next report, and five languages twice at once may take longer.
    def all_ready():
        return all(len(set(re.findall(r"event=language_ready.* language=(\w+)", c.log()))) == 5 for c in servers)
    wait_for(all_ready, 300, "five languages each", pause=1)
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "host", "-e", f"KAFKA_BROKER={broker.bootstrap}",
         "-e", f"KAFKA_TOPIC={topic}", "-e", f"KAFKA_RESULTS_TOPIC={results}", simulator_image],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=240, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    judged = [[r["id"] for r in c.get("/results?limit=500").json["results"]] for c in clients]
    assert all(judged) and len(set(judged[0] + judged[1])) == 25 == sum(map(len, judged)), judged
    assert [c.stop() for c in servers] == [0, 0]


def test_simulator_image_is_not_root(simulator_image):
    done = run("docker", "run", "--rm", "--network", "none", "--entrypoint", "id", simulator_image,
               "-u")
    assert done == "65534"
    assert "SCRIPT_ITERATIONS" in run("docker", "run", "--rm", "--network", "none",
                                      simulator_image, "--help")
