"""What is in a report: where an output is wrong, how much of it is kept, what is hidden."""

import base64
import json

import pytest

from harness import LONG, MIB, check_report, sanitized, submission, test, wait_for
from sse import Stream

ECHO = "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())"

# checker, expected, got, verdict
TOLERANCES = [
    ("float", "1000000", "1000000.9", "OK"),
    ({"name": "float", "absolute_tolerance": 1e-9}, "1000000", "1000000.9", "WA"),
    ({"name": "float", "absolute_tolerance": 1}, "1000000", "1000000.9", "OK"),
    ({"name": "float", "relative_tolerance": 1e-6}, "1000000", "1000000.9", "OK"),
    ({"name": "float", "relative_tolerance": 1e-9}, "0", "0.0000009", "WA"),
    ({"name": "float", "absolute_tolerance": 1e-9, "relative_tolerance": 1e-6}, "1000000",
     "1000000.9", "OK"),
    ({"name": "float", "relative_tolerance": None}, "0", "0.0000009", "OK"),
    ("none", "", "anything", "OK"),
    ({"name": "none"}, "this", "that", "OK"),
    ({"name": "lines", "case_sensitive": False}, "É", "é", "WA"),
    ({"name": "lines", "case_sensitive": False}, "Ab", "aB", "OK"),
]


def test_only_what_is_given_counts(server):
    reports = server.judge_all([submission("python", ECHO, [test(got, expected)], checker=checker)
                                for checker, expected, got, _ in TOLERANCES])
    wrong = [(case, report["verdict"]) for case, report in zip(TOLERANCES, reports)
             if report["verdict"] != case[3]]
    assert not wrong
    failed = server.judge(submission("python", "raise SystemExit(3)", [test("", "")],
                                     checker="none"))
    assert failed["verdict"] == "RE"


def test_a_tolerance_that_was_not_sent_is_not_shown(server):
    sent = submission("python", "print(1)", [test("", "1")], id="tolerance",
                      checker={"name": "float", "absolute_tolerance": 1e-9})
    server.judge(sent)
    shown = server.get("/submissions/tolerance").json["checker"]
    assert shown == {"name": "float", "case_sensitive": True, "absolute_tolerance": 1e-9}
    assert server.post({**sent, "checker": shown}).status == 200
    both = {**sent["checker"], "relative_tolerance": 1e-6}
    assert server.post({**sent, "checker": both}).status == 409


# ---- where it is wrong ----

def difference(server, expected, got, checker="lines"):
    report = check_report(server.judge(submission("python", ECHO, [test(got, expected)], 5000,
                                                  checker=checker)))
    t = report["tests"][0]
    assert t["verdict"] == "WA"
    d = t["first_difference"]
    for word in (d["expected"], d["got"]):
        assert len(word.encode()) <= 256
    return t, d


@pytest.mark.parametrize("fill", ["a", "é", "€", "😀"])
def test_long_lines_differ_within_the_window(server, fill):
    """Whole characters, both from the same column, and what differs is there."""
    size = len(fill.encode())
    line = fill * 4000
    t, d = difference(server, line, line[:3000] + "X" + line[3001:])
    assert (d["line"], d["column"]) == (1, 3000 * size + 1)
    at = d["column"] - d["from_column"]
    assert 0 < at < 256 and "\ufffd" not in d["expected"] + d["got"]
    assert d["got"].encode()[at:].startswith(b"X")
    assert d["expected"].encode()[at:].startswith(fill.encode())
    assert d["expected"].encode()[:at] == d["got"].encode()[:at]


def test_bytes_that_are_no_text_fit_too(server):
    _, d = difference(server, b"\xff" * 5000, b"\xff" * 3000 + b"X" + b"\xff" * 1999)
    assert d["column"] == 3001 and "X" in d["got"] and "X" not in d["expected"]


def test_long_words_differ_within_the_window(server):
    _, d = difference(server, "12 " + "7" * 5000, "12 " + "7" * 4000 + "8" * 1000, "tokens")
    assert d["column"] == 4 and d["from_column"] > 3900
    assert "8" in d["got"] and "8" not in d["expected"]


def test_a_late_difference_is_in_the_report(server):
    """Far behind what is kept: the head, what is left out, and what is around it."""
    lines = [f"line {n}" for n in range(1, 100001)]
    expected = "\n".join(lines)
    lines[77776] = "wrong"
    t, d = difference(server, expected, "\n".join(lines))
    gap = t["stdout_gap"]
    assert t["stdout_truncated"] and len(t["stdout"]) <= 64 * 1024
    head, behind = t["stdout"].split(f"\n{gap['marker']}\n")
    assert head.split("\n") == lines[:head.count("\n") + 1]
    assert gap["column"] == 1 and str(gap["line"]) in gap["marker"]
    assert behind == "\n".join(lines[gap["line"] - 1:])[:len(behind)]
    assert d["line"] == 77777
    assert behind.split("\n")[d["line"] - gap["line"]] == "wrong" == d["got"]


# ---- how much is kept ----

FLOOD = r"""#include <stdio.h>
#include <string.h>
int main(void) { static char b[100000]; memset(b, %s, sizeof b);
fwrite(b, 1, sizeof b, stdout); fwrite(b, 1, sizeof b, stderr); return 0; }"""


def flood(server, tests, byte):
    """A request of a few kilobytes whose tests flood both outputs; the peak above idle with it."""
    server.judge(submission("c", FLOOD % "'y'", [test("", "")]))  # what the first one costs
    server.forget_peak()
    before = server.rss()
    report = check_report(server.judge(submission(
        "c", FLOOD % byte, [{} for _ in range(tests)], 5000, stop_on_failure=False), 600))
    return report, server.peak_rss() - before


def check_flood(server, report, peak, tests):
    size = len(json.dumps(report, ensure_ascii=False, separators=(",", ":")).encode())
    assert size <= 16 * MIB, size
    assert len(report["tests"]) == tests
    assert all(t["verdict"] == "WA" and t["first_difference"] for t in report["tests"])
    first, last = report["tests"][0], report["tests"][-1]
    assert first["stdout_truncated"] and len(first["stderr"]) == 64 * 1024
    assert last["stdout_truncated"] and last["stderr_truncated"]
    assert 100 < len(last["stderr"]) < 64 * 1024
    assert server.alive() and server.judge(submission("python", "print(1)"))["verdict"] == "OK"
    if not sanitized():
        assert peak <= 64 * MIB, peak / MIB


def test_a_report_is_bounded(fresh_server):
    server = fresh_server(LANGUAGES="c,python").start().ready()
    tests = 1000 if LONG else 100
    for byte in ("0", "0xff", "'a'") if LONG else ("0",):
        report, peak = flood(server, tests, byte)
        check_flood(server, report, peak, tests)


def test_report_bytes_is_a_setting(fresh_server):
    server = fresh_server(REPORT_BYTES="1MiB", REPORT_OUTPUT_BYTES="4MiB").start().ready()
    report = server.judge(submission("python", "print('\\0' * 3000000)", [test("", "")] * 3,
                                     stop_on_failure=False))
    assert len(json.dumps(report)) <= MIB
    assert all(t["stdout_truncated"] and t["stdout"] for t in report["tests"])
    alone = server.judge(submission("python", "print('x' * 3000000)"))
    assert MIB / 2 < len(alone["stdout"]) < MIB


# ---- what is hidden ----

def test_hidden_texts_are_in_no_answer(fresh_server):
    """A program prints its input, on both outputs; the answer is in the first difference."""
    server = fresh_server(REPORT_TEST_IO=0).start().ready()
    tell = "import sys\nt=sys.stdin.read()\nprint(t)\nprint(t, file=sys.stderr)"
    cases = {"wrong": (tell, [test("INPUT-7", "ANSWER-7")]),
             "crash": (tell + "\nraise SystemExit(1)", [test("INPUT-7", "ANSWER-7")]),
             "right": (tell, [test("INPUT-7", "INPUT-7")]),
             "bytes": ("import sys\nsys.stdout.buffer.write(b'\\xff' + sys.stdin.buffer.read())",
                       [test("INPUT-7", "ANSWER-7")])}
    for id, (source, tests) in cases.items():
        report = check_report(server.judge(submission("python", source, tests, id=id)))
        bodies = [server.get(f"/results/{id}").body.decode(),
                  server.get(f"/results/{id}?fields=stdout,stderr,tests,stdout_base64").body.decode(),
                  str(Stream(server, f"/submissions/{id}/events").to_end()[-1].data)]
        assert all('"WA"' in body or "'WA'" in body or id != "wrong" for body in bodies)
        secret = [s for s in ("INPUT-7", "ANSWER-7", base64.b64encode(b"\xffINPUT-7").decode())
                  if any(s in body for body in bodies)]
        assert not secret, (id, secret)
        [t] = report["tests"]
        assert t["verdict"] == report["verdict"] != "-" and t["first_difference"] is None
        assert t["exit_code"] == (1 if id == "crash" else 0) and t["duration_ms"] is not None
    assert server.judge(submission("python", "print('shown')"))["stdout"] == "shown\n"
    broken = server.judge(submission("python", "def f(:", [test("INPUT-7", "ANSWER-7")]))
    assert broken["verdict"] == "BF" and broken["stderr"] == broken["build_log"] != ""


# ---- how it came ----

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("sent, kept", [
    ({"traceparent": TRACE}, TRACE), ({"TraceParent": TRACE}, TRACE), ({}, None),
    ({"traceparent": "01" + TRACE[2:] + "-more"}, TRACE),
    ({"traceparent": TRACE.upper()}, None), ({"traceparent": TRACE + "-"}, None)])
def test_a_report_says_how_its_submission_came(server, sent, kept):
    judged = server.post(submission("python", "print(1)"), "?wait=60", headers=sent)
    assert judged.status == 200, judged
    report = check_report(judged.json)
    assert (report["door"], report["traceparent"]) == ("http", kept)
    [line] = wait_for(lambda: [x for x in server.logged("finished") if f"job={report['id']} " in x],
                      60, "the line of its end")
    assert "verdict=OK door=http" in line and "language=python" in line
    assert (f"traceparent={kept} " in line) == (kept is not None), line


def test_the_place_in_a_trace_outlives_the_server(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    sent = submission("python", "print(1)", [test("", "1")])
    accepted = [server.post(sent, headers={"traceparent": TRACE}).json["id"] for _ in range(2)]
    server.kill9()
    server.settings["RUNNER_MAX_PARALLEL"] = "1"
    server.start()
    assert "rows=2" in server.logged("listening")[0] and "DOCKER_HOST=" in server.log()
    server.delete(accepted[1])
    for id in accepted:
        report = server.report(id)
        assert (report["door"], report["traceparent"]) == ("http", TRACE)
    assert server.get(f"/results/{accepted[0]}?fields=traceparent").json == {"traceparent": TRACE}


def test_two_places_in_a_trace_are_none(server):
    body = json.dumps(submission("python", "print(1)")).encode()
    other = TRACE.replace("b7ad", "c7ad")
    answer = server.raw(b"POST /submissions?wait=60 HTTP/1.1\r\nHost: localhost\r\n"
                        b"Content-Type: application/json\r\nConnection: close\r\n"
                        + f"traceparent: {TRACE}\r\ntraceparent: {other}\r\n".encode()
                        + b"Content-Length: %d\r\n\r\n" % len(body) + body, 60)
    assert b'"traceparent":null' in answer, answer


# ---- limits ----

def test_which_limits_held_and_which_was_hit(server):
    cases = [
        ("while True: pass", {"time_limit_ms": 300}, "TL", "cpu"),
        ("import time\ntime.sleep(60)", {"time_limit_ms": 300, "wall_time_limit_ms": 400}, "TL",
         "wall"),
        ("x = bytearray(200 << 20)", {"memory_limit_bytes": 64 * MIB}, "ML", "memory"),
        ("import os\nwhile True: os.write(1, b'x' * 65536)", {}, "OL", "output"),
        ("print(1)", {}, "WA", None),
        ("raise SystemExit(1)", {}, "RE", None),
    ]
    reports = server.judge_all([{**submission("python", source, [test("", "2")]), "limits": limits}
                                for source, limits, _, _ in cases])
    for report, (_, sent, verdict, hit) in zip(reports, cases):
        [t] = report["tests"]
        assert (report["verdict"], report["limit_hit"], t["limit_hit"]) == (verdict, hit, hit)
        assert report["limits"] == {"time_limit_ms": 10000, "wall_time_limit_ms": None,
                                    "memory_limit_bytes": 256 * MIB, **sent}
    broken = server.judge(submission("python", "def f(:", [test("", "")]))
    assert broken["limits"]["time_limit_ms"] == 10000 and broken["limit_hit"] is None


def forks(then):
    """Makes processes until it is refused one; then this."""
    return ("import os, time\n"
            "try:\n    while True:\n        if os.fork() == 0: time.sleep(600)\n"
            f"except BlockingIOError as e:\n    {then}\n")


def check_processes(server):
    """Programs that are refused a process, and after each one that is not."""
    plain = submission("python", "print(1)", [test("", "2")])
    cases = [(submission("python", forks("raise"), [test("", "1")]), "RE", "processes"),
             (submission("python", forks("print(2)"), [test("", "1")]), "WA", "processes"),
             (submission("python", forks("print(1)"), [test("", "1")]), "OK", None),
             (submission("python", "while True:\n try:\n  import os; os.fork()\n except OSError: pass",
                         [test("", "1")], 300), "TL", "cpu")]
    cases = [case for bomb in cases for case in (bomb, (plain, "WA", None))]
    for report, (_, verdict, hit) in zip(server.judge_all([sent for sent, _, _ in cases]), cases):
        [t] = report["tests"]
        assert (t["verdict"], t["limit_hit"], report["limit_hit"]) == (verdict, hit, hit), report


def test_the_limit_of_processes(server):
    check_processes(server)


def test_the_limit_of_processes_is_of_one_test(server):
    source = "if input() == 'many':\n" + "".join(
        f"    {line}\n" for line in forks("raise").splitlines()) + "print('few')"
    report = server.judge(submission("python", source, [
        test("many\n", "few"), test("few\n", "few"), test("many\n", "few"), test("x\n", "y")],
        stop_on_failure=False))
    assert [(t["verdict"], t["limit_hit"]) for t in report["tests"]] == [
        ("RE", "processes"), ("OK", None), ("RE", "processes"), ("WA", None)]
    assert report["limit_hit"] == "processes"
