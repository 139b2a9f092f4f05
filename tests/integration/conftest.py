import os
import shutil
import subprocess

import pytest

from broker import Broker, need_kafka
from engines import DOCKER_HOST, Engine, docker
from fleet import Fleet
from harness import IMAGES, ON_POSTGRES, SCRC_BIN, Server
from kafka import Topics
from postgres import Postgres, open_shared


def pytest_configure(config):
    if not os.access(SCRC_BIN, os.X_OK):
        pytest.exit(f"no scrc at {SCRC_BIN}: build it, or set SCRC_BIN", returncode=2)


# The files that take longest, first; the rest in the order of their names.
LONGEST = ("test_hostile", "test_container", "test_fleet_faults", "test_warm", "test_kafka_scaling", "test_kafka",
           "test_kafka_faults", "test_crash", "test_cell_reuse", "test_kafka_rights", "test_build_cache",
           "test_compile_server", "test_openapi_fuzz", "test_hostile_build", "test_kafka_storm", "test_fleet",
           "test_resource_use", "test_kafka_suite", "test_threats")
LANES = {"gw0": "broker", "gw1": "database"}


def lane(name):
    """What the tests of a file wait for most of their time; "" where they compute."""
    if "kafka" in name or name in ("test_container", "test_compose_up", "test_simulator"):
        return "broker"
    return "database" if "fleet" in name or name in ("test_store_check", "test_postgres", "test_crash") else ""


# Those that know no table, or their own database, say the same with SCRC_TEST_STORE=postgres; in
# test_kafka_scaling each server of one group has a table of its own, which one in a database has not.
NO_OTHER_TABLE = ("test_bench", "test_compose", "test_container", "test_cut_proxy", "test_fleet", "test_kafka_fleet",
                  "test_kafka_prometheus", "test_kafka_scaling", "test_kafka_storm", "test_move", "test_postgres",
                  "test_profile", "test_slots_of_before", "test_store_check", "test_suite", "test_upgrade")


def pytest_collection_modifyitems(config, items):
    if ON_POSTGRES:
        out = [i for i in items if i.path.stem.startswith(NO_OTHER_TABLE)]
        config.hook.pytest_deselected(items=out)
        items[:] = [i for i in items if i not in out]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With --dist loadfile: files with a broker or a database mostly wait, and the others compute. So one
    worker takes all with a broker, which is then started once, one those with a database, and the others the
    rest; whoever has no more of his own helps. A long file that begins last would be waited for alone."""
    from xdist.scheduler import LoadFileScheduling

    class Lanes(LoadFileScheduling):
        def _assign_work_unit(self, node):
            mine = LANES.get(node.gateway.id, "")

            def rank(scope):
                name = os.path.basename(scope).removesuffix(".py")
                place = LONGEST.index(name) if name in LONGEST else len(LONGEST)
                return lane(name) != mine, place
            self.workqueue.move_to_end(min(self.workqueue, key=rank), last=False)
            super()._assign_work_unit(node)
    return Lanes(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session", autouse=True)
def images_are_there():
    missing = [i for i in sorted(set(IMAGES.values())) if docker(f"/images/{i}/json") is None]
    assert not missing, f"images missing on {DOCKER_HOST}: {missing}"


@pytest.fixture(scope="session")
def server():
    """The one most tests share: default settings, both cores."""
    s = Server().start().ready()
    yield s
    still_alive = s.alive()
    code = s.terminate() if still_alive else s.process.returncode
    s.close()
    assert still_alive and code == 0, f"the shared server ended with {code}"


@pytest.fixture(scope="module")
def module_server():
    """module_server(**settings): as fresh_server(), but closed with the module."""
    yield from make_servers()


@pytest.fixture
def fresh_server():
    """fresh_server(**settings): own data, not started; closed with the test. Python only, for four
    more self-tests at each start cost seconds of both cores: LANGUAGES=None is all of them."""
    yield from make_servers()


def make_servers():
    made = []

    def make(**settings):
        made.append(Server(**{"LANGUAGES": "python", **settings}))
        return made[-1]
    yield make
    for s in made:
        s.close()


@pytest.fixture
def engine(_engine):
    """A second dockerd with python and the small run image; the test may kill it."""
    if _engine.process is None or _engine.process.poll() is not None:
        _engine.start()
    yield _engine


@pytest.fixture(scope="session")
def _engine():
    e = Engine()
    try:
        e.start()
        e.load(IMAGES["PYTHON_IMAGE"], IMAGES["C_RUN_IMAGE"])
        yield e
    finally:
        e.close()


@pytest.fixture
def broker(_broker):
    """A Kafka broker that tests share; one that a test ended is up again for the next."""
    if not _broker.alive():
        _broker.start()
    yield _broker


@pytest.fixture(scope="session")
def _broker():
    need_kafka()
    b = Broker()
    try:
        yield b
    finally:
        b.close()


@pytest.fixture
def topics(broker):
    return Topics(broker)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL that tests share, and that none of them ends."""
    p = open_shared()
    yield p
    p.close()


@pytest.fixture
def database(postgres):
    """The URL of a database of the test's own."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture
def own_postgres():
    """own_postgres(*words): a PostgreSQL of the test's own, which it may end; closed with the test."""
    made = []

    def make(*words):
        made.append(Postgres(*words))
        return made[-1]
    yield make
    for p in made:
        p.close()


@pytest.fixture
def fleet(database, fresh_server):
    """Servers on a database that no test ends; see Fleet. None is there yet."""
    return Fleet(database, fresh_server)


@pytest.fixture
def small_disk(tmp_path):
    """A directory of 96 MiB: what the table keeps in reserve, and some."""
    path = str(tmp_path / "disk")
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "scrc-test", path], check=True)
    yield path
    subprocess.run(["umount", "-l", path], check=True)
    shutil.rmtree(path, ignore_errors=True)
