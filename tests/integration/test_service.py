"""scrc under a service manager: what it sends to NOTIFY_SOCKET. The manager is a real datagram socket here."""

import ctypes
import os
import socket
import threading
import time

import pytest

from harness import ROOT, run_scrc, submission, test, wait_for

BEAT = 2.0  # seconds within which a beat is asked for: WATCHDOG_USEC


class Manager:
    """What a unit's manager hears: (when, NAME=VALUE)."""

    def __init__(self, path):
        self.name, self.heard = path, []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + path[1:] if path[0] == "@" else path)
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self):
        while text := self.socket.recv(4096).decode():
            self.heard += [(time.monotonic(), line) for line in text.split("\n")]

    def times(self, what):
        return [at for at, line in list(self.heard) if line.startswith(what)]

    def wait(self, what, after=0.0):
        """When it came first since `after`."""
        return wait_for(lambda: next((at for at in self.times(what) if at > after), None), 60, what)

    def lines(self):
        return [line for _, line in list(self.heard)]

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"", self.socket.getsockname())


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path):
    path = str(tmp_path / "n") if request.param == "file" else f"@scrc-test-{os.getpid()}-{time.monotonic_ns()}"
    m = Manager(path)
    yield m
    m.close()


def watched(fresh_server, manager, **settings):
    return fresh_server(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC=int(BEAT * 1e6), **settings)


def test_ready_beats_and_stopping(fresh_server, manager):
    server = watched(fresh_server, manager).start()
    assert server.get("/healthz").status == 200
    manager.wait("READY=1")
    manager.wait("STATUS=judging")
    first = manager.wait("WATCHDOG=1")
    server.submit(submission("python", "import time\ntime.sleep(3)\nprint(1)", [test("", "1")], id="runs"))
    server.wait_running("runs")
    wait_for(lambda: len(manager.times("WATCHDOG=1")) >= 8, 60, "beats")
    last = manager.times("WATCHDOG=1")[-1]
    assert last > first
    assert not server.logged("hangs")
    server.submit(submission("python", "import time\ntime.sleep(3)\nprint(1)", [test("", "1")], id="last"))
    server.wait_running("last")
    assert server.terminate() == 0
    stopping = manager.wait("STOPPING=1")
    assert stopping > last
    assert manager.times("WATCHDOG=1")[-1] > stopping, "it lives while it ends"
    lines = manager.lines()
    assert lines.count("READY=1") == lines.count("STOPPING=1") == 1 and lines[0] == "READY=1", lines


class Held:
    """One thread of a process stands still, as if it hung in the kernel."""

    SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, pid, name):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/comm") as f:
                if f.read().strip() == name:
                    self.thread = int(thread)
        self.libc = ctypes.CDLL(None, use_errno=True)

    def ptrace(self, request):
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        assert self.libc.ptrace(request, self.thread, None, None) == 0, os.strerror(ctypes.get_errno())

    def __enter__(self):
        self.ptrace(self.SEIZE)
        self.ptrace(self.INTERRUPT)
        os.waitpid(self.thread, self.WALL)
        return self

    def __exit__(self, *_):
        self.ptrace(self.DETACH)


@pytest.mark.parametrize("manager", ["file"], indirect=True)
def test_a_writer_that_hangs_stops_the_beats(fresh_server, manager):
    server = watched(fresh_server, manager).start().ready()
    manager.wait("WATCHDOG=1")
    with Held(server.pid, "table-writer"):
        wait_for(lambda: server.logged("hangs"), 60, "it is noticed")
        since = time.monotonic()
        time.sleep(2 * BEAT)  # in which nothing happens
        assert not [at for at in manager.times("WATCHDOG=1") if at > since]
        assert server.get("/healthz").status == 200  # all else lives
    back = time.monotonic()
    manager.wait("WATCHDOG=1", after=back)
    assert server.judge(submission("python", "print(1)", [test("", "1")]))["verdict"] == "OK"
    assert server.terminate() == 0


@pytest.mark.parametrize("manager", ["file"], indirect=True)
def test_a_docker_that_is_away_stops_none(fresh_server, manager):
    """A new start would not bring it back."""
    server = watched(fresh_server, manager, DOCKER_HOST="unix:///nowhere/docker.sock").start()
    ready = manager.wait("READY=1")
    manager.wait("STATUS=not ready: ")
    manager.wait("WATCHDOG=1", after=ready + 2 * BEAT)
    assert server.terminate() == 0


@pytest.mark.parametrize("settings, wanted", [
    ({"WATCHDOG_USEC": ""}, False), ({"WATCHDOG_USEC": "soon"}, False),
    ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, False), ({"WATCHDOG_USEC": "500000"}, True),
])
@pytest.mark.parametrize("manager", ["file"], indirect=True)
def test_who_wants_beats(fresh_server, manager, settings, wanted):
    server = fresh_server(NOTIFY_SOCKET=manager.name, RUNNER_MAX_PARALLEL=0, **settings).start()
    manager.wait("STATUS=")
    if wanted:
        manager.wait("WATCHDOG=1")
    assert ("WATCHDOG=1" in manager.lines()) == wanted
    assert server.terminate() == 0
    assert ("WATCHDOG=1" in manager.lines()) == wanted


@pytest.mark.parametrize("name", ["/nowhere/socket", "relative", "", "/", "@", "/tmp/" + "x" * 200])
def test_nobody_listens(fresh_server, name):
    server = fresh_server(NOTIFY_SOCKET=name, WATCHDOG_USEC=1000000, RUNNER_MAX_PARALLEL=0).start()
    assert server.get("/healthz").status == 200
    assert server.terminate() == 0


@pytest.mark.parametrize("manager", ["file"], indirect=True)
def test_a_start_that_fails_is_never_ready(fresh_server, manager):
    server = fresh_server(NOTIFY_SOCKET=manager.name, HTTP_LISTEN="nonsense").spawn()
    assert server.process.wait(60) == 2
    assert "READY=1" not in manager.lines()


def test_version_and_commit(server):
    build = server.get("/system").json["server"]
    code, out, _ = run_scrc("--version")
    commit = f" (commit {build['commit'][:12]})" if build["commit"] else ""
    assert (code, out) == (0, f"scrc {build['version']}{commit}\n")
    with open(os.path.join(ROOT, "CMakeLists.txt")) as f:
        assert f"project(scrc VERSION {build['version']} " in f.read()
    with open(os.path.join(ROOT, "CHANGELOG.md")) as f:
        assert f"\n## [{build['version']}] - " in f.read()
