"""What is wrong is refused with the right word, stores nothing and moves nothing."""

import json
import socket

import pytest

from harness import MIB, quote, submission

GOOD = {"language": "python", "source": "print(1)"}


def plus(**more):
    return {**GOOD, **more}


def limits(**more):
    return plus(limits=more)


def one_test(**more):
    return plus(tests=[{"input": ""}, more])


def raw(text):
    """A whole body by its text."""
    return text.encode() if isinstance(text, str) else text


def with_limit(literal, name="time_limit_ms"):
    return raw('{"language":"c","source":"x","limits":{"%s":%s}}' % (name, literal))


# name, body, status, pointer (None: no field is to blame)
CASES = [
    ("not JSON", raw("hello"), 400, None),
    ("empty", raw(""), 400, None),
    ("blank", raw("  \n"), 400, None),
    ("cut off", raw('{"language":"c","source":"x'), 400, None),
    ("trailing bytes", raw('{"language":"c","source":"x"} x'), 400, None),
    ("two documents", raw('{"language":"c","source":"x"}{}'), 400, None),
    ("trailing comma", raw('{"language":"c","source":"x",}'), 400, None),
    ("single quotes", raw("{'language':'c'}"), 400, None),
    ("duplicate keys", raw('{"language":"c","language":"c","source":"x"}'), 400, None),
    ("duplicate keys below", raw('{"language":"c","source":"x","limits":{"time_limit_ms":1,'
                                 '"time_limit_ms":2}}'), 400, None),
    ("not UTF-8", raw(b'{"language":"c","source":"\xff"}'), 400, None),
    ("lone surrogate", raw('{"language":"c","source":"\\ud800"}'), 400, None),
    ("raw control character", raw('{"language":"c","source":"a\nb"}'), 400, None),
    ("two byte order marks", raw(b'\xef\xbb\xbf' * 2 + b'{"language":"c","source":"x"}'), 400, None),
    ("UTF-16", raw('{"language":"c","source":"x"}'.encode("utf-16")), 400, None),
    ("NUL after", raw('{"language":"c","source":"x"}\0'), 400, None),
    ("depth bomb", raw("[" * 1_000_000), 400, None),
    ("depth bomb of objects", raw('{"a":' * 200_000), 400, None),
    ("deep but closed", raw('{"language":"c","source":"x","tests":' + "[" * 40 + "]" * 40 + "}"),
     400, None),
    ("NaN", with_limit("NaN"), 400, None),
    ("Infinity", with_limit("-Infinity"), 400, None),
    ("1e400", with_limit("1e400"), 422, ""),
    ("2^64", with_limit("18446744073709551616"), 422, "/limits/time_limit_ms"),

    ("an array", raw("[]"), 422, ""),
    ("a string", raw('"x"'), 422, ""),
    ("null", raw("null"), 422, ""),
    ("no language", {"source": "x"}, 422, "/language"),
    ("no source", {"language": "c"}, 422, "/source"),
    ("empty source", plus(source=""), 422, "/source"),
    ("null source", plus(source=None), 422, "/source"),
    ("unknown language", plus(language="cobol"), 422, "/language"),
    ("language in capitals", plus(language="Python"), 422, "/language"),
    ("language with NUL", plus(language="c\0"), 422, "/language"),
    ("language is a number", plus(language=5), 422, "/language"),
    ("source is a list", plus(source=["x"]), 422, "/source"),
    ("source of 20 MB", plus(source="x" * 20_000_000), 422, "/source"),
    ("source one byte over", plus(source="x" * (MIB + 1)), 422, "/source"),
    ("unknown field", plus(sauce="x"), 422, "/sauce"),
    ("unknown field with a slash", plus(**{"a/b~c": 1}), 422, "/a~1b~0c"),
    ("unknown field in limits", limits(time=1), 422, "/limits/time"),
    ("unknown field in a test", one_test(output="x"), 422, "/tests/1/output"),
    ("unknown field in the checker", plus(checker={"name": "float", "eps": 1}), 422,
     "/checker/eps"),
    ("a million keys", raw('{"language":"c","source":"x"' + "".join(
        f',"k{i}":0' for i in range(1_000_000)) + "}"), 422, ""),
    ("type done", plus(type="done"), 422, "/type"),
    ("type unknown", plus(type="code"), 422, "/type"),
    ("type is a number", plus(type=1), 422, "/type"),
    ("id is a number", plus(id=5), 422, "/id"),
    ("id with NUL", plus(id="a\0b"), 422, "/id"),
    ("id with newline", plus(id="a\r\nb"), 422, "/id"),
    ("id with DEL", plus(id="a\x7fb"), 422, "/id"),
    ("id of 256 bytes", plus(id="x" * 256), 422, "/id"),
    ("id of 128 times two bytes", plus(id="é" * 128), 422, "/id"),
    ("limits is a list", plus(limits=[]), 422, "/limits"),
    ("time -1", limits(time_limit_ms=-1), 422, "/limits/time_limit_ms"),
    ("time 1e18", limits(time_limit_ms=10**18), 422, "/limits/time_limit_ms"),
    ("time 1e18 as it stands", with_limit("1e18"), 422, "/limits/time_limit_ms"),
    ("time 1.5", limits(time_limit_ms=1.5), 422, "/limits/time_limit_ms"),
    ("time is text", limits(time_limit_ms="1000"), 422, "/limits/time_limit_ms"),
    ("time is true", limits(time_limit_ms=True), 422, "/limits/time_limit_ms"),
    ("time over the ceiling", limits(time_limit_ms=300_001), 422, "/limits/time_limit_ms"),
    ("memory -1", limits(memory_limit_bytes=-1), 422, "/limits/memory_limit_bytes"),
    ("memory 1.5", limits(memory_limit_bytes=1.5), 422, "/limits/memory_limit_bytes"),
    ("memory 64", limits(memory_limit_bytes=64), 422, "/limits/memory_limit_bytes"),
    ("memory below 1 MiB", limits(memory_limit_bytes=MIB - 1), 422, "/limits/memory_limit_bytes"),
    ("memory over the ceiling", limits(memory_limit_bytes=2 * 1024 * MIB + 1), 422,
     "/limits/memory_limit_bytes"),
    ("memory 1e18", limits(memory_limit_bytes=10**18), 422, "/limits/memory_limit_bytes"),
    ("wall below time", limits(time_limit_ms=1000, wall_time_limit_ms=999), 422,
     "/limits/wall_time_limit_ms"),
    ("wall below the default time", limits(wall_time_limit_ms=10), 422,
     "/limits/wall_time_limit_ms"),
    ("wall over the ceiling", limits(wall_time_limit_ms=360_001), 422,
     "/limits/wall_time_limit_ms"),
    ("tests is an object", plus(tests={}), 422, "/tests"),
    ("a test is a number", plus(tests=[5]), 422, "/tests/0"),
    ("10,000 tests", plus(tests=[{}] * 10_000), 422, "/tests"),
    ("two tests with one number", plus(tests=[{"number": 4}, {"number": 4}]), 422,
     "/tests/1/number"),
    ("test number 1.5", one_test(number=1.5), 422, "/tests/1/number"),
    ("test number is text", one_test(number="1"), 422, "/tests/1/number"),
    ("input is a number", one_test(input=5), 422, "/tests/1/input"),
    ("expected output is a list", one_test(expected_output=[]), 422, "/tests/1/expected_output"),
    ("base64 with rubbish", one_test(input_base64="a?b="), 422, "/tests/1/input_base64"),
    ("base64 without its end", one_test(expected_output_base64="YQ="), 422,
     "/tests/1/expected_output_base64"),
    ("base64 is a number", one_test(input_base64=5), 422, "/tests/1/input_base64"),
    ("both forms of the input", one_test(input="a", input_base64="YQ=="), 422,
     "/tests/1/input_base64"),
    ("both forms of the expected output", one_test(expected_output="a",
                                                   expected_output_base64="YQ=="), 422,
     "/tests/1/expected_output_base64"),
    ("unknown checker", plus(checker="magic"), 422, "/checker"),
    ("checker is a number", plus(checker=5), 422, "/checker"),
    ("checker without a name", plus(checker={"case_sensitive": True}), 422, "/checker/name"),
    ("unknown checker by name", plus(checker={"name": "magic"}), 422, "/checker/name"),
    ("negative tolerance", plus(checker={"name": "float", "absolute_tolerance": -1}), 422,
     "/checker/absolute_tolerance"),
    ("tolerance is text", plus(checker={"name": "float", "relative_tolerance": "1"}), 422,
     "/checker/relative_tolerance"),
    ("case_sensitive is text", plus(checker={"name": "tokens", "case_sensitive": "no"}), 422,
     "/checker/case_sensitive"),
    ("stop_on_failure is text", plus(stop_on_failure="yes"), 422, "/stop_on_failure"),
]


@pytest.fixture(scope="module")
def idle(module_server):
    """Accepts and judges nothing: what is stored stays to be seen."""
    return module_server(RUNNER_MAX_PARALLEL=0, LANGUAGES=None).start()


def stored(server):
    return [r["id"] for r in server.get("/results?limit=500").json["results"]]


def check_problem(answer, status):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    body = answer.json
    assert body["status"] == status and body["title"] and isinstance(body.get("detail", ""), str)
    return body


@pytest.mark.parametrize("what, body, status, pointer", CASES, ids=[c[0] for c in CASES])
def test_refused(idle, what, body, status, pointer):
    before, pid = stored(idle), idle.pid
    worked = idle.cpu_seconds()
    answer = idle.post(body)
    worked = idle.cpu_seconds() - worked
    check_problem(answer, status)
    if pointer is not None:
        assert pointer in answer.pointers, answer
        assert all(e["detail"] for e in answer.json["errors"])
        assert len(answer.pointers) <= 20
    assert worked < 1
    assert stored(idle) == before
    assert idle.alive() and idle.pid == pid
    assert idle.get("/healthz").status == 200


def test_every_fault_is_listed(idle):
    answer = idle.post({"language": 5, "limits": {"time_limit_ms": -1}, "tests": [{"number": "x"}],
                        "more": 1})
    check_problem(answer, 422)
    assert set(answer.pointers) == {"/language", "/source", "/limits/time_limit_ms",
                                    "/tests/0/number", "/more"}


def fault(answer, pointer=None):
    """What one wrong field or parameter is said of: (detail of the answer, of the field)."""
    check_problem(answer, 422)
    [error] = answer.json["errors"]
    assert answer.json["detail"] == f"{error.get('pointer', error.get('parameter'))}: {error['detail']}"
    assert pointer in (None, error.get("pointer")), answer
    return error["detail"]


@pytest.mark.parametrize("body, pointer, meant", [
    (plus(test=[]), "/test", "tests"), (plus(stopOnFailure=True), "/stopOnFailure", "stop_on_failure"),
    (limits(time_limit=1), "/limits/time_limit", "time_limit_ms"),
    (limits(memoryLimitBytes=1), "/limits/memoryLimitBytes", "memory_limit_bytes"),
    (plus(tests=[{"expected": "1"}]), "/tests/0/expected", "expected_output"),
    (plus(tests=[{"expectedOutput": "1"}]), "/tests/0/expectedOutput", "expected_output"),
    (plus(checker={"name": "float", "absolute": 1}), "/checker/absolute", "absolute_tolerance"),
    (plus(nonsense=1), "/nonsense", None)])
def test_an_unknown_field_is_told_what_was_meant(idle, body, pointer, meant):
    detail = fault(idle.post(body), pointer)
    assert detail == "is not a field we know" + (f"; did you mean {meant}?" if meant else "")


@pytest.mark.parametrize("name, meant", [
    ("pyton", "python"), ("Python3", "python"), ("C++", "cpp"), ("PYTHON", "python"),
    ("CPP", "cpp"), ("jave", "java"), ("rust", None), ("x" * 300, None)])
def test_an_unknown_language_is_told_which_there_are(idle, name, meant):
    detail = fault(idle.post(plus(language=name)), "/language")
    assert detail.startswith("is not a language of this server"), detail
    assert all(known in detail for known in ("python", "go", "c,", "cpp", "java")), detail
    assert (f"did you mean {meant}?" in detail) if meant else "mean" not in detail, detail


@pytest.mark.parametrize("query, detail", [
    ("/results?stat=done", "there is no such query parameter here; did you mean state?"),
    ("/results?page=2", "there is no such query parameter here; it takes state, status, language,"),
    ("/healthz?page=2", "there is no such query parameter here; it takes none"),
    ("/results/x?fields=id,stats", "a report has no field 'stats'; did you mean status?"),
    ("/results/x?wait=soon", "must be seconds, 0 to 300"),
    ("/results?id_prefix=" + "x" * 256, "an id has at most 255 bytes"),
    ("/results?cursor=x", "not a cursor of ours")])
def test_a_wrong_parameter_is_named_in_the_sentence(idle, query, detail):
    assert fault(idle.get(query)).startswith(detail)


@pytest.mark.parametrize("method, path, body, status, code", [
    ("POST", "/submissions", b"{", 400, "not_json"), ("GET", "/results/%zz", None, 400, "bad_request"),
    ("POST", "/submissions", {}, 422, "invalid"), ("GET", "/results/nobody", None, 404, "not_found"),
    ("GET", "/nowhere", None, 404, "no_such_path"), ("PUT", "/results", None, 405, "method_not_allowed"),
    ("POST", "/results/x/publish", None, 409, "kafka_off")])
def test_problems_have_a_code(idle, method, path, body, status, code):
    answer = idle.request(method, path, body=body)
    check_problem(answer, status)
    assert answer.json["code"] == code


def test_conflicts_are_told_apart(idle):
    id = idle.submit(plus(id="conflicts"))
    assert idle.post(plus(id=id, source="other")).json["code"] == "id_taken"
    assert idle.delete(id).status == 200
    assert idle.delete(id).json["code"] == "already_final"


@pytest.mark.parametrize("type_, status", [
    ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("multipart/form-datax", 415),
    ("application/jsonp", 415), ("application/json; charset=utf-8", 202),
    ('application/json;a=b; Charset="UTF-8"', 202), ("application/json; charset=utf-16", 415),
    ("application/json; charset=iso-8859-1", 415), ("application/json;charset=utf-8x", 415),
    ("APPLICATION/JSON", 202)])
def test_content_type(idle, type_, status):
    answer = idle.post(GOOD, headers={"Content-Type": type_})
    assert answer.status == status, answer
    if status == 415:
        check_problem(answer, 415)


@pytest.mark.parametrize("coding, status", [
    ("gzip", 415), ("br", 415), ("identity, gzip", 415), ("identity", 202), ("Identity", 202)])
def test_content_encoding(idle, coding, status):
    """Nothing is decoded, so nothing that is coded is taken for what it is not."""
    answer = idle.post(GOOD, headers={"Content-Encoding": coding})
    assert answer.status == status, answer
    if status == 415:
        check_problem(answer, 415)


LEGAL = [
    ("byte order mark", raw(b'\xef\xbb\xbf{"language":"c","source":"x"}')),
    ("whole numbers in other spellings", raw(
        '{"language":"c","source":"x","limits":{"time_limit_ms":2000.0,"memory_limit_bytes":2e7},'
        '"tests":[{"number":1.0}]}')),
    ("nulls are absent", {**GOOD, "id": None, "type": None, "limits": None, "tests": None,
                          "checker": None, "stop_on_failure": None}),
    ("empty id and type", plus(id="", type="")),
    ("type script", plus(type="script")),
    ("zeros", limits(time_limit_ms=0, memory_limit_bytes=0, wall_time_limit_ms=0)),
    ("at the ceilings", limits(time_limit_ms=300_000, memory_limit_bytes=2 * 1024 * MIB,
                               wall_time_limit_ms=360_000)),
    ("NUL where it is legal", plus(source="#\0", tests=[{"input": "\0", "expected_output": "\0"}])),
    ("id of 255 bytes", plus(id="y" * 255)),
    ("source at its limit", plus(source="#" * MIB)),
    ("1000 tests", plus(tests=[{}] * 1000)),
    ("null in a test", plus(tests=[{"number": None, "input": None, "expected_output": None,
                                    "input_base64": None}])),
]


@pytest.mark.parametrize("what, body", LEGAL, ids=[c[0] for c in LEGAL])
def test_accepted(idle, what, body):
    answer = idle.post(body)
    assert answer.status == 202, answer
    assert idle.delete(answer.json["id"]).status == 200


@pytest.mark.parametrize("path, name", [
    ("/results?limit=0", "limit"), ("/results?limit=501", "limit"), ("/results?limit=x", "limit"),
    ("/results?state=maybe", "state"), ("/results?status=XX", "status"),
    ("/results?sort=colour", "sort"), ("/results?cursor=zzz", "cursor"),
    ("/results?since=yesterday", "since"), ("/results?until=-", "until"),
    ("/results?colour=red", "colour"), ("/results/x?wait=soon", "wait"),
    ("/results/x?wait=-1", "wait")])
def test_query_parameters(idle, path, name):
    body = check_problem(idle.get(path), 422)
    assert name in json.dumps(body), body


def test_wait_is_checked_before_anything_is_stored(idle):
    before = stored(idle)
    assert idle.post(GOOD, "?wait=soon").status == 422
    assert idle.post(GOOD, "?colour=red").status == 422
    assert stored(idle) == before


@pytest.mark.parametrize("path", [
    "/results/..%2f..%2fetc%2fpasswd", "/results/%2e%2e", "/results/.", "/results/a%00b",
    "/results/" + "x" * 4000, "/results/%zz", "/results/%ff%fe", "/results/" + quote("☃"),
    "/results/" + quote("' OR 1=1--"), "/results/" + quote("1;DROP TABLE job;"),
    "/submissions/" + quote("%' OR '1'='1"), "/results/", "/nothing", "/%2e%2e/etc/passwd",
    "/../../etc/passwd", "//", "/results/a/b"])
def test_odd_paths(idle, path):
    """H5, H6"""
    answer = idle.get(path)
    check_problem(answer, answer.status)
    assert answer.status in (400, 404), answer


def test_filters_are_literal(idle):
    """H6"""
    id = idle.submit(plus(id="abc_1"))
    for prefix, found in (("abc", True), ("%", False), ("a%", False), ("abc%", False),
                          ("abcx", False), ("a_c", False), ("' OR 1=1--", False)):
        items = idle.get("/results?id_prefix=" + quote(prefix)).json["results"]
        assert bool(items) == found, (prefix, items)
    items = idle.get("/results?language=" + quote("' OR 1=1--"))
    assert items.status == 422 or items.json["results"] == []
    idle.delete(id)


# ---- the bytes below HTTP (the whole lists are the server's unit tests) ----

def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


@pytest.fixture(scope="module")
def small(module_server):
    return module_server(RUNNER_MAX_PARALLEL=0, LANGUAGES=None, MAX_BODY_BYTES="64KiB", REQUEST_TIMEOUT="1s",
                         MAX_CONNECTIONS=64).start()


def test_too_large(small):
    """H3"""
    head = b"POST /submissions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    cases = [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Big: " + b"a" * MIB + b"\r\n\r\n", (431, 413, None)),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(10_000)) +
         b"\r\n", (431, 413, None)),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", (414, 431, None)),
        (head + b"Content-Length: 65537\r\n\r\n", (413,)),
        (head + b"Content-Length: 99999999999\r\n\r\n", (413,)),
        (head + b"Transfer-Encoding: chunked\r\n\r\n" +
         (b"10000\r\n" + b"a" * 65536 + b"\r\n") * 8, (413, None)),
    ]
    before = small.rss()
    for data, statuses in cases:
        answer = small.raw(data, 5)
        assert status_of(answer) in statuses, (data[:80], answer[:200])
        assert small.get("/healthz").status == 200
    assert small.rss() - before < 16 * MIB
    assert small.raw(cases[3][0] + b"", 5).startswith(b"HTTP/1.1 413")


def test_no_second_request_is_smuggled(small):
    """H2, the two that matter most"""
    hidden = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for headers in (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                    b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(hidden)):
        answer = small.raw(b"POST /submissions HTTP/1.1\r\nHost: localhost\r\n" + headers +
                           b"Content-Type: application/json\r\n\r\n" +
                           (b"0\r\n\r\n" if b"chunked" in headers else b"") + hidden, 3)
        assert status_of(answer) == 400 and answer.count(b"HTTP/1.1 ") == 1, answer


def slow_clients(server, count):
    """Connections whose requests are never finished."""
    slow = []
    for i in range(count):
        s = socket.create_connection((server.client.host, server.client.port), timeout=25)
        s.sendall(b"GET /healthz HTTP/1.1\r\nHos" if i % 2 else
                  b"POST /submissions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 100\r\n\r\n{")
        slow.append(s)
    return slow


def test_slow_clients_hold_nobody_up(idle):
    """H1: the others are served while they are there, which is REQUEST_TIMEOUT: 30 s."""
    slow = slow_clients(idle, 40)
    for _ in range(20):
        assert idle.get("/healthz").status == 200
    for s in slow:
        s.setblocking(False)
        with pytest.raises(BlockingIOError):
            s.recv(1)
        s.close()


def test_slow_clients_are_closed(small):
    """H1: long before their own patience of 25 s is over"""
    for s in slow_clients(small, 40):
        try:
            while s.recv(65536):
                pass
        except ConnectionError:
            pass
        s.close()


def test_what_a_client_sends_stays_on_one_line(fresh_server):
    """H7"""
    server = fresh_server(RUNNER_MAX_PARALLEL=0, LOG_LEVEL="debug").start()
    evil = 'x" event=listening \x1b[31m\u2028"}{'
    answer = server.post(plus(id=evil.replace("\x1b", "")))
    assert answer.status == 202, answer
    server.post(plus(language="a\r\nevent=forged\x1b[0m"))
    server.get("/results/" + quote("a\r\nevent=forged"))
    server.delete(evil.replace("\x1b", ""))
    server.terminate()
    for line in server.lines:
        assert "\x1b" not in line and not line.startswith("event=forged"), line


def test_header_injection(idle):
    """H7: an id in Location stays in Location."""
    answer = idle.post(submission("python", "1", id="a b/é☃%\"'<>"))
    assert answer.status == 202
    assert answer.headers["Location"] == "/results/" + quote("a b/é☃%\"'<>")
    assert idle.get(answer.headers["Location"]).status == 202
