"""RUNNER_CELL_USES=N: a cell serves many submissions, and none of them can tell."""

import pytest

from engines import containers, docker
from harness import IMAGES, LONG, submission, test
from hostile import FILES, check, submission_of, with_rows
from test_reports import check_processes
from test_verdicts import LIMITS, simulated

PLANT = r"""
import os, socket, subprocess, sys, time
C = 'can' + 'ary-7f3a'
def put(path):
    try:
        with open(path, 'w') as f: f.write(C)
    except OSError: pass
for d, dirs, files in os.walk('/'):
    if d.startswith(('/proc', '/sys')): dirs.clear(); continue
    put(os.path.join(d, C)); put(os.path.join(d, '.' + C))
    try: os.mkdir(os.path.join(d, 'd' + C), 0o700); put(os.path.join(d, 'd' + C, 'x'))
    except OSError: pass
for f in sys.argv: put(f)
try:
    from multiprocessing import shared_memory
    s = shared_memory.SharedMemory('s' + C, True, 4096); s.buf[:8] = b'canary-7'
except Exception: pass
if os.fork() == 0:
    os.setsid()
    for fd in range(3): os.close(fd)
    if os.fork(): os._exit(0)
    time.sleep(600)
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.bind('\0' + C); s.listen()
if os.fork() == 0:
    for fd in range(3): os.close(fd)
    time.sleep(600)
print('planted', flush=True)
"""
LOOK = r"""
import os, socket
C = 'can' + 'ary-7f3a'
hits = []
for d, dirs, files in os.walk('/'):
    if d.startswith('/sys') or d.count('/') > 1 and d.startswith('/proc'): dirs.clear(); continue
    for n in dirs + files:
        if C in n: hits.append(os.path.join(d, n))
        elif not d.startswith(('/tmp', '/dev', '/run', '/var/tmp', os.getcwd())): pass
        elif os.path.isfile(os.path.join(d, n)):
            try:
                with open(os.path.join(d, n), errors='replace') as f:
                    if n not in ('script.py', 'main.py') and C in f.read(1 << 16): hits.append(n)
            except OSError: pass
for pid in filter(str.isdigit, os.listdir('/proc')):
    try: cmd = open(f'/proc/{pid}/cmdline', 'rb').read()
    except OSError: continue
    if b'python' in cmd and pid != os.readlink('/proc/self'): hits.append(cmd)
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
try: s.connect('\0' + C); hits.append('abstract socket')
except OSError: pass
print(hits)
"""


@pytest.fixture(scope="module", params=["auto", "inplace"])
def reusing(request, module_server):
    return module_server(RUNNER_CELL_USES=50, RUNNER_MAX_PARALLEL=1, LANGUAGES="python,c,go,java",
                         SCRC_BOX=request.param).start().ready()


def test_cells_are_used_again(reusing):
    """Twenty submissions, a few containers (with RUNNER_CELL_USES=1 it is one for each)."""
    image = docker(f"/images/{IMAGES['PYTHON_IMAGE']}/json")["Id"]
    seen = set()
    for i in range(20):
        report = reusing.judge(submission("python", f"print({i})", [test("", str(i))]))
        assert report["verdict"] == "OK", report
        seen |= {c["Id"] for c in containers(reusing) if c["ImageID"] == image}
    assert 1 <= len(seen) <= 15, len(seen)


def test_the_search_would_find_it(reusing):
    """The tests below can fail: file, process and socket are found by who planted them."""
    report = reusing.judge(submission("python", PLANT + LOOK, [test()], 5000))
    for hit in ("/tmp/canary-7f3a", "python", "abstract socket"):
        assert hit in report["stdout"], report


def test_nothing_is_left_for_the_next(reusing):
    for _ in range(3):
        report = reusing.judge(submission("python", PLANT, [test("", "planted")], 5000))
        assert report["verdict"] == "OK", report
        report = reusing.judge(submission("python", LOOK, [test("", "[]")], 5000))
        assert report["verdict"] == "OK", report["stdout"]


def test_nothing_is_left_for_the_next_test(reusing):
    """A4: within one submission too."""
    source = ("import sys\nif input()=='plant':\n" +
              "".join("  " + line + "\n" for line in PLANT.splitlines()) +
              "else:\n" + "".join("  " + line + "\n" for line in LOOK.splitlines()))
    report = reusing.judge(submission("python", source, [
        test("plant\n", "planted"), test("look\n", "[]"), test("plant\n", "planted"),
        test("look\n", "[]")], 5000, stop_on_failure=False))
    assert [t["verdict"] for t in report["tests"]] == ["OK"] * 4, \
        [t["stdout"] + t["stderr"] for t in report["tests"]]


def test_same_verdicts(reusing):
    cases = [(l, o) for l in ("c", "python") for o in LIMITS] + [("java", "ok"), ("go", "wa")]
    reports = reusing.judge_all([simulated(l, o) for l, o in cases])
    assert [r["verdict"] for r in reports] == [o.upper() for _, o in cases]


# Those that leave something behind, or would not go. tests/agent/test_hostile.c has all in one cell.
LEAVING = with_rows("A4", "A5", "A15", "M8", "M10", "O1", "P1", "P3", "P5", "P18")


def test_hostile_programs(reusing):
    """Each in the cell that the one before has left, and after each somebody who only wants to run."""
    honest = submission("c", "#include <stdio.h>\nint main(void) { puts(\"well\"); }",
                        [test("", "well")], 1000, 64)
    paths = FILES if LONG else LEAVING
    sent = [(path, reusing.submit(submission_of(path)), reusing.submit(honest)) for path in paths]
    for path, hostile, after in sent:
        check(path, reusing.report(hostile, 300))
        report = reusing.report(after, 60)
        assert report["verdict"] == "OK" and report["attempts"] == 1, (path, report)


def test_memory_limits_change_between_uses(reusing):
    """A cell keeps no limit of its last submission, and its peak is not the next one's."""
    source = "n=int(input())\nb=bytearray(n<<20)\nfor i in range(0,len(b),4096): b[i]=1\nprint(1)"
    wanted = []
    for limit, size, verdict in ((64, 40, "OK"), (16, 64, "ML"), (256, 200, "OK"), (32, 4, "OK"),
                                 (64, 200, "ML"), (64, 1, "OK")):
        report = reusing.judge(submission("python", source, [test(f"{size}\n", "1")], 5000, limit))
        wanted.append((report["verdict"], verdict, report["memory_bytes"]))
    assert all(got == want for got, want, _ in wanted), wanted
    assert wanted[-1][2] < 32 << 20


def test_the_limit_of_processes_is_counted_for_each_use(reusing):
    check_processes(reusing)
