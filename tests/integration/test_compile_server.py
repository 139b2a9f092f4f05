"""A compile server that dies, hangs, lies or eats memory costs a build with the plain command, and no
verdict."""

import json

import pytest

from harness import IMAGES, submission, test

# A server for a language whose build copies the source. What it builds says so. The first line of a
# source may tell it to misbehave.
SERVER = r'''
import os, struct, sys, time
read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
def number():
    head = read(4)
    if len(head) < 4:
        sys.exit(0)
    return struct.unpack("<I", head)[0]
def text(): return read(number())
def answer(code, log, files, magic=b"crca"):
    archive = b"".join(struct.pack("<II", len(n), len(b)) + n + b for n, b in files)
    write(magic + struct.pack("<III", code, len(log), len(archive) if files else 0xffffffff) + log + archive)
    sys.stdout.buffer.flush()
served = 0
while True:
    if number() != 0x71637263:
        sys.exit(9)
    command = [text() for _ in range(number())]
    files = [(text(), text()) for _ in range(number())]
    artefact = text()
    assert artefact == b"out" and command[0] == b"sh", (artefact, command)
    served += 1
    name, source = files[0]
    built = [(name, source + b"\nprint('server', %d)\n" % served)]
    what = source.split(b"\n")[0].lstrip(b"# ").decode()
    if what == "dies": os.kill(os.getpid(), 9)
    if what == "exits": os._exit(0)
    if what == "hangs": time.sleep(600)
    if what == "spins":
        while True: pass
    if what == "leaks":
        all = []
        while True: all.append(bytearray(8 << 20))
    if what == "rubbish": write(os.urandom(4096)); sys.stdout.buffer.flush(); continue
    if what == "half": write(b"crca" + struct.pack("<III", 0, 0, 100) + b"x" * 50); sys.stdout.buffer.flush(); os._exit(0)
    if what == "magic": answer(0, b"", built, b"crcx"); continue
    if what == "status": answer(3, b"internal error", []); continue
    if what == "nothing": answer(0, b"", []); continue
    if what == "both": answer(1, b"error", built); continue
    if what == "huge": write(b"crca" + struct.pack("<III", 0, 0, 0xfffffffe)); sys.stdout.buffer.flush(); continue
    if what == "log": write(b"crca" + struct.pack("<III", 1, 0xfffffff0, 0xffffffff)); sys.stdout.buffer.flush(); continue
    if what == "fails": answer(1, b"main.py:1: error: no\n", []); continue
    if what == "warns": answer(0, b"main.py:1: careful\n", built); continue
    if what == "talks": answer(1, b"error\n" * 100000, []); continue
    answer(0, b"", built)
'''
ROW = {
    "image": IMAGES["PYTHON_IMAGE"], "run_image": IMAGES["PYTHON_IMAGE"], "source_name": "main.py",
    "build": ["sh", "-c", "mkdir out && (cat {source}; echo; echo \"print('plain')\") >out/main.py"],
    "collect": "tree", "artefact": "out", "run": ["python3", "main.py"],
    "compile_server": ["python3", "-c", SERVER],
    "hello": "print('scrc')\nraise SystemExit", # so it does not say what has built it
}
ODD = ["dies", "exits", "hangs", "spins", "leaks", "rubbish", "half", "magic", "status", "nothing",
       "both", "huge", "log"]


@pytest.fixture
def served(fresh_server, tmp_path):
    def start(row=ROW, **settings):
        (tmp_path / "own.json").write_text(json.dumps(row))
        settings = {"BUILD_TIME_LIMIT": "2s", "BUILD_MEMORY_LIMIT": "128MiB", "BUILD_CACHE_BYTES": 0,
                    "RUNNER_MAX_PARALLEL": 1, **settings}
        return fresh_server(LANGUAGES_DIR=str(tmp_path), LANGUAGES="own", **settings).start().ready()
    return start


def judge(server, source):
    report = server.judge(submission("own", source, [test("", "")]))
    return report, report["tests"][0]["stdout"].strip() if report["tests"] else None


def test_it_serves_one_build_after_the_other(served):
    server = served()
    assert [judge(server, f"# {n}")[1] for n in range(3)] == ["server 1", "server 2", "server 3"]
    report, _ = judge(server, "# fails")
    assert (report["verdict"], report["build_log"]) == ("BF", "main.py:1: error: no\n"), report
    report, out = judge(server, "# warns")
    assert (report["build_log"], out) == ("main.py:1: careful\n", "server 5"), report
    report, _ = judge(server, "# talks")
    assert report["verdict"] == "BF" and 60000 < len(report["build_log"]) < 66000
    assert judge(server, "# then")[1] == "server 7"
    assert "compile_server" not in server.log()


@pytest.mark.parametrize("how", ODD)
def test_what_it_does_not_do_the_plain_command_does(served, how):
    server = served()
    assert judge(server, "# first")[1] == "server 1"
    report, out = judge(server, f"# {how}")
    assert (report["verdict"], report["build_log"], out) == ("WA", "", "plain"), report
    assert report["attempts"] == 1, report
    assert "compile_server_failed" in server.log()
    assert judge(server, "# next")[1] == "server 1"  # a new one


def test_one_that_never_works_is_off(served):
    server = served({**ROW, "compile_server": ["python3", "-c", "import sys; sys.exit(1)"]})
    assert "compile_server_off" in server.log()
    assert judge(server, "# first")[1] == "plain"
    server = served({**ROW, "compile_server": ["/nowhere/compiler"]})
    assert judge(server, "# first")[1] == "plain"


def test_it_is_replaced_when_the_server_is_killed(served):
    server = served()
    assert judge(server, "# first")[1] == "server 1"
    server.restart(kill=True)
    server.ready()
    assert judge(server, "# second")[1] == "server 1"


def test_each_worker_has_its_own(served):
    """Two at a time: no build waits for another one, and no answer is another one's."""
    server = served(RUNNER_MAX_PARALLEL=2)
    sources = [f"# {n}\nprint('own', {n})" for n in range(40)]
    reports = server.judge_all([submission("own", s, [test("", "")]) for s in sources])
    for n, report in enumerate(reports):
        assert report["tests"][0]["stdout"].startswith(f"own {n}\n"), (n, report)
