"""What a submission gets: five languages times five outcomes, and the odd cases."""

import base64
import glob
import os
import signal

import pytest

from harness import LANGUAGES, MIB, ROOT, sanitized, submission, test

SUMS = [test("1 2 3\n", "6"), test("10 -5 7\n", "12")]
LIMITS = {"ok": (2000, 256), "wa": (2000, 256), "bf": (2000, 256), "tl": (1000, 256),
          "ml": (5000, 16)}
TESTS = {"ok": SUMS, "wa": SUMS, "bf": None, "tl": [test()], "ml": [test()]}


def program(language, outcome):
    (path,) = glob.glob(os.path.join(ROOT, f"tests/programs/{language}-{outcome}.*"))
    with open(path) as f:
        return f.read()


def simulated(language, outcome, **more):
    time_ms, memory_mib = LIMITS[outcome]
    return submission(language, program(language, outcome), TESTS[outcome], time_ms, memory_mib,
                      **more)


@pytest.fixture(scope="module")
def matrix(server):
    ids = {(l, o): server.submit(simulated(l, o)) for o in LIMITS for l in LANGUAGES}
    return {key: server.report(id, 120) for key, id in ids.items()}


@pytest.mark.parametrize("outcome", LIMITS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_outcome_in_each_language(matrix, language, outcome):
    report = matrix[language, outcome]
    assert report["verdict"] == report["status"] == outcome.upper(), report
    assert report["language"] == language and report["attempts"] == 1
    assert report["error"] == ""
    made = report["produced_by"]
    assert made["version"] and made["image"].count("sha256:") >= 1
    if outcome == "ok":
        assert report["exit_code"] == 0 and report["signal"] is None
        assert [t["verdict"] for t in report["tests"]] == ["OK", "OK"]
        assert [t["number"] for t in report["tests"]] == [1, 2]
        assert [t["input"] for t in report["tests"]] == ["1 2 3\n", "10 -5 7\n"]
        assert [t["expected_output"] for t in report["tests"]] == ["6", "12"]
        assert report["stdout"].strip() == "12"
        assert report["duration_ms"] == pytest.approx(
            sum(t["duration_ms"] for t in report["tests"]), abs=2)
        assert report["memory_bytes"] == max(t["memory_bytes"] for t in report["tests"])
        assert made["run"] and made["compiler"]
        assert bool(made["build"]) == (language != "python")
    if outcome == "wa":
        assert report["tests"][0]["first_difference"] is not None
        assert [t["verdict"] for t in report["tests"]] == ["WA", "-"]
    if outcome == "tl":
        assert 1000 <= report["tests"][0]["duration_ms"] < 20_000  # it may wait for a core
    if outcome == "bf":
        assert report["tests"] == [] and report["build_log"]
        assert report["exit_code"] not in (0, None) and report["stdout"] == ""


# name, submission, verdict
PYTHON = [
    ("syntax error, with tests", submission("python", "def f(:\n", SUMS), "BF"),
    ("no tests", submission("python", "print('hi')"), "OK"),
    ("no tests, exit 3", submission("python", "raise SystemExit(3)"), "RE"),
    ("no tests, stdin is empty", submission("python", "import sys\nassert sys.stdin.read()==''"),
     "OK"),
    ("empty list of tests", submission("python", "print('hi')", []), "OK"),
    ("expected empty, and is", submission("python", "pass", [test("x", "")]), "OK"),
    ("expected null, and is empty", submission("python", "pass", [{"expected_output": None}]),
     "OK"),
    ("expected absent, prints", submission("python", "print(1)", [{"input": "1"}]), "WA"),
    ("expected empty, prints", submission("python", "print(1)", [test("x", "")]), "WA"),
    ("right output, exit 1", submission("python", "print(6)\nraise SystemExit(1)",
                                        [test("", "6")]), "RE"),
    ("right output, then an exception", submission("python", "print(6)\n1/0", [test("", "6")]),
     "RE"),
    ("right output, then hangs", submission(
        "python", "import time\nprint(6,flush=True)\ntime.sleep(60)", [test("", "6")], 300), "TL"),
    ("ignores SIGTERM", submission(
        "python", "import signal,time\nfor n in range(1,32):\n"
        "  try: signal.signal(n,signal.SIG_IGN)\n  except OSError: pass\nwhile 1: pass",
        [test()], 300), "TL"),
    ("wall limit allows sleep", submission(
        "python", "import time\ntime.sleep(.6)\nprint(1)", [test("", "1")], 200,
        limits={"wall_time_limit_ms": 3000}), "OK"),
    ("wall limit ends sleep", submission(
        "python", "import time\ntime.sleep(60)", [test("", "1")], 200,
        limits={"wall_time_limit_ms": 500}), "TL"),
    ("cpu limit within a long wall", submission(
        "python", "while 1: pass", [test()], 300, limits={"wall_time_limit_ms": 20000}), "TL"),
    ("bytes in, bytes out", submission(
        "python", "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())",
        [test(bytes(range(256)), bytes(range(256)))], checker="exact"), "OK"),
    ("NUL in, NUL out", submission(
        "python", "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())",
        [test("a\0b", "a\0b")], checker="exact"), "OK"),
    ("unicode source, input and output", submission(
        "python", "print('жé☃'+input())", [test("😀\n", "жé☃😀\n")]), "OK"),
    ("argv and cwd say nothing of us", submission(
        "python", "import os\nprint(sorted(os.environ))", [test("", "x")]), "WA"),
]


@pytest.mark.parametrize("what, what_sent, verdict", PYTHON, ids=[c[0] for c in PYTHON])
def test_python_programs(server, what, what_sent, verdict):
    report = server.judge(what_sent)
    assert report["verdict"] == report["status"] == verdict, report
    assert report["attempts"] == 1 and report["error"] == ""


def test_syntax_error_text(server):
    report = server.judge(submission("python", "print(1)\ndef f(:\n", SUMS))
    assert "SyntaxError" in report["build_log"]
    assert len(report["tests"]) == 2


def test_exception_named_like_a_syntax_error_is_re(server):
    report = server.judge(submission("python", "print(1)\nraise SyntaxError('no')", [test()]))
    assert report["verdict"] == "RE", report


def test_sleep_is_ended_promptly(server):
    report = server.judge(submission("c", "#include <unistd.h>\nint main(){for(;;)sleep(9);}",
                                     [test()], 1000))
    t = report["tests"][0]
    assert t["verdict"] == "TL"
    assert 1000 <= t["duration_ms"] < 20_000 and t["cpu_time_ms"] < 200, t


def test_stdin_of_64_mb_never_read(server):
    """A pipe that nobody reads must hold up neither the program nor us."""
    source = "import sys,time\nprint(1,flush=True)\nif sys.argv[1:]: time.sleep(60)"
    big = "0123456789abcde\n" * (60_000_000 // 16)
    report = server.judge(submission("python", source, [test(big, "1")], 2000), 90)
    assert report["verdict"] == "OK", report["tests"][0]


def test_stdin_never_read_and_sleeps(server):
    source = "import time\nprint(1,flush=True)\ntime.sleep(60)"
    report = server.judge(submission("python", source, [test("x" * (4 * MIB), "1")], 300))
    assert report["verdict"] == "TL" and report["tests"][0]["duration_ms"] < 20_000


SIGNALS = ("SIGSEGV", "SIGABRT", "SIGFPE", "SIGILL", "SIGBUS", "SIGKILL", "SIGTERM", "SIGINT",
           "SIGPIPE", "SIGUSR1", "SIGALRM", "SIGTRAP", "SIGSYS", "SIGHUP")


def test_signals_have_names(server):
    source = ("import os,signal\nn=int(input())\n"
              "try: signal.signal(n,signal.SIG_DFL)\nexcept OSError: pass\nos.kill(os.getpid(),n)")
    numbers = [int(getattr(signal, name)) for name in SIGNALS]
    report = server.judge(submission("python", source, [test(f"{n}\n") for n in numbers],
                                     stop_on_failure=False))
    seen = [(t["signal"], t["exit_code"], t["verdict"]) for t in report["tests"]]
    assert seen == [(name, 128 + n, "RE") for name, n in zip(SIGNALS, numbers)]
    assert report["exit_code"] == 128 + numbers[-1] and report["signal"] == SIGNALS[-1]


def test_exit_codes(server):
    codes = (1, 2, 3, 42, 127, 128, 137, 139, 255)
    report = server.judge(submission("python", "raise SystemExit(int(input()))",
                                     [test(f"{n}\n") for n in codes], stop_on_failure=False))
    assert [(t["exit_code"], t["signal"], t["verdict"]) for t in report["tests"]] == \
        [(n, None, "RE") for n in codes]


@pytest.mark.parametrize("stop, verdicts", [
    (None, ["OK", "WA", "-", "-"]), (True, ["OK", "WA", "-", "-"]),
    (False, ["OK", "WA", "OK", "RE"])])
def test_stop_on_failure(server, stop, verdicts):
    tests = [test("1\n", "1"), test("2\n", "x"), test("3\n", "3"), test("\n", "4")]
    report = server.judge(submission("python", "print(int(input()))", tests,
                                     stop_on_failure=stop))
    assert [t["verdict"] for t in report["tests"]] == verdicts
    assert report["verdict"] == "WA"


def test_numbers_are_assigned(server):
    tests = [test("", "x", n) for n in (None, 0, 7, -3, None)]
    report = server.judge(submission("python", "print('x')", tests))
    numbers = [t["number"] for t in report["tests"]]
    assert len(set(numbers)) == 5 and numbers[0] == 1 and 7 in numbers, numbers


CHECKERS = [
    # checker, expected, got, verdict
    (None, "1 2\n", "1 2", "OK"),
    (None, "1 2", "1 2  \n\n\n", "OK"),
    (None, "1 2", "1  2", "WA"),
    (None, "a\n\nb", "a\nb", "WA"),
    (None, "a\r\nb\r\n", "a\nb\n", "OK"),
    ("exact", "a\n", "a\n", "OK"),
    ("exact", "a\n", "a", "WA"),
    ("tokens", "1 2 3", "1\n2\t 3\n", "OK"),
    ("tokens", "1 2 3", "1 2", "WA"),
    ("tokens", "1 2", "1 2 3", "WA"),
    ("tokens", "YES", "yes", "WA"),
    ({"name": "tokens", "case_sensitive": False}, "YES", "yes", "OK"),
    ("float", "1.0 2", "1.0000001 2.0", "OK"),
    ("float", "1.0", "1.1", "WA"),
    ({"name": "float", "absolute_tolerance": 0.2}, "1.0", "1.1", "OK"),
    ({"name": "float", "relative_tolerance": 0.01, "absolute_tolerance": 0}, "1000", "1009", "OK"),
    ({"name": "float", "relative_tolerance": 0.01, "absolute_tolerance": 0}, "1000", "1011", "WA"),
    ("float", "nan inf", "-NaN Inf", "OK"),
    ("float", "inf", "-inf", "WA"),
    ("float", "nan", "1", "WA"),
    ("float", "yes 1", "yes 1.0", "OK"),
    ("float", "yes", "no", "WA"),
]


def test_checkers(server):
    source = "import sys\nsys.stdout.write(sys.stdin.read())"
    reports = server.judge_all([
        submission("python", source, [test(got, expected)], checker=checker)
        for checker, expected, got, _ in CHECKERS])
    wrong = [(case, report["verdict"]) for case, report in zip(CHECKERS, reports)
             if report["verdict"] != case[3]]
    assert not wrong


def test_first_difference(server):
    report = server.judge(submission("python", "print('a b\\nc xd')",
                                     [test("", "a b\nc yd\n")]))
    assert report["tests"][0]["first_difference"] == {
        "line": 2, "column": 3, "from_column": 1, "expected": "c yd", "got": "c xd"}


def test_output_not_utf8(server):
    out = b"ok \xff\xfe\x00 \xc3\xa9"
    source = f"import os\nos.write(1,{out!r})\nos.write(2,b'\\x80err')"
    report = server.judge(submission("python", source, [test("", "ok")]))
    t = report["tests"][0]
    assert t["verdict"] == "WA"
    assert base64.b64decode(t["stdout_base64"]) == out
    assert t["stdout"] == "ok \ufffd\ufffd\0 é" and t["stderr"] == "\ufffderr"
    assert base64.b64decode(t["stderr_base64"]) == b"\x80err"
    assert report["stdout"] == t["stdout"]


FLOOD = ("#include <string.h>\n#include <unistd.h>\nint main(){static char b[1<<20];"
         "memset(b,'a',sizeof b);%s for(int i=0;i<%d;i++){char*p=b;size_t n=sizeof b;"
         "while(n){ssize_t r=write(%d,p,n);if(r<=0)return 1;p+=r;n-=r;}}return 0;}")


def test_output_limit(server):
    before = server.rss()
    newlines = "for(size_t i=0;i<sizeof b;i+=2)b[i]='\\n';"
    reports = server.judge_all([
        submission("c", FLOOD % (fill, 100, 1), [test("", "a")], 5000)
        for fill in ("", newlines)])
    for report in reports:
        t = report["tests"][0]
        assert t["verdict"] == "OL" and t["stdout_truncated"], t["verdict"]
        assert len(t["stdout"]) <= 64 * 1024
    if not sanitized():
        assert server.rss() - before < 48 * MIB


def test_output_kept_is_cut_and_marked(server):
    report = server.judge(submission("c", FLOOD % ("", 2, 1), [test("", "a" * (2 * MIB))], 5000))
    t = report["tests"][0]
    assert t["verdict"] == "OK" and t["stdout_truncated"]
    assert t["stdout"] == "a" * (64 * 1024)


def test_stderr_flood_is_cut_and_no_limit(server):
    report = server.judge(submission("c", FLOOD % ("", 60, 2), [test("", "")], 5000))
    t = report["tests"][0]
    assert t["verdict"] == "OK" and t["stderr_truncated"] and len(t["stderr"]) <= 64 * 1024


def test_java_names(server):
    """The file is named after the public class; the package is kept."""
    body = "public static void main(String[] a){System.out.println(\"x\");}"
    cases = [
        (f"public class Solution {{ {body} }}", "OK"),
        (f"package a.b; public class Deep {{ {body} }}", "OK"),
        (f"class Main {{ {body} }} class Other {{}}", "OK"),
        (f"public class Ünïcode {{ {body} }}", "OK"),
        ("public class Main { }", "BF"),
        (f"public class {'A' * 300} {{ {body} }}", "BF"),
        ("public class Main { int x = \"no\"; }", "BF"),
    ]
    reports = server.judge_all([submission("java", source, [test("", "x")], 5000)
                                for source, _ in cases])
    assert [r["verdict"] for r in reports] == [verdict for _, verdict in cases], \
        [r["build_log"] + r["stderr"] for r in reports]


def test_six_statuses_for_a_strict_consumer(fresh_server):
    server = fresh_server(LANGUAGES="python,c", RUNNER_STATUS_SET="scrc",
                          REPORT_TEST_IO="0").start()
    cases = [
        (submission("python", "print(1)\nraise SystemExit(1)", [test("", "1")]), "RE", "WA"),
        (submission("python", "raise SystemExit(1)"), "RE", "OK"),
        (submission("c", FLOOD % ("", 100, 1), [test("", "1")]), "OL", "WA"),
        (submission("python", "print(1)", [test("in", "1")]), "OK", "OK"),
    ]
    for report, (_, verdict, status) in zip(server.judge_all([c[0] for c in cases]), cases):
        assert (report["verdict"], report["status"]) == (verdict, status)
        for t in report["tests"]:
            assert (t["verdict"], t["status"]) == (verdict, status)
            assert t["input"] == t["expected_output"] == ""  # REPORT_TEST_IO=0
    found = server.get("/results?status=WA").json["results"]
    assert {r["verdict"] for r in found} == {"RE", "OL"} and len(found) == 2
