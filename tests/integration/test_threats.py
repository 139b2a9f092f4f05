"""Rows of the threat table (SECURITY.md) that have no other home: what the engine is asked, what it
does not enforce, and what a report lets through."""

import os
import re
import subprocess

import pytest

from engines import WatchedEngine, docker
from harness import LONG, run_scrc, submission, test, wait_for

HELLO = submission("c", "#include <stdio.h>\nint main(void) { puts(\"hi\"); }", [test("", "hi")])

# All that we ask Docker for. Nothing of a program goes through it: no archive, export, attach, exec,
# logs or commit of a container.
ASKED = [re.compile(pattern + r"(\?.*)?") for pattern in (
    r"GET /_ping", r"GET (/v1\.\d+)?/version", r"GET /v1\.\d+/info",
    r"GET /v1\.\d+/images/[^?]+/json", r"GET /v1\.\d+/containers/json",
    r"GET /v1\.\d+/containers/[\w.-]+/json",
    r"POST /v1\.\d+/containers/create", r"POST /v1\.\d+/containers/[\w.-]+/(start|update|kill|wait)",
    r"DELETE /v1\.\d+/containers/[\w.-]+",
    r"POST /v1\.\d+/volumes/create", r"GET /v1\.\d+/volumes\?filters=.*", r"DELETE /v1\.\d+/volumes/[\w.-]+",
    r"POST /v1\.\d+/images/create")]


def odd(calls):
    return sorted({f"{method} {path}" for method, path in calls
                   if not any(a.fullmatch(f"{method} {path}") for a in ASKED)})


def test_docker_is_asked_for_nothing_else(fresh_server, tmp_path):
    """B9: a whole life with a build, a run, an artefact, a flood and a cancelled one."""
    engine = WatchedEngine(str(tmp_path / "docker.sock"))
    server = fresh_server(LANGUAGES="c,python", DOCKER_HOST=engine.host).start().ready()
    reports = server.judge_all([
        HELLO, submission("python", "print('x' * 100000)", [test("", "y")], 3000, 48),
        submission("c", "int main(void) { for (;;); }", [test()], 200),
        submission("c", "no C", [test()])])
    assert [r["verdict"] for r in reports] == ["OK", "WA", "TL", "BF"], reports
    cancelled = server.submit(submission("c", "int main(void) { for (;;); }", [test()], 60_000))
    server.wait_running(cancelled)
    assert server.delete(cancelled).status == 200
    assert server.terminate() == 0
    assert len(engine.calls) > 20 and odd(engine.calls) == [], odd(engine.calls)
    docker("/v1.41/containers/nobody/archive?path=/", engine.host)
    assert odd(engine.calls) == ["GET /v1.41/containers/nobody/archive?path=/"]  # it would be seen
    engine.close()


@pytest.mark.parametrize("key", ["MemoryLimit", "PidsLimit", "CpuCfsQuota"])
def test_a_host_without_a_controller_is_refused(tmp_path, key):
    """M7: with exit code 3, and which it is; --check says it too."""
    def change(method, path, document):
        return {**document, key: False} if path.endswith("/info") else document
    engine = WatchedEngine(str(tmp_path / "docker.sock"), change)
    try:
        code, _, err = run_scrc(DOCKER_HOST=engine.host, LANGUAGES="c", seconds=60)
        assert code == 3 and key in err, (code, err)
        _, out, _ = run_scrc("--check", DOCKER_HOST=engine.host, LANGUAGES="c", seconds=60)
        assert re.search(r"controllers +missing: (memory|pids|cpu)", out), out
    finally:
        engine.close()


@pytest.mark.parametrize("limit", ["PidsLimit", "Memory", "ReadonlyRootfs"])
def test_a_limit_that_docker_drops_is_noticed(fresh_server, tmp_path, limit):
    """M7: Docker takes the order and does not keep it. No program runs, and we say why."""
    def change(method, path, document):
        if method == "GET" and re.search(r"/containers/[\w.-]+/json$", path):
            document["HostConfig"][limit] = False if limit == "ReadonlyRootfs" else 0
        return document
    engine = WatchedEngine(str(tmp_path / "docker.sock"), change)
    server = fresh_server(LANGUAGES="c", DOCKER_HOST=engine.host).start()
    id = server.submit(HELLO)
    wait_for(lambda: limit in server.get("/languages").body.decode() or
             limit in server.get("/readyz").body.decode() or
             limit in server.get("/results/" + id).body.decode(), 30, "its name in what we say")
    answer = server.get(f"/results/{id}?wait=2")
    assert answer.status == 202 or answer.json["verdict"] == "-", answer
    assert server.terminate() == 0
    engine.close()


def test_what_was_just_built_can_be_executed(fresh_server):
    """P15: no spurious ETXTBSY, however many are built and executed at once; fresh from the compiler
    and from the build cache."""
    server = fresh_server(LANGUAGES="c", RUNNER_MAX_PARALLEL=8).start().ready()
    many = [submission("c", f"#include <stdio.h>\nint main(void) {{ puts(\"{i}\"); }}",
                       [test("", str(i))] * 3) for i in range(1000 if LONG else 32)]
    for _ in range(2):
        reports = server.judge_all(many, 1800 if LONG else 240)
        wrong = [r for r in reports if r["verdict"] != "OK" or r["attempts"] != 1]
        assert not wrong, wrong[:3]


def test_comparing_takes_none_of_a_programs_time(server):
    """A16: what the checker does with the expected output shows in no time of a test."""
    tokens = 300_000
    source = ("#include <stdio.h>\n#include <string.h>\nstatic char all[%d];\nint main(void) {\n"
              "for (int i = 0; i < %d; i++) memcpy(all + 4 * i, \"1.5 \", 4);\n"
              "return fwrite(all, 1, sizeof all, stdout) == 0; }" % (4 * tokens, tokens))
    report = server.judge(submission("c", source, [test("", "1.50 " * tokens)] * 4, 5000,
                                     checker="float"))
    assert report["verdict"] == "OK", report["error"]
    own = sum(t["duration_ms"] for t in report["tests"])
    assert own < report["run_ms"] / 2, (own, report["run_ms"])


# As nobody: everything below these directories that can be listed, read, or connected to.
PRY = """
import os, socket, sys
for top in sys.argv[1:]:
    try: os.listdir(top); print('listed', top)
    except OSError: pass
    for at, dirs, files in os.walk(top):
        for path in (os.path.join(at, n) for n in files):
            try: open(path, 'rb').read(1); print('read', path)
            except OSError: pass
            try:
                s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                s.connect(path); print('reached', path)
            except OSError: pass
for name in ('scrc.db', 'scrc.db-wal'):
    try: open(os.path.join(sys.argv[1], name), 'rb').read(1); print('read', name)
    except OSError: pass
"""


def test_other_users_of_the_host_see_nothing(fresh_server):
    """Neither the table nor a cell's socket, also where the directories were there before, open
    to all."""
    server = fresh_server(LANGUAGES="c")
    os.mkdir(server.data)
    for directory in (server.dir, server.data, server.cells):
        os.chmod(directory, 0o755)
    server.start().ready()
    assert server.judge(HELLO)["verdict"] == "OK"
    done = subprocess.run(["/usr/bin/python3", "-c", PRY, server.data, server.cells], user=65534,
                          group=65534, extra_groups=[], cwd="/", capture_output=True, check=True)
    found = done.stdout.decode().splitlines()
    assert not [line for line in found if line != f"listed {server.data}"], found
