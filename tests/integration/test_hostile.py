"""Programs that mean harm, in both kinds of box, and a neighbour that must not notice.

The programs are tests/hostile/<ID>-<name>.c; their first comment names the row of the threat table
(SECURITY.md) and the verdict. Here are also the rows that need two submissions, or Python.
"""

import functools
import os
import statistics
import time

import pytest

from engines import containers, docker
from harness import LONG, MIB, submission, test, wait_for
from host import Watch
from hostile import FILES, MEMORY_MIB, check, submission_of, with_rows

# The same work each time, some 40 ms of it, in memory enough for a neighbour to spoil its caches.
INNOCENT = submission("c", """#include <stdio.h>
static unsigned table[1 << 16];
int main(void) {
    unsigned x = 1;
    for (int i = 0; i < 30000000; i++) {
        x = x * 1664525 + 1013904223;
        table[x >> 16] += x;
    }
    for (int i = 0; i < 1 << 16; i++) x ^= table[i];
    printf("%u\\n", x);
}
""", [test("", "4276760201")] * 3)


# Those that take what all share have a neighbour, and the host is watched meanwhile; the others
# only there where time is given (--all).
SHARED = FILES if LONG else with_rows("A15", "M8", "M10", "O1", "P1", "P2", "P18", "S2", "S3", "S7")
# What a cell is for the host, Docker makes of it, and it is one for both kinds of box:
# test_cell_reuse.py has the others in place.
OTHERS = [path for path in FILES if path not in SHARED]
KINDS = ("auto", "inplace")
# In place: those whose files, processes and counters the agent itself must remove between two runs.
SHARED_IN = {"auto": SHARED, "inplace": FILES if LONG else with_rows("A15", "P1", "P18", "S2")}
PROGRAMS = [(kind, path) for kind in KINDS for path in SHARED_IN[kind]]


@pytest.fixture(scope="module")
def boxes(module_server):
    """The server of a kind, two submissions at a time; its settings hold a secret that must not get
    out."""
    return functools.cache(lambda kind: module_server(
        SCRC_BOX=kind, LANGUAGES="c,python", SECRET="canary-" + "5ec2e7" * 5).start().ready())


@pytest.fixture(scope="module", params=KINDS)
def box(request, boxes):
    return boxes(request.param)


# ---- tests/hostile ----

def cpu_times(reports):
    return [t["cpu_time_ms"] for r in reports for t in r["tests"] if t["cpu_time_ms"] is not None]


class Beside:
    """A hostile program in one slot, and innocents in the other for as long as it runs."""

    def __init__(self, server, path):
        with Watch() as self.seen:
            id = server.submit(submission_of(path))
            self.innocents = [server.judge(INNOCENT)]
            while server.get("/results/" + id).status == 202:
                self.innocents.append(server.judge(INNOCENT))
            self.report = server.report(id)
        began = time.monotonic()
        wait_for(lambda: cells_are_gone(server), 30, "the cells that were used are gone", pause=0.1)
        self.gone_s = time.monotonic() - began


def cells_are_gone(server):
    """Nothing is being removed, and Docker has no more of them than the server knows."""
    pool = server.get("/stats").json["present"]["pool"]
    return pool["removing"] == 0 and len(containers(server)) <= pool["idle"] + pool["taken"]


@pytest.fixture(scope="module")
def ended(boxes):
    """Of a kind {path: Beside}; and what the innocent takes alone, in ms."""
    @functools.cache
    def of(kind):
        alone = cpu_times([boxes(kind).judge(INNOCENT) for _ in range(3)])
        return {path: Beside(boxes(kind), path) for path in SHARED_IN[kind]}, statistics.median(alone)
    return of


def test_hostile_programs_are_there():
    assert len(FILES) >= 30


each_program = pytest.mark.parametrize(
    "kind, path", PROGRAMS, ids=[f"{kind}-{os.path.basename(path)[:-2]}" for kind, path in PROGRAMS])


@each_program
def test_verdict_of_a_hostile_program(ended, kind, path):
    check(path, ended(kind)[0][path].report)


@pytest.fixture(scope="module")
def others(boxes):
    """{path: report}, judged two at a time."""
    return functools.cache(lambda: dict(zip(OTHERS, boxes("auto").judge_all(map(submission_of, OTHERS), 600))))


@pytest.mark.parametrize("path", OTHERS, ids=[os.path.basename(path)[:-2] for path in OTHERS])
def test_verdict_of_the_others(others, path):
    check(path, others()[path])


@each_program
def test_host_is_left_alone(boxes, ended, kind, path):
    """No memory of the kernel's beside what the cell is charged for, and no account of the host's
    root used up. Others need some meanwhile: of the tries of a minute the best counts."""
    tries, began = [ended(kind)[0][path].seen.faults(MEMORY_MIB * MIB)], time.monotonic()
    while tries[-1] and (len(tries) < 5 or time.monotonic() < began + 60):
        tries.append(Beside(boxes(kind), path).seen.faults(MEMORY_MIB * MIB))
    assert not tries[-1], tries


@each_program
def test_neighbour_notices_nothing(ended, kind, path):
    """It is right, in time (Beside has waited for it), and the cells were gone soon after."""
    for report in ended(kind)[0][path].innocents:
        assert report["verdict"] == "OK" and report["attempts"] == 1, report


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_in_numbers(ended, kind):
    """What matters is 10 % more CPU time, on a quiet machine: that is printed. Asserted is what holds
    on a busy one."""
    beside, alone = ended(kind)
    print(f"\nalone {alone:.0f} ms; beside: slower by, longest test, cell gone after, memory")
    slower = {}
    for path, pair in beside.items():
        slower[path] = statistics.median(cpu_times(pair.innocents)) / alone
        longest = max((t["duration_ms"] or 0 for t in pair.report["tests"]), default=0)
        print(f"  {os.path.basename(path)[:-2]:24} {100 * (slower[path] - 1):+5.0f} %"
              f" {longest:6} ms {pair.gone_s:5.1f} s  {pair.seen.kernel / MIB:5.0f} MiB of the kernel's,"
              f" {pair.seen.lost / MIB:.0f} MiB of everybody's")
    middle = statistics.median(slower.values())
    print(f"  median of all {100 * (middle - 1):+.0f} %")
    assert middle < 2, slower


# ---- canaries: what a program may not find ----

# Looks for the pattern in every file, environment, command line, descriptor and mapping it can
# reach; prints where it was. The pattern is put together so that the program does not find itself.
GREP = r"""
import os, re, sys
want = re.compile(('can' + 'ary-').encode() + rb'[0-9a-f]{16,}')
hits = set()
def look(path, limit=1 << 20):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError: return
    try:
        data = os.read(fd, limit)
        if want.search(data): hits.add(path)
    except OSError: pass
    finally: os.close(fd)
me = os.readlink('/proc/self')
for d, dirs, files in os.walk('/'):
    if d == '/proc': dirs.clear()
    if d.startswith(('/sys', '/usr/lib', '/usr/share', '/usr/bin')): dirs.clear(); continue
    for n in files + dirs:
        if want.search(n.encode(errors='replace')): hits.add(d + n)
    for n in files: look(os.path.join(d, n))
for pid in filter(str.isdigit, os.listdir('/proc')):
    for n in ('environ', 'cmdline', 'stat', 'mounts', 'mountinfo', 'maps', 'cgroup', 'status'):
        look(f'/proc/{pid}/{n}')
    if pid == me: continue
    try: fds = os.listdir(f'/proc/{pid}/fd')
    except OSError: fds = []
    for fd in fds: look(f'/proc/{pid}/fd/{fd}')
    try:
        for line in open(f'/proc/{pid}/maps'):
            a, b = (int(x, 16) for x in line.split()[0].split('-'))
            with open(f'/proc/{pid}/mem', 'rb') as m:
                m.seek(a)
                if want.search(m.read(min(b - a, 1 << 20))): hits.add(f'/proc/{pid}/mem')
    except (OSError, ValueError, OverflowError): pass
for n in os.environ.values():
    if want.search(n.encode()): hits.add('environ')
print(sorted(hits))
"""


def canary(digits):
    return "canary-" + (digits * 8)[:32]


def test_expected_output_is_out_of_reach(box):
    """A2"""
    tests = [test("x\n", canary(d)) for d in ("a1b2c3d4", "deadbeef")]
    report = box.judge(submission("python", GREP, tests, 10_000, stop_on_failure=False))
    assert [t["stdout"] for t in report["tests"]] == ["[]\n"] * 2, report["stderr"]
    assert [t["verdict"] for t in report["tests"]] == ["WA"] * 2


def test_the_search_would_find_it(box):
    """The test above can fail: what is in a submission's own input is found."""
    source = GREP.replace("hits = set()", "hits = set()\nopen('/tmp/x','w').write(input())")
    report = box.judge(submission("python", source, [test(canary("0123abcd") + "\n", "")], 10_000))
    assert "/tmp/x" in report["stdout"], report


def test_other_submissions_are_out_of_reach(box):
    """A3: source, input and output of one that runs beside it."""
    other = submission("python", f"# {canary('feedface')}\nimport sys,time\nx=sys.stdin.read()\n"
                                 "open('/tmp/own','w').write(x)\nprint(x,flush=True)\n"
                                 "time.sleep(5)",
                       [test(canary("12345678"), canary("12345678"))],
                       limits={"time_limit_ms": 1000, "wall_time_limit_ms": 20_000})
    id = box.submit(other)
    box.wait_running(id)
    report = box.judge(submission("python", GREP, [test("", "[]")], 10_000))
    assert box.get("/results/" + id).status == 202, "the other one has ended too early"
    assert report["stdout"] == "[]\n"
    assert box.delete(id).status == 200


def test_environment_is_a_whitelist(box):
    """A11: and so are file descriptors (O11)."""
    source = ("import os\nprint(sorted(os.environ))\n"
              "print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1])")
    report = box.judge(submission("python", source, [test("", "x")]))
    names, fds = report["stdout"].splitlines()
    assert fds == "[0, 1, 2]"
    assert set(eval(names)) <= {"PATH", "LANG", "LC_CTYPE", "HOME", "TMPDIR", "PYTHONPATH",
                                "PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING", "PYTHONUTF8",
                                "PYTHONHASHSEED", "PYTHONUNBUFFERED"}, names


def test_no_network(box):
    """A6: not even a socket that could ask for it; what has always been for one machine works."""
    source = """
import os, socket, time
began = time.monotonic()
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try: socket.socket(family, kind); print('made', family, kind)
        except OSError: pass
for host, port in (('127.0.0.1', %d), ('172.17.0.1', 2375), ('169.254.169.254', 80), ('::1', %d)):
    try: socket.create_connection((host, port), timeout=1); print('reached', host)
    except OSError: pass
try: socket.getaddrinfo('example.com', 80); print('resolved')
except OSError: pass
if time.monotonic() - began > 1: print('slow')
a, b = socket.socketpair()
a.send(b'x')
print(b.recv(1))
""" % (box.client.port, box.client.port)
    report = box.judge(submission("python", source, [test("", "b'x'")], 5000))
    assert report["verdict"] == "OK", report["stdout"] + report["stderr"]


def test_containers_are_locked_down(box):
    """A13: every container there is, as the engine itself tells it."""
    ids = [box.submit(submission(l, s, [test()], 3000)) for l, s in (
        ("python", "import time\ntime.sleep(1)"), ("c", "int main(){for(;;);}"))]
    seen, images = set(), set()
    while not all(box.get("/results/" + id).status == 200 for id in ids):
        for c in containers(box):
            full = docker(f"/containers/{c['Id']}/json") if c["Id"] not in seen else None
            if full is None:
                continue
            seen.add(c["Id"])
            images.add(full["Config"]["Image"])
            host, config = full["HostConfig"], full["Config"]
            assert host["Privileged"] is False and host["ReadonlyRootfs"] is True
            assert host["CapDrop"] == ["ALL"]
            assert {c.removeprefix("CAP_") for c in host["CapAdd"]} <= \
                {"SETUID", "SETGID", "SETPCAP", "KILL"}
            options = host["SecurityOpt"]
            assert any(o.startswith("no-new-privileges") for o in options)
            assert any(o.startswith("seccomp=") and "unconfined" not in o for o in options)
            assert not any("apparmor=unconfined" in o for o in options)
            assert host["NetworkMode"] == "none" and config["NetworkDisabled"] is True
            assert config["WorkingDir"] == "/" and not config["Tty"] and not config["OpenStdin"]
            assert host["Memory"] > 0 and host["MemorySwap"] == host["Memory"]
            assert 0 < host["PidsLimit"] <= 1024
            assert host["LogConfig"]["Type"] == "none" and host["IpcMode"] == "private"
            assert not host["PidMode"] and not host["UTSMode"] and not host["UsernsMode"]
            assert not host["Devices"] and not host["VolumesFrom"] and not host["Init"]
            for m in full["Mounts"]:
                assert m["Type"] in ("bind", "volume", "tmpfs")
                if m["Type"] == "bind":
                    assert m["Source"].startswith(box.cells + "/") and m["RW"] is False, m
            for options in (host["Tmpfs"] or {}).values():
                assert "size=" in options and "nr_inodes=" in options and "nosuid" in options
        time.sleep(0.05)
    assert len(images) >= 2, images
