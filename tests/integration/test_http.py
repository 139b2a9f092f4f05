"""The routes, as a client meets them."""

import concurrent.futures
import gzip
import json
import os
import re
import signal
import socket
import sqlite3
import time

import pytest
import yaml

from harness import LANGUAGES, ROOT, check_report, in_file, quote, submission, test, wait_for

HELLO = submission("python", "print('hi')", [test("", "hi")])


def sleeper(seconds, **more):
    return submission("python", f"import time\ntime.sleep({seconds})", [test()],
                      limits={"time_limit_ms": 1000, "wall_time_limit_ms": 60_000}, **more)


def test_accepted_then_reported(server):
    answer = server.post(HELLO)
    assert answer.status == 202
    body = answer.json
    assert set(body) == {"id", "state", "position", "reason", "submitted_at"}
    assert body["state"] in ("queued", "running")
    assert answer.headers["Location"] == "/results/" + quote(body["id"])
    report = server.report(body["id"])
    assert report["id"] == body["id"] and report["verdict"] == "OK"
    again = server.get(answer.headers["Location"])
    assert again.status == 200 and again.json == report


def test_wait_answers_with_the_report(server):
    answer = server.post(HELLO, "?wait=30")
    assert answer.status == 200, answer
    assert check_report(answer.json)["verdict"] == "OK"


def test_wait_ends_in_time(server):
    began = time.monotonic()
    answer = server.post(sleeper(30), "?wait=0.3")
    took = time.monotonic() - began
    assert answer.status == 202 and 0.25 <= took < 15, (took, answer)
    id = answer.json["id"]
    began = time.monotonic()
    assert server.get(f"/results/{id}?wait=0.3").status == 202
    assert 0.25 <= time.monotonic() - began < 15
    assert server.delete(id).status == 200


def test_not_final_is_202_and_unknown_404(module_server):
    server = module_server(RUNNER_MAX_PARALLEL=0, LANGUAGES=None).start()
    ids = [server.submit(HELLO) for _ in range(3)]
    for position, id in enumerate(ids, 1):
        answer = server.get("/results/" + id)
        assert answer.status == 202 and answer.json["state"] == "queued"
        assert set(answer.json) == {"id", "state", "position", "reason"}
        assert answer.json["position"] == position
        assert answer.json["reason"], "why nothing happens"
    assert server.get("/results/nobody").status == 404
    assert server.get("/submissions/nobody").status == 404
    assert server.delete("nobody").status == 404


def test_fields(server):
    id = server.submit(HELLO)
    server.report(id)
    answer = server.get(f"/results/{id}?fields=id,status")
    assert answer.status == 200 and answer.json == {"id": id, "status": "OK"}


def test_what_was_sent(server):
    sent = submission("python", "print('ж')",
                      [test("a" * 5000 + "\n", "b" * 9000), test(b"\xff", "\0")], 2000, 64,
                      id="sent/ж 1", checker={"name": "float", "relative_tolerance": 0.5},
                      stop_on_failure=False)
    server.judge(sent)
    answer = server.get("/submissions/" + quote("sent/ж 1"))
    assert answer.status == 200
    body = answer.json
    assert body["state"] == "done" and body["id"] == "sent/ж 1"
    assert body["language"] == "python" and body["source"] == sent["source"]
    assert body["limits"]["time_limit_ms"] == 2000
    assert body["limits"]["memory_limit_bytes"] == 64 << 20
    assert body["tests"][0]["input"] == "a" * 5000 + "\n"
    assert body["tests"][0]["expected_output"] == "b" * 9000
    assert body["tests"][1]["input_base64"] == "/w=="
    assert body["tests"][1]["expected_output"] == "\0"
    assert body["checker"]["name"] == "float" and body["stop_on_failure"] is False


def test_large_texts_come_back_whole(server):
    """Texts beyond 4 KiB live apart in the table, each once."""
    for size in (4095, 4096, 4097, 300_000):
        text = ("0123456789é" * size)[:size]
        source = f"#{text}\nimport sys\nsys.stdout.write(sys.stdin.read())"
        report = server.judge(submission("python", source, [test(text, text), test(text, text)],
                                         checker="exact"))
        assert report["verdict"] == "OK", size
        for t in report["tests"]:
            assert t["input"] == t["expected_output"] == text
        assert server.get("/submissions/" + report["id"]).json["source"] == source


def test_same_submission_again(server):
    sent = {**HELLO, "id": "idem-1"}
    first = server.judge(sent)
    for body in (sent, {**sent, "type": "script"}, {**sent, "limits": None, "checker": None},
                 {**sent, "tests": [test("", "hi", 1)]}):
        answer = server.post(body)
        assert answer.status == 200 and answer.json == first, answer
    for other in ({**sent, "source": "print('ho')"}, {**sent, "stop_on_failure": False},
                  {**sent, "limits": {"time_limit_ms": 999}}, {**sent, "language": "c"}):
        answer = server.post(other)
        assert answer.status == 409, answer
        assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert server.get("/results/idem-1").json == first


def test_same_submission_while_it_waits(module_server):
    server = module_server(RUNNER_MAX_PARALLEL=0, LANGUAGES=None).start()
    sent = {**HELLO, "id": "idem-2"}
    answers = [server.post(sent) for _ in range(3)]
    assert [a.status for a in answers] == [202] * 3
    assert len(server.get("/results").json["results"]) == 1
    assert server.post({**sent, "source": "1"}).status == 409


@pytest.mark.parametrize("id", ["a/b", "ж☃😀", "a b?c#d%e&f=g", "..", ".", "a%2Fb", "+",
                                "../../etc/passwd", "'; --", "x" * 255, "\\", "\u2028"])
def test_ids_in_paths(server, id):
    answer = server.post({**HELLO, "id": id})
    assert answer.status == 202, answer
    assert answer.headers["Location"] == "/results/" + quote(id)
    assert server.report(id)["id"] == id
    assert server.get("/submissions/" + quote(id)).json["id"] == id


def test_cancel_queued(module_server):
    server = module_server(RUNNER_MAX_PARALLEL=0, LANGUAGES=None).start()
    id, other = server.submit(HELLO), server.submit(HELLO)
    assert server.delete(id).status == 200
    report = server.report(id)
    assert (report["status"], report["verdict"], report["error"]) == ("-", "-", "cancelled")
    assert [t["verdict"] for t in report["tests"]] == ["-"] and report["exit_code"] is None
    assert server.delete(id).status == 409
    assert server.get("/submissions/" + id).json["state"] == "cancelled"
    assert server.get("/results/" + other).json["position"] == 1


def test_cancel_running(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=1).start()
    id = server.submit(sleeper(50))
    server.wait_running(id)
    behind = server.submit(HELLO)
    began = time.monotonic()
    assert server.delete(id).status == 200
    assert server.report(id)["error"] == "cancelled"
    assert server.report(behind)["verdict"] == "OK"
    assert time.monotonic() - began < 25, "the cell of a cancelled run was not stopped"
    assert server.delete(behind).status == 409
    assert server.report(id)["verdict"] == "-"


def test_a_full_queue_is_429(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0, MAX_QUEUED=3).start()
    ids = [server.submit({**HELLO, "id": f"q{i}"}) for i in range(3)]
    answer = server.post(HELLO)
    assert answer.status == 429 and int(answer.headers["Retry-After"]) > 0, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert server.post({**HELLO, "id": "q0"}).status == 202, "known already: takes no place"
    assert server.delete(ids[0]).status == 200
    assert server.post(HELLO).status == 202


@pytest.mark.parametrize("method, path, allow", [
    ("PUT", "/submissions", {"POST"}), ("GET", "/submissions", {"POST"}),
    ("POST", "/results", {"GET", "HEAD"}), ("DELETE", "/results/x", {"GET", "HEAD"}),
    ("POST", "/submissions/x", {"GET", "HEAD", "DELETE"}), ("POST", "/healthz", {"GET", "HEAD"}),
    ("PATCH", "/languages", {"GET", "HEAD"})])
def test_wrong_method(server, method, path, allow):
    answer = server.request(method, path)
    assert answer.status == 405, answer
    allowed = {word.strip() for word in answer.headers["Allow"].split(",")}
    assert allowed - {"HEAD", "OPTIONS"} == allow - {"HEAD"}
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_languages(server):
    def all_known():
        found = {l["name"]: l for l in server.get("/languages").json["languages"]}
        return found if all(l["state"] != "pending" for l in found.values()) else None
    found = wait_for(all_known, 60, "self-tests", pause=0.2)
    assert set(LANGUAGES) <= set(found)
    for name in LANGUAGES:
        assert found[name]["state"] == "ok", found[name]
        assert found[name]["title"] and found[name]["run_image"] and found[name]["version"]


def test_health(server):
    assert server.get("/healthz").status == 200
    answer = server.get("/readyz")
    assert answer.status == 200 and isinstance(answer.json, dict)
    head = server.request("HEAD", "/healthz")
    assert head.status == 200 and head.body == b""


ITEM = {"id", "state", "status", "verdict", "language", "submitted_at", "finished_at",
        "duration_ms", "cpu_time_ms", "memory_bytes", "tests_total", "tests_passed", "error", "attempts", "labels"}


@pytest.fixture(scope="module")
def listed(module_server):
    """Nine rows: six final in the order they were sent, one cancelled, two that still wait."""
    server = module_server(RUNNER_MAX_PARALLEL=1, LANGUAGES="python,c").start()
    for i, (source, tests) in enumerate([
            ("print(1)", [test("", "1")]), ("print(1)", [test("", "2")]),
            ("print(1)", [test("", "1"), test("", "9")]), ("raise SystemExit(2)", None),
            ("def f(:", None), ("print(1)", None)]):
        server.judge(submission("python", source, tests, id=f"list-{i}"))
    server.terminate()
    server.settings["RUNNER_MAX_PARALLEL"] = "0"
    server.start()
    for i in (6, 7, 8):
        server.submit(submission("c", "int main(){}", id=f"list-{i}"))
    server.delete("list-7")
    return server


def rows(server, query=""):
    answer = server.get("/results" + query)
    assert answer.status == 200, answer
    assert set(answer.json) == {"results", "next_cursor", "total"}
    return answer.json["results"]


def names(server, query=""):
    return [int(r["id"].removeprefix("list-")) for r in rows(server, query)]


def test_list_items(listed):
    items = rows(listed)
    assert [r["id"] for r in items] == [f"list-{i}" for i in range(8, -1, -1)]
    assert all(set(r) == ITEM for r in items), items[0].keys() ^ ITEM
    two, wait, cancelled = items[6], items[0], items[1]
    assert (two["state"], two["status"], two["verdict"]) == ("done", "WA", "WA")
    assert (two["tests_total"], two["tests_passed"]) == (2, 1)
    assert two["duration_ms"] >= 0 and two["memory_bytes"] > 0 and two["finished_at"]
    assert two["submitted_at"] <= two["finished_at"]
    assert wait["state"] == "queued"
    for name in ("status", "verdict", "finished_at", "duration_ms", "cpu_time_ms", "memory_bytes"):
        assert wait[name] is None, (name, wait)
    assert (cancelled["state"], cancelled["status"], cancelled["error"]) == \
        ("cancelled", "-", "cancelled")


@pytest.mark.parametrize("query, found", [
    ("?state=queued", [8, 6]), ("?state=done", [5, 4, 3, 2, 1, 0]), ("?state=cancelled", [7]),
    ("?state=running", []), ("?status=OK", [5, 0]), ("?status=WA", [2, 1]), ("?status=RE", [3]),
    ("?status=BF", [4]), ("?status=-", [7]), ("?language=c", [8, 7, 6]),
    ("?language=python&status=OK", [5, 0]), ("?id_prefix=list-2", [2]), ("?id_prefix=nobody", []),
    ("?sort=submitted_at", list(range(9))), ("?sort=-submitted_at&limit=3", [8, 7, 6]),
    ("?since=2000-01-01T00:00:00Z&limit=1", [8]), ("?until=2000-01-01T00:00:00Z", []),
    ("?since=2100-01-01T00:00:00Z", [])])
def test_list_filters(listed, query, found):
    assert names(listed, query) == found
    every = re.sub("&limit=[0-9]+", "", query)
    for limit in ("", "&limit=1"):
        page = listed.get("/results" + every + limit)
        assert page.json["total"] == len(names(listed, every)), page


def test_list_window_is_half_open(listed):
    at = {r["id"]: r["submitted_at"] for r in rows(listed)}
    assert names(listed, "?until=" + quote(at["list-4"])) == [3, 2, 1, 0]
    assert names(listed, "?since=" + quote(at["list-4"]))[-1] == 4


@pytest.mark.parametrize("query, whole", [
    ("", list(range(8, -1, -1))), ("&sort=submitted_at", list(range(9))),
    ("&state=done", [5, 4, 3, 2, 1, 0])])
def test_list_pages(listed, query, whole):
    seen, cursor = [], ""
    for _ in range(20):
        page = listed.get(f"/results?limit=2{query}{cursor}").json
        assert len(page["results"]) <= 2
        seen += [int(r["id"].removeprefix("list-")) for r in page["results"]]
        if page["next_cursor"] is None:
            break
        cursor = "&cursor=" + quote(page["next_cursor"])
    assert seen == whole


@in_file
def test_a_list_of_many_goes_on_behind_short_pages(fresh_server):
    """Of 40,000 rows 3,000 fit, all far from where the list begins: no page looks at them all."""
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    assert server.terminate() == 0
    with sqlite3.connect(server.data + "/scrc.db") as db:
        db.executemany(
            "INSERT INTO job(id, hash, language, submitted_ms, tests_total, state, finished_ms,"
            " verdict, tests_passed, duration_ms) VALUES(?, x'', 'c', ?, 1, 2, ?, ?, 0, ?)",
            ((f"m{i}", i, i, "RE" if 5000 < i <= 8000 else "OK", 7) for i in range(40_000)))
    server.start()
    for sort, at_once in (("-submitted_at", True), ("-duration_ms", False)):
        seen, lengths, cursor = [], [], ""
        while cursor is not None:
            page = server.get(f"/results?status=RE&limit=500&sort={sort}{cursor}").json
            lengths.append(len(page["results"]))
            seen += [int(r["id"][1:]) for r in page["results"]]
            cursor = page["next_cursor"] and "&cursor=" + quote(page["next_cursor"])
        assert seen == list(range(8000, 5000, -1))
        assert lengths[0] == (500 if at_once else 0) and max(lengths) == 500, lengths
    answer = server.get("/results?status=RE&id_prefix=m700&sort=-finished_at").json
    assert len(answer["results"]) == 10 and answer["next_cursor"] is None


def test_table_survives_a_clean_restart(listed):
    before = rows(listed)
    assert listed.terminate() == 0
    listed.start()
    assert rows(listed) == before
    assert check_report(listed.get("/results/list-2").json)["tests"][0]["stdout"] == "1\n"
    assert listed.post(submission("c", "int main(){}", id="list-6")).status == 202


def test_many_wait_at_once(server):
    """Waiting clients are suspended connections, and each hears of its own."""
    from concurrent.futures import ThreadPoolExecutor
    sent = [submission("python", f"print({i})", [test("", str(i))], id=f"many-{i}")
            for i in range(24)]
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda s: server.post(s, "?wait=60"), sent))
    for s, a in zip(sent, answers):
        assert a.status == 200 and a.json["id"] == s["id"] and a.json["verdict"] == "OK", a


def inside(server, method, path):
    """A connection whose request has all but the last byte of its body, and has been looked at."""
    s = socket.create_connection((server.client.host, server.client.port), timeout=20)
    s.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Type: "
              "application/json\r\nExpect: 100-continue\r\n\r\n".encode())
    assert s.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n"
    s.sendall(b"{")
    return s


def test_a_body_that_ends_after_the_engine(fresh_server):
    """Whoever waits for a report hears that the server stops when its engine has gone: then the
    last byte of a request for each route comes."""
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    with open(os.path.join(ROOT, "openapi.yaml")) as f:
        paths = yaml.safe_load(f)["paths"]
    routes = [(method.upper(), re.sub(r"\{.*?\}", "none", path)) for path, item in paths.items()
              for method in item if method in ("get", "post", "delete")]
    assert len(routes) >= 15
    body = json.dumps(HELLO).encode()
    with socket.create_connection((server.client.host, server.client.port), timeout=30) as waiting:
        waiting.sendall(b"POST /submissions?wait=60 HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                        b"application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        wait_for(lambda: len(server.get("/results").json["results"]) == 1, 20, "accepted")
        lines = [(route, inside(server, *route)) for route in routes]
        server.process.send_signal(signal.SIGTERM)
        assert waiting.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 202"
    for route, line in lines:
        line.sendall(b"}")
    for route, line in lines:
        with line:
            assert line.recv(9, socket.MSG_WAITALL) == b"HTTP/1.1 ", route
    assert server.process.wait(30) == 0


def test_a_client_that_leaves_changes_nothing(server):
    body = json.dumps({**sleeper(1), "id": "left"}).encode()
    with socket.create_connection((server.client.host, server.client.port)) as s:
        s.sendall(b"POST /submissions?wait=60 HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                  b"application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        wait_for(lambda: server.get("/results/left").status != 404, 10, "accepted")
    assert server.report("left")["verdict"] == "OK"


def test_submitted_at_is_a_time(server):
    stamp = server.post(HELLO).json["submitted_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", stamp), stamp


# ---- what an answer carries ----

@pytest.mark.parametrize("sent, taken", [
    ("abc-123", True), ("A.b_c:d/e+f=g@h~i", True), ("x" * 128, True), ("x" * 129, False),
    ("a b", False), ("a,b", False), ('a"b', False), ("\u00e9", False), ("", False), (None, False)])
def test_requests_have_an_id(server, sent, taken):
    headers = {} if sent is None else {"X-Request-Id": sent}
    for path in ("/healthz", "/nowhere", "/results?page=1"):
        made = server.get(path, headers=headers).headers["X-Request-Id"]
        assert (made == sent) == taken and (taken or re.fullmatch("[0-9a-f]{32}", made)), made


def test_ids_of_requests_are_everywhere(server):
    id = server.submit(HELLO)
    server.report(id)
    for _ in range(3):  # also where the report is kept ready
        assert server.get(f"/results/{id}", headers={"X-Request-Id": "mine"}).headers[
            "X-Request-Id"] == "mine"
    ids = [server.get(f"/results/{id}").headers["X-Request-Id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert b"\r\nX-Request-Id: " in server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\x01: 1\r\n\r\n")
    head = server.raw(f"GET /submissions/{id}/events HTTP/1.1\r\nHost: localhost\r\n"
                      "X-Request-Id: its-stream\r\n\r\n".encode())
    assert b"\r\nX-Request-Id: its-stream\r\n" in head


def test_lines_about_a_request_have_its_id(module_server):
    server = module_server(RUNNER_MAX_PARALLEL=0, LANGUAGES=None).start()
    id = server.submit(HELLO)
    answer = server.request("DELETE", f"/submissions/{id}", headers={"X-Request-Id": "who-asks"})
    assert answer.status == 200
    wait_for(lambda: any("request=who-asks" in x for x in server.logged("cancelled")), 60, "line")


def test_final_reports_have_a_tag(server):
    id = server.submit(HELLO)
    posted = server.post({**HELLO, "id": "tagged"}, "?wait=60")
    server.report(id)
    assert "ETag" in posted.headers or posted.status == 200
    tags = set()
    for path in (f"/results/{id}", f"/results/{id}", f"/results/{id}?fields=id,status", "/results/tagged"):
        answer = server.get(path)
        tag = answer.headers["ETag"]
        tags.add(tag)
        assert answer.status == 200 and re.fullmatch('W/"[0-9a-f]{32}"', tag)
        for known in (tag, tag[2:], f'"other", {tag}', "*"):
            again = server.get(path, headers={"If-None-Match": known})
            assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag), again
        assert server.get(path, headers={"If-None-Match": '"other"'}).body == answer.body
        assert server.get(path).status == 200
    assert len(tags) == 3
    again = server.post({**HELLO, "id": "tagged"}, headers={"If-None-Match": "*"})
    assert again.status == 200 and again.json["id"] == "tagged"


def test_what_is_not_final_has_no_tag(module_server):
    server = module_server(RUNNER_MAX_PARALLEL=0, LANGUAGES=None).start()
    answer = server.get(f"/results/{server.submit(HELLO)}", headers={"If-None-Match": "*"})
    assert answer.status == 202 and "ETag" not in answer.headers


SIZES = [(100, False), (6_000, True), (300_000, True), (3_000_000, True)]


@pytest.mark.parametrize("size, coded", SIZES)
def test_large_json_is_compressed(server, size, coded):
    text = "".join(f"{i} " for i in range(size // 6))
    id = server.submit(submission("python", "print(1)", [test(text, "1")]))
    plain = server.report(id)
    for path in (f"/results/{id}", f"/results/{id}", f"/results/{id}?fields=tests,verdict", f"/results/{id}"):
        for accept in ("gzip", "br, gzip;q=0.5", "*"):
            answer = server.get(path, headers={"Accept-Encoding": accept})
            assert (answer.headers["Content-Encoding"] == "gzip") == coded, answer
            assert (answer.headers["Vary"] == "Accept-Encoding") == coded
            body = gzip.decompress(answer.body) if coded else answer.body
            assert json.loads(body)["tests"] == plain["tests"]
            if coded:
                assert len(answer.body) < len(body) * 3 // 4
                again = server.get(path, headers={"Accept-Encoding": accept,
                                                  "If-None-Match": answer.headers["ETag"]})
                assert again.status == 304
        for accept in ("identity", "gzip;q=0", "br", None):
            headers = {"Accept-Encoding": accept} if accept else {}
            answer = server.get(path, headers=headers)
            assert answer.headers["Content-Encoding"] is None
            assert answer.json["tests"] == plain["tests"]
            assert (answer.headers["Vary"] == "Accept-Encoding") == coded


def test_many_that_want_it_compressed(server):
    text = "0123456789 " * 60_000
    id = server.submit(submission("python", "print(1)", [test(text, "1")]))
    server.report(id)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        bodies = list(pool.map(lambda _: server.get(f"/results/{id}",
                               headers={"Accept-Encoding": "gzip"}).body, range(64)))
    assert len(set(bodies)) == 1 and len(gzip.decompress(bodies[0])) > len(text)


def test_a_stream_is_never_compressed(server):
    id = server.submit(HELLO)
    server.report(id)
    head = server.raw(f"GET /submissions/{id}/events HTTP/1.1\r\nHost: localhost\r\n"
                      "Accept-Encoding: gzip\r\n\r\n".encode())
    assert b"Content-Encoding" not in head and b"\nevent: report\n" in head
