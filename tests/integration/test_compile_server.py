"""A compile server that dies, hangs, lies or eats memory costs a build with the plain command, and no
verdict."""

import functools
import json
import os
import pathlib
import signal
import time

import pytest

from engines import containers
from harness import IMAGES, LONG, submission, test, wait_for

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
    if what == "no archive": write(b"crca" + struct.pack("<III", 0, 0, 100) + b"x" * 100); sys.stdout.buffer.flush(); continue
    if what == "outside": answer(0, b"", [(b"../" + name, source)]); continue
    if what == "twice": answer(0, b"", [(name, source), (b"a", source), (name, source)]); continue
    if what == "in itself": answer(0, b"", [(name, source), (b"main.py!", source), (name + b"/x", source)]); continue
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
       "both", "no archive", "outside", "twice", "in itself", "huge", "log"]


def processes_of(server, word):
    """Pids of what runs in this server's containers and has that word in its command."""
    ours, found = [c["Id"] for c in containers(server)], []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cgroup") as group, open(f"/proc/{pid}/cmdline") as command:
                groups = group.read()
                if word in command.read() and any(id in groups for id in ours):
                    found.append(int(pid))
        except OSError:
            pass  # it has gone
    return found


def start_served(make, directory, row=ROW, **settings):
    (directory / "own.json").write_text(json.dumps(row))
    settings = {"BUILD_TIME_LIMIT": "2s", "BUILD_MEMORY_LIMIT": "128MiB", "BUILD_CACHE_BYTES": 0,
                "RUNNER_MAX_PARALLEL": 1, **settings}
    return make(LANGUAGES_DIR=str(directory), LANGUAGES="own", **settings).start().ready()


@pytest.fixture
def served(fresh_server, tmp_path):
    return functools.partial(start_served, fresh_server, tmp_path)


@pytest.fixture(scope="module")
def served_all(module_server, tmp_path_factory):
    """One server for all that may go wrong, which it gets over."""
    return start_served(module_server, tmp_path_factory.mktemp("served"))


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
def test_what_it_does_not_do_the_plain_command_does(served_all, how):
    server = served_all
    failed = len(server.logged("compile_server_failed"))
    assert judge(server, "# first")[1].startswith("server ")
    report, out = judge(server, f"# {how}")
    assert (report["verdict"], report["build_log"], out) == ("WA", "", "plain"), report
    assert report["attempts"] == 1, report
    wait_for(lambda: len(server.logged("compile_server_failed")) > failed, 10, "it is said")
    assert judge(server, "# next")[1] == "server 1"  # a new one


def test_one_that_never_works_is_off(served):
    server = served({**ROW, "compile_server": ["python3", "-c", "import sys; sys.exit(1)"]})
    wait_for(lambda: server.logged("compile_server_off"), 20)
    assert judge(server, "# first")[1] == "plain"
    server = served({**ROW, "compile_server": ["/nowhere/compiler"]})
    assert judge(server, "# first")[1] == "plain"


def test_one_that_does_not_answer_at_the_start_is_tried_again(served):
    """As on a machine that is busy at that moment; until then the plain command builds."""
    busy = f"import time, sys\nif time.time() < {time.time() + 10}: sys.exit(1)\n"
    server = served({**ROW, "compile_server": ["python3", "-c", busy + SERVER]})
    wait_for(lambda: server.logged("compile_server_off"), 20)
    assert judge(server, "# first")[1] == "plain"
    wait_for(lambda: "resident compiler" in server.log(), 60)
    wait_for(lambda: judge(server, "# second")[1].startswith("server "), 20)
    assert server.get("/languages").json["languages"][0]["accelerator"] == "resident compiler"
    assert server.logged("language_ready")[-1].count("resident compiler") == 1
    assert len(server.logged("language_ready")) < 5 # with growing intervals, and then no more


def test_it_is_replaced_when_the_server_is_killed(served):
    server = served()
    assert judge(server, "# first")[1] == "server 1"
    server.restart(kill=True)
    server.ready()
    assert judge(server, "# second")[1] == "server 1"


def test_each_worker_has_its_own(served):
    """Two at a time: no build waits for another one, and no answer is another one's."""
    server = served(RUNNER_MAX_PARALLEL=2)
    sources = [f"# {n}\nprint('own', {n})" for n in range(40 if LONG else 16)]
    reports = server.judge_all([submission("own", s, [test("", "")]) for s in sources])
    for n, report in enumerate(reports):
        assert report["tests"][0]["stdout"].startswith(f"own {n}\n"), (n, report)


# ---- Java's ----

MAIN = "public class Main {\n    public static void main(String[] a) {\n        %s\n    }\n}\n"
JAVA = {
    "plain": MAIN % 'System.out.println("hi");',
    "lambda": "import java.util.*;\n" + MAIN % "List.of(3, 1, 2).stream().sorted().forEach(System.out::println);",
    "nested": MAIN % "System.out.println(new Inner().x); } static class Inner { int x = 7;",
    "package": "package a.b.c;\n" + MAIN % 'System.out.println(Main.class.getName());',
    "two classes": "class Other { int f() { return 5; } }\n" + MAIN % "System.out.println(new Other().f());",
    "not Main": (MAIN % 'System.out.println("x");').replace("class Main", "class Solution"),
    "record": "record P(int x, int y) {}\n" + MAIN % "System.out.println(new P(1, 2));",
    "unicode": MAIN % 'System.out.println("\u00fcber \U0001f600");',
    "unchecked": "import java.util.*;\n" + MAIN % "List l = new ArrayList(); l.add(1); System.out.println(l);",
    "deprecated": MAIN % "System.out.println(new Integer(5));",
    "type error": MAIN % 'int x = "a"; String s = 5;',
    "syntax error": MAIN % "int = ;",
    "no such class": MAIN % "Nowhere n = new Nowhere();",
    "of the one before": MAIN % "System.out.println(new Other().f());",
    "of the server": MAIN % "CompileServer c = null;",
    "no main": "public class Main { int x; }\n",
    "nothing": " ",
    "error in Unicode": MAIN % 'int \u00fc = "\u20ac";',
    "processor": "import javax.annotation.processing.*;\n@SupportedAnnotationTypes(\"*\")\n" + MAIN % 'System.out.println("p");',
    "many errors": MAIN % "".join(f"int v{n} = x{n};\n" for n in range(150)),
    "deep": MAIN % ("int x = " + "(" * 5000 + "1" + ")" * 5000 + "; System.out.println(x);"),
    "long string": MAIN % ('String s = "' + "x" * 70000 + '"; System.out.println(s.length());'),
    "constant": MAIN % "final int X = 1 / 0; System.out.println(X);",
    "switch": MAIN % 'String r = switch (a.length) { case 0 -> "none"; default -> "some"; }; System.out.println(r);',
}
LONG_ONLY = {"plain", "nested", "record", "deprecated", "syntax error", "no such class", "no main", "error in Unicode",
             "long string", "constant", "switch"}  # the plain command takes a second or two for each
SHOWN = ["verdict", "build_log", "stdout", "stderr", "exit_code"]


def test_javac_that_stays_says_what_javac_says(fresh_server, tmp_path):
    """The same programs, warnings and errors; no source leaves anything for the next one."""
    root = pathlib.Path(__file__).parents[2] / "engine/language/builtin"
    row = json.loads((root / "java.json").read_text())
    plain = {k: v for k, v in row.items() if k not in ("compile_server", "warm_build", "warm_run") and "cache" not in k}
    plain["image"], plain["run_image"] = IMAGES["JAVA_IMAGE"], IMAGES["JAVA_RUN_IMAGE"]
    (tmp_path / "java.json").write_text(json.dumps(plain))
    settings = {"LANGUAGES": "java", "BUILD_CACHE_BYTES": 0, "RUNNER_CELL_USES": 100}
    told, chosen = {}, {name: source for name, source in JAVA.items() if LONG or name not in LONG_ONLY}
    for name, more in (("stays", {}), ("starts", {"LANGUAGES_DIR": str(tmp_path)})):
        server = fresh_server(**settings, **more).start().ready()
        said = "resident compiler" if name == "stays" else "language_ready"
        wait_for(lambda: said in server.log(), 180)
        reports = server.judge_all([submission("java", s, [test("", "")]) for s in chosen.values()], 300)
        told[name] = {source: {k: r[k] for k in SHOWN} for source, r in zip(chosen, reports)}
        deep = told[name]["deep"]  # a stack trace of javac, which is not the same twice
        deep["build_log"], deep["stderr"] = deep["build_log"][:100], deep["stderr"][:100]
        assert ("resident compiler" in server.log()) == (name == "stays")
    assert told["stays"] == told["starts"]
    assert {r["verdict"] for r in told["stays"].values()} >= {"WA", "BF"}
    assert "cannot find symbol" in told["stays"]["of the one before"]["build_log"]


def test_a_killed_java_compiler_costs_nobody_a_verdict(fresh_server):
    """The real one, killed from outside again and again while it is in use."""
    server = fresh_server(LANGUAGES="java", BUILD_CACHE_BYTES=0, RUNNER_CELL_USES=100).start().ready()
    wait_for(lambda: "resident compiler" in server.log(), 180)
    ids = [server.submit(submission("java", f"// {n}\n" + JAVA["plain"], [test("", "hi")])) for n in range(30 if LONG else 15)]
    killed = set()
    for id in ids[::5]:
        server.report(id)
        for pid in processes_of(server, "CompileServer"):
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
    assert len(killed) > 1
    assert {server.report(id)["verdict"] for id in ids} == {"OK"}
    assert {server.report(id)["attempts"] for id in ids} == {1}
