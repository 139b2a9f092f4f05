"""Limits hold precisely, and under load."""

import re

from harness import MIB, submission, test

# Spins until it has used the CPU time that stdin says, in milliseconds.
SPIN = """#include <stdio.h>
#include <time.h>
int main(void) {
    long ms; struct timespec t;
    if (scanf("%ld", &ms) != 1) return 1;
    do clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < ms);
    puts("done");
}
"""
LIMIT_MS = 200


def spins(factor, count=20):
    return submission("c", SPIN, [test(f"{int(LIMIT_MS * factor)}\n", "done")] * count, LIMIT_MS,
                      stop_on_failure=False)


def verdicts(report):
    return [t["verdict"] for t in report["tests"]]


def times(report):
    return [(t["verdict"], t["cpu_time_ms"], t["duration_ms"]) for t in report["tests"]]


def check_times(under, over):
    assert set(verdicts(under)) == {"OK"}, times(under)
    assert set(verdicts(over)) == {"TL"}, times(over)
    for t in under["tests"]:
        assert 180 <= t["cpu_time_ms"] < 200, t["cpu_time_ms"]


def test_time_is_precise(server):
    """P11: what is under the limit is OK and what is over it TL."""
    check_times(*server.judge_all([spins(0.9), spins(1.1)]))


def test_time_is_precise_when_all_cores_are_busy(fresh_server):
    """P12: the same, with two programs for each core beside it that only spin."""
    server = fresh_server(LANGUAGES="c", RUNNER_MAX_PARALLEL=6).start()
    hogs = [server.submit(submission("c", SPIN, [test("60000\n")], 60000)) for _ in range(4)]
    reports = server.judge_all([spins(0.9, 10), spins(1.1, 10)])
    for id in hogs:
        assert server.delete(id).status == 200
    check_times(*reports)


def test_time_of_all_processes_counts(server):
    """P10: eight children of 0.4 T, nobody waits for them but the clock does."""
    source = """#include <time.h>
#include <unistd.h>
int main(void) {
    for (int i = 0; i < 8; i++)
        if (!fork()) {
            struct timespec t;
            do clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
            while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < 160);
            _exit(0);
        }
    sleep(20);
}
"""
    report = server.judge(submission("c", source, [test()], 400,
                                     limits={"wall_time_limit_ms": 30_000}))
    assert report["duration_ms"] < 15_000
    assert report["verdict"] == "TL" and report["cpu_time_ms"] >= 400, report


def test_sleepers_are_not_starved_out(server):
    """A derived wall limit is the CPU limit and a little, when nobody waits for a core."""
    source = "#include <unistd.h>\nint main(){usleep(%d);}"
    ok, late = server.judge_all([submission("c", source % us, [test()], 500)
                                 for us in (400_000, 900_000)])
    assert (ok["verdict"], late["verdict"]) == ("OK", "TL")


# Touches as many MiB as stdin says; volatile, or the compiler leaves it all out.
TOUCH = """#include <stdio.h>
#include <stdlib.h>
int main(void) {
    size_t n;
    if (scanf("%zu", &n) != 1) return 1;
    volatile char *p = malloc(n << 20);
    if (!p) return 2;
    for (size_t i = 0; i < n << 20; i += 4096) p[i] = 1;
    puts("done");
}
"""


def touches(sizes, limit_mib, **more):
    return submission("c", TOUCH, [test(f"{n}\n", "done") for n in sizes], 5000, limit_mib,
                      stop_on_failure=False, **more)


def test_memory_is_precise(server):
    report = server.judge(touches((1, 32, 60, 63, 65, 80, 1000), 64))
    assert verdicts(report) == ["OK"] * 4 + ["ML"] * 3
    seen = [t["memory_bytes"] for t in report["tests"]]
    for mib, bytes_ in zip((1, 32, 60, 63), seen):
        assert mib * MIB <= bytes_ <= (mib + 2) * MIB, seen
    assert all(bytes_ >= 64 * MIB for bytes_ in seen[4:]), seen


def test_memory_of_one_test_is_not_the_next_ones(server):
    """M6"""
    report = server.judge(touches((200, 1), 256))
    first, second = [t["memory_bytes"] for t in report["tests"]]
    assert first >= 200 * MIB and second <= 10 * MIB, (first, second)


def test_memory_limit_below_dockers_floor(server):
    """A cell is never under 6 MiB; a limit may be, and is judged by memory_bytes."""
    report = server.judge(touches((1, 5), 3))
    assert verdicts(report) == ["OK", "ML"], report["tests"]


def test_oom_is_always_ml(server):
    """M2: twenty times the same bomb, never RE, never a fault of ours."""
    report = server.judge(touches((1000,) * 20, 32))
    assert verdicts(report) == ["ML"] * 20 and report["attempts"] == 1
    assert all(t["memory_bytes"] == 32 * MIB for t in report["tests"]), \
        [t["memory_bytes"] for t in report["tests"]]


def test_oom_of_a_grandchild_is_ml(server):
    """M3"""
    source = """#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    if (!fork()) {
        volatile char *p = malloc(96 << 20);
        for (size_t i = 0; i < 96 << 20; i += 4096) p[i] = 1;
        _exit(0);
    }
    wait(0);
    puts("done");
}
"""
    report = server.judge(submission("c", source, [test("", "done")], 3000, 64))
    assert report["verdict"] == "ML", report


def test_address_space_is_free(server):
    """M5: what is reserved and not used does not count."""
    source = """#include <stdio.h>
#include <sys/mman.h>
int main(void) {
    void *p = mmap(0, 1UL << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    puts(p == MAP_FAILED ? "no" : "done");
}
"""
    report = server.judge(submission("c", source, [test("", "done")], 1000, 16))
    assert report["verdict"] == "OK" and report["memory_bytes"] < 8 * MIB, report


def test_stack_is_bounded_by_the_memory_limit(server):
    source = """#include <stdio.h>
#include <string.h>
static int deep(int n) {
    volatile char b[1 << 16];
    memset((char *)b, n, sizeof b);
    return n ? deep(n - 1) + b[9] : 0;
}
int main(void) { int n; if (scanf("%d", &n) != 1) return 1; deep(n); puts("done"); }
"""
    tests = [test("800\n", "done"), test("100000\n", "done")]
    report = server.judge(submission("c", source, tests, 3000, 128, stop_on_failure=False))
    assert verdicts(report)[0] == "OK", report["tests"][0]  # 50 MiB, far beyond the usual 8
    assert verdicts(report)[1] in ("RE", "ML"), report["tests"][1]


def test_a_program_may_set_its_stack(server):
    source = """import resource as r
r.setrlimit(r.RLIMIT_STACK, (64 << 20, -1))
print(r.getrlimit(r.RLIMIT_STACK) == (64 << 20, -1))
"""
    report = server.judge(submission("python", source, [test("", "True")], 2000, 64))
    assert report["verdict"] == "OK", report


def test_mapped_input_is_no_memory(server):
    """30 MiB of it under a limit of 16 MiB."""
    source = """#include <stdio.h>
#include <sys/mman.h>
int main(void) {
    char *p = mmap(0, 30 << 20, PROT_READ, MAP_PRIVATE, 0, 0);
    long n = 0;
    for (long i = 0; i < 30 << 20; i += 4096) n += p[i];
    printf("%ld\\n", n);
}
"""
    report = server.judge(submission("c", source, [test("x" * (30 * MIB), "921600")], 5000, 16))
    assert report["verdict"] == "OK" and report["memory_bytes"] < 4 * MIB, report["verdict"]


def test_a_program_of_2_gib_is_a_build_failure(server):
    """It meets a limit of ours, and the log names it, whichever process of the compiler died."""
    report = server.judge(submission("c", "int a[1<<29]={1};int main(void){return a[5];}"), 120)
    assert report["verdict"] == "BF" and report["attempts"] == 1, report
    assert re.search(r"scrc: .*\(BUILD_\w+\)", report["build_log"]), report["build_log"]


def test_an_allocation_beyond_every_host_is_ml(server):
    """What the host's kernel refuses at once is no other verdict than what it kills for later."""
    source = """#include <vector>
int main() { std::vector<int> v(10000000000L); return v[7]; }
"""
    report = server.judge(submission("cpp", source, [test("", "")], 5000, 64))
    assert report["verdict"] == "ML", report


def test_processes_are_limited(server):
    source = """#include <stdio.h>
#include <unistd.h>
int main(void) {
    int n = 0;
    while (n < 5000) {
        pid_t p = fork();
        if (p < 0) break;
        if (!p) { pause(); _exit(0); }
        n++;
    }
    printf("%d\\n", n);
}
"""
    report = server.judge(submission("c", source, [test("", "x")], 3000))
    assert report["verdict"] == "WA", report
    # 128, and the places that agent and init do not use just then
    assert 100 <= int(report["stdout"]) <= 134, report["stdout"]


def test_python_memory(server):
    source = ("n=int(input())\nb=bytearray(n<<20)\nfor i in range(0,len(b),4096): b[i]=1\n"
              "print('done')")
    tests = [test(f"{n}\n", "done") for n in (1, 50, 200)]
    report = server.judge(submission("python", source, tests, 5000, 64, stop_on_failure=False))
    assert verdicts(report) == ["OK", "OK", "ML"], report["tests"]


def test_ceilings_and_defaults(fresh_server):
    """0 and absent mean the default; a default of 0 means the ceiling."""
    server = fresh_server(LANGUAGES="c", RUNNER_TIME_LIMIT="300ms",
                          RUNNER_MEMORY_LIMIT="32MiB").start()
    sleep = submission("c", "#include <unistd.h>\nint main(){sleep(9);}", [test()])
    eat = touches((64,), 0)
    zero = submission("c", "int main(){for(;;);}", [test()], 0)
    slept, ate, spun = server.judge_all([sleep, eat, zero])
    assert [slept["verdict"], ate["verdict"], spun["verdict"]] == ["TL", "ML", "TL"]
    assert slept["duration_ms"] < 8000


def test_the_limits_at_acceptance_are_in_force(fresh_server):
    """They are stored: it does not matter with which settings a submission is judged."""
    server = fresh_server(LANGUAGES="c", RUNNER_MAX_PARALLEL=0, RUNNER_TIME_LIMIT="200ms",
                          RUNNER_MEMORY_LIMIT="64MiB", DEFAULT_CHECKER="exact").start()
    ids = [server.submit(submission("c", SPIN, [test("300\n", "done\n")])),
           server.submit(submission("c", SPIN, [test("300\n", "done")], 2000))]
    server.settings.update(RUNNER_MAX_PARALLEL="1", RUNNER_TIME_LIMIT="5s",
                           RUNNER_MEMORY_LIMIT="128MiB",
                           DEFAULT_CHECKER="lines")
    server.restart()
    short, long = [server.report(id) for id in ids]
    assert (short["verdict"], long["verdict"]) == ("TL", "WA"), (short, long)
    for report, time_ms in ((short, 200), (long, 2000)):
        assert report["limits"]["time_limit_ms"] == time_ms, report["limits"]
        assert report["limits"]["memory_limit_bytes"] == 64 * MIB, report["limits"]
