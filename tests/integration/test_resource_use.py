"""What a server takes: next to nothing where nothing is to do, and after many submissions of every kind
all is as it was (R6): in the server, in Docker, on the host."""

import glob
import os

from engines import WatchedEngine, docker
from harness import LONG, MIB, sanitized, submission, test, wait_for

COUNT = 10_000 if LONG else 32

KINDS = [  # language, source, limits, verdict
    ("python", "print({i})", {}, "OK"),
    ("c", "#include <stdio.h>\nint main(void) {{ printf(\"%d\\n\", {i}); }}", {}, "OK"),
    ("python", "print({i} + 1)", {}, "WA"),
    ("c", "int main(void) {{ for (;;); }} /* {i} */", {"time_limit_ms": 100}, "TL"),
    ("python", "x = bytearray({i} + (200 << 20))", {"memory_limit_bytes": 48 * MIB}, "ML"),
    ("c", "int main(void) {{ *(volatile int *)0 = {i}; }}", {}, "RE"),
    ("c", "#include <stdio.h>\nint main(void) {{ for (;;) puts(\"{i}\"); }}", {}, "OL"),
    ("c", "no program {i}", {}, "BF"),
]


def judge(server, begin, count):
    """Each kind in turn; every eighth is cancelled in time or too late."""
    sent = []
    for i in range(begin, begin + count):
        language, source, limits, verdict = KINDS[i % len(KINDS)]
        id = server.submit(submission(language, source.format(i=i), [test("", str(i))],
                                      limits=limits))
        if i % 8 == 3 and i % 16 < 8:
            verdict = "-" if server.delete(id).status == 200 else verdict
        sent.append((id, verdict))
    for id, verdict in sent:
        report = server.report(id, 3600 if LONG else 240)
        assert report["verdict"] == verdict, report


def held(server):
    """What the server's process holds, and where."""
    of = f"/proc/{server.pid}/"
    with open(of + "status") as f:
        status = dict(line.split(":", 1) for line in f)
    with open(of + f"task/{server.pid}/children") as f:
        children = len(f.read().split())
    return {"fds": len(os.listdir(of + "fd")), "threads": int(status["Threads"]),
            "children": children, "cells": len(os.listdir(server.cells)),
            "tmp": len(os.listdir(server.dir))}


def traces(ids):
    """Of containers that are gone: cgroups, mounts, processes, files of the engine."""
    with open("/proc/mounts") as f:
        mounts = f.read()
    groups = {os.path.basename(d).removeprefix("docker-").removesuffix(".scope")
              for depth in ("*/docker", "docker", "system.slice")
              for d in glob.glob(f"/sys/fs/cgroup/{depth}/*/")
              for d in [d.rstrip("/")]}
    root = docker("/info")["DockerRootDir"]
    processes = ""
    for path in glob.glob("/proc/[0-9]*/cgroup"):
        try:
            with open(path) as f:
                processes += f.read()
        except OSError:
            pass
    return [id[:12] for id in ids if id in groups or id in mounts or id in processes or
            os.path.exists(f"{root}/containers/{id}") or docker(f"/containers/{id}/json")]


def test_nothing_is_left_of_many(fresh_server, tmp_path):
    made = []

    def change(method, path, document):
        if path.partition("?")[0].endswith("/containers/create"):
            made.append(document["Id"])
        return document
    engine = WatchedEngine(str(tmp_path / "docker.sock"), change)
    server = fresh_server(LANGUAGES="c,python", DOCKER_HOST=engine.host, RUNNER_MAX_PARALLEL=2,
                          BUILD_CACHE_BYTES=0).start().ready()
    judge(server, 0, 16)  # now every shelf, thread and buffer is there
    wait_for(lambda: settled(server), 30, "a pool that rests", pause=0.1)
    before, rss = held(server), server.rss()
    judge(server, 16, COUNT)
    # A pool that could not give a cell at once keeps one more, for a minute; 60 s were at the edge of that.
    wait_for(lambda: settled(server) and not more(before, held(server)), 90,
             f"what it held before: {before}", pause=0.2)
    grown = server.rss() - rss
    print(before, held(server), f"{grown / MIB:.1f} MiB more, {len(made)} containers")
    if not sanitized():
        assert grown < 16 * MIB
    assert len(made) > COUNT / 2
    assert server.terminate() == 0
    assert os.listdir(server.cells) == []
    wait_for(lambda: not traces(made), 30, "no trace of a container", pause=0.5)
    engine.close()


def settled(server):
    present = server.get("/stats").json["present"]
    return present["pool"]["taken"] == 0 and present["pool"]["removing"] == 0


def more(before, now):
    return {name: (before[name], n) for name, n in now.items() if n > before[name]}


def test_idle_server_is_quiet(fresh_server):
    """No busy polling: an idle server uses next to no CPU."""
    server = fresh_server().start().ready()
    wait_for(lambda: all(l["state"] != "pending"
                         for l in server.get("/languages").json["languages"]), 60, "self-tests")
    server.judge(submission("python", "print('hi')", [test("", "hi")]))

    def rests():
        before = server.cpu_seconds()
        server.get("/results/nobody?wait=2")
        server.client.post(submission("python", "import time\ntime.sleep(2)", [test()], 5000),
                           "?wait=10")
        return server.cpu_seconds() - before < 0.15
    wait_for(rests, 15, "an idle server that rests")


def test_rss_with_a_long_queue(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    for i in range(300):
        server.submit(submission("python", "#" * 1000 + str(i)))
    if not sanitized():
        assert server.rss() < 64 * MIB
