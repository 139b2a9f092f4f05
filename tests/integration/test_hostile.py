"""Programs that mean harm, in both kinds of box, and a neighbour that must not notice.

The programs are tests/hostile/<ID>-<name>.c; their first comment names the row of the threat table
(SECURITY.md) and the verdict. Here are the rows that need two submissions, Python, or the build.
"""

import os
import statistics
import time

import pytest

from engines import containers, docker
from harness import MIB, submission, test, wait_for
from host import Watch
from hostile import FILES, MEMORY_MIB, NAMES, check, submission_of

NEIGHBOUR = submission("python", "print(sum(map(int, input().split())))",
                       [test("2 3\n", "5"), test("20 22\n", "42")])
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


@pytest.fixture(scope="module", params=["auto", "inplace"])
def box(request, module_server):
    """Two submissions at a time; its settings hold a secret that must not get out."""
    return module_server(SCRC_BOX=request.param, SECRET="canary-" + "5ec2e7" * 5).start().ready()


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
def ended(box):
    """{path: Beside}; and what the innocent takes alone, in ms."""
    alone = cpu_times([box.judge(INNOCENT) for _ in range(3)])
    return {path: Beside(box, path) for path in FILES}, statistics.median(alone)


def test_hostile_programs_are_there():
    assert len(FILES) >= 30


PROGRAMS = pytest.mark.parametrize("path", FILES, ids=NAMES)


@PROGRAMS
def test_hostile(ended, path):
    check(path, ended[0][path].report)


@PROGRAMS
def test_host_is_left_alone(box, ended, path):
    """No memory of the kernel's beside what the cell is charged for, and no account of the host's
    root used up. Others need some meanwhile: of the tries of a minute the best counts."""
    tries, began = [ended[0][path].seen.faults(MEMORY_MIB * MIB)], time.monotonic()
    while tries[-1] and (len(tries) < 5 or time.monotonic() < began + 60):
        tries.append(Beside(box, path).seen.faults(MEMORY_MIB * MIB))
    assert not tries[-1], tries


@PROGRAMS
def test_neighbour_notices_nothing(ended, path):
    """It is right, in time (Beside has waited for it), and the cells were gone soon after."""
    for report in ended[0][path].innocents:
        assert report["verdict"] == "OK" and report["attempts"] == 1, report


def test_neighbours_in_numbers(ended):
    """What matters is 10 % more CPU time, on a quiet machine: that is printed. Asserted is what holds
    on a busy one."""
    beside, alone = ended
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


# ---- the build ----

C_MAIN = "int main(void) { return 0; }\n"


def embed(path):
    """Puts a file of the build's file system into the artefact, and prints it."""
    return ('__asm__(".section .rodata\\nstart: .incbin \\"%s\\"\\nend:\\n.text");\n'
            '#include <unistd.h>\nextern const char start[], end[];\n'
            'int main(void) { return write(1, start, end - start) < 0; }\n') % path


# Twenty million tokens.
MACROS = ("#define A x x x x x x x x x x\n#define B A A A A A A A A A A\n"
          "#define C B B B B B B B B B B\n#define D C C C C C C C C C C\n"
          "#define E D D D D D D D D D D\n#define F E E E E E E E E E E\n"
          "#define G F F F F F F F F F F\nG G\n")

BUILDS = [
    # row, language, source, verdicts that are right
    ("B1 endless include", "c", '#include "/dev/zero"\n' + C_MAIN, {"BF"}),
    ("B1 reads a terminal", "c", '#include "/dev/stdin"\n' + C_MAIN, {"BF", "OK"}),
    ("B1 includes itself", "c", '#include "main.c"\n' + C_MAIN, {"BF"}),
    ("B1 macros", "c", MACROS, {"BF"}),
    ("B1 templates", "cpp", "template<int n> struct S { static const int v = S<n-1>::v + S<n-2>::v;"
     " S<n+100000> *p; };\nint main() { return S<100000000>::v; }\n", {"BF"}),
    ("B1 constexpr", "cpp", "constexpr long f(long n) { long s = 0; for (long i = 0; i < n; i++) "
     "for (long j = 0; j < n; j++) s += i ^ j; return s; }\nstatic_assert(f(1000000) != 1, \"\");\n"
     "int main() {}\n", {"BF"}),
    ("B2 errors", "cpp", "#define E(n) int a##n = b##n;\n" +
     "".join(f"E({i})\n" for i in range(30_000)), {"BF"}),
    ("B2 one long error line", "c", 'int main(void) { %s; }\n' % ("x" * 900_000), {"BF"}),
    ("B2 error text that is not UTF-8 when cut", "c", "#error " + "é" * 400_000 + "\n", {"BF"}),
    ("B3 /etc/shadow", "c", '#include "/etc/shadow"\n' + C_MAIN, {"BF"}),
    ("B3 data of the server", "c", embed("{data}/scrc.db"), {"BF"}),
    ("B3 the agent's socket", "c", embed("/scrc/socket"), {"BF"}),
    ("B3 docker's socket", "c", embed("/var/run/docker.sock"), {"BF"}),
    ("B3 a plugin", "c", "#pragma GCC plugin \"/tmp/x.so\"\n" + C_MAIN, {"BF", "OK"}),
    ("B3 go:embed", "go", "package main\nimport _ \"embed\"\n//go:embed /etc/passwd\nvar s string\n"
     "func main() { print(s) }\n", {"BF"}),
    ("B3 go:embed of what lies beside", "go", "package main\nimport _ \"embed\"\n"
     "//go:embed ../../etc/passwd\nvar s string\nfunc main() { print(s) }\n", {"BF"}),
    ("B5 cgo", "go", "package main\n// #include <stdlib.h>\nimport \"C\"\n"
     "func main() { C.abs(1) }\n", {"BF"}),
    ("B5 cgo flags", "go", "package main\n// #cgo LDFLAGS: -Wl,-T,/etc/passwd\nimport \"C\"\n"
     "func main() {}\n", {"BF"}),
    ("B5 a module from the net", "go", "package main\nimport \"github.com/google/uuid\"\n"
     "func main() { print(uuid.New().String()) }\n", {"BF"}),
    ("B6 huge array", "c", "char a[10ULL << 30] = { 1 };\n" + C_MAIN, {"BF"}),
    ("B6 fill", "c", '__asm__(".data\\n.fill 3000000000, 1, 7\\n.text");\n' + C_MAIN, {"BF"}),
    ("B6 over the cap", "c", '__asm__(".data\\n.fill 100000000, 1, 7\\n.text");\n' + C_MAIN,
     {"BF"}),
    ("B6 zeros cost nothing", "c", "char a[1ULL << 30];\n" + C_MAIN, {"OK"}),
    ("B7 the name of a link", "c", '# 1 "/etc/passwd"\n' + C_MAIN, {"OK"}),
    ("B10 NUL in C", "c", C_MAIN + "/* \0 */\n", {"OK", "BF"}),
    ("B10 NUL in Python", "python", "print(1)\0\n", {"BF", "RE", "OK"}),
    ("B10 byte order mark", "c", "\ufeff" + C_MAIN, {"OK"}),
    ("B10 byte order mark, Java", "java", "\ufeffpublic class Main { public static void main("
     "String[] a) {} }\n", {"OK", "BF"}),
    ("B10 CR", "c", C_MAIN.replace("\n", "\r") + "\r", {"OK"}),
    ("B10 CR LF", "python", "import sys\r\nif 1:\r\n  pass\r\n", {"OK"}),
    ("B10 a blank", "c", " ", {"BF"}),
    ("B10 a blank, Java", "java", " ", {"BF", "RE"}),
    ("B10 line of 1 MB", "c", C_MAIN + "/*" + "x" * (MIB - 200) + "*/\n", {"OK"}),
    ("B10 class with a slash in a comment", "java", "/* public class A/../../x */ public class B { "
     "public static void main(String[] a) {} }\n", {"OK"}),
    ("B10 class that is a keyword of files", "java", "public class CON { public static void main("
     "String[] a) {} }\n", {"OK"}),
    ("B10 class in a string", "java", "class Main { static String s = \"public class X\"; public "
     "static void main(String[] a) {} }\n", {"OK"}),
    ("B10 class with a dollar", "java", "public class A$B { public static void main(String[] a) {} "
     "}\n", {"OK"}),
    ("B10 package that climbs", "java", "package a.b.c.d.e.f.g.h; public class X { public static "
     "void main(String[] a) {} }\n", {"OK"}),
    ("B11 C++ as C", "c", "#include <iostream>\nint main() { std::cout << 1; }\n", {"BF"}),
    ("B11 C as Java", "java", C_MAIN, {"BF"}),
    ("B11 Java as Python", "python", "public class Main { }\n", {"BF"}),
    ("B11 an ELF head as C", "c", "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0>\0", {"BF"}),
]


@pytest.fixture(scope="module")
def builder(module_server):
    return module_server(BUILD_TIME_LIMIT="2s", BUILD_MEMORY_LIMIT="512MiB",
                         SECRET=canary("5ec2e7aa")).start().ready()


@pytest.fixture(scope="module")
def built(builder):
    ids = [builder.submit(submission(language, source.replace("{data}", builder.data),
                                     time_ms=3000))
           for _, language, source, _ in BUILDS]
    return [builder.report(id, 180) for id in ids]


@pytest.mark.parametrize("n", range(len(BUILDS)), ids=[b[0] for b in BUILDS])
def test_build(built, builder, n):
    report, verdicts = built[n], BUILDS[n][3]
    assert report["verdict"] in verdicts, (report["verdict"], report["build_log"][:2000],
                                           report["stderr"][:500], report["error"])
    assert report["attempts"] == 1 and report["error"] == ""
    assert len(report["build_log"].encode()) <= 80 * 1024
    assert report["build_ms"] < 60_000  # 2 s of CPU, the rest waiting for a core
    if report["verdict"] == "BF":
        assert report["build_log"], "a build failure says why"
    for text in ("root:", "canary-", "SQLite format"):
        assert text not in report["stdout"] + report["build_log"], text


def test_no_terminal_holds_a_build(builder):
    """B1: the compiler finds nothing there that it could wait for."""
    report = builder.judge(submission("c", '#include "/dev/ptmx"\n' + C_MAIN))
    assert report["verdict"] == "BF" and "/dev/ptmx" in report["build_log"], report["build_log"]
    assert "limit" not in report["build_log"], report["build_log"]


def test_build_sees_a_whitelisted_environment(builder):
    """B3"""
    report = builder.judge(submission("c", embed("/proc/self/environ"), time_ms=2000))
    names = {v.split("=")[0] for v in report["stdout"].split("\0") if v}
    assert report["verdict"] == "BF" or names <= {
        "PATH", "LANG", "HOME", "TMPDIR", "PWD", "COLLECT_GCC", "COLLECT_GCC_OPTIONS",
        "GCC_EXEC_PREFIX", "COLLECT_LTO_WRAPPER", "OFFLOAD_TARGET_NAMES"}, names


def test_builds_of_others_go_on(builder):
    """B1: while two compilers run into their limits."""
    hogs = [builder.submit(submission("c", f"/* {i} */" + MACROS, [test()])) for i in (1, 2)]
    assert builder.judge(NEIGHBOUR, 60)["verdict"] == "OK"
    for id in hogs:
        assert builder.report(id)["verdict"] == "BF"


def test_a_compiler_killed_is_a_build_failure(fresh_server):
    """B12: for good, with a reason, and not tried again."""
    server = fresh_server(LANGUAGES="c", BUILD_MEMORY_LIMIT="40MiB").start().ready()
    report = server.judge(submission("c", MACROS, [test("", "1")]))
    assert report["verdict"] == "BF" and report["attempts"] == 1
    assert "memory" in report["build_log"].lower(), report["build_log"]
