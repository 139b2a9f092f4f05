"""Labels: sent, said in everything that shows a submission, and what they find; exports of a filter."""

import csv
import http.client
import io
import json
import sqlite3
import urllib.parse

import pytest

from harness import LONG, submission, test
from sse import Stream
from stores import in_file

COLUMNS = ["id", "state", "status", "verdict", "language", "submitted_at", "finished_at", "duration_ms", "cpu_time_ms",
           "memory_bytes", "tests_total", "tests_passed", "attempts", "error", "labels"]


def small(**more):
    return submission("python", "print(1)", [test("", "1")], **more)


def found(server, *labels, path="/results", **more):
    """The whole list, page by page."""
    items, cursor = [], {}
    while True:
        query = urllib.parse.urlencode([("label", label) for label in labels] + list({**more, **cursor}.items()))
        answer = server.get(f"{path}?{query}")
        assert answer.status == 200, answer
        items += answer.json["results"]
        if not answer.json["next_cursor"]:
            return items
        cursor = {"cursor": answer.json["next_cursor"]}


def ids(items):
    return [item["id"] for item in items]


def csv_rows(body):
    rows = list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))
    assert rows[0] == COLUMNS
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]


@pytest.fixture(scope="module")
def judging(module_server):
    return module_server(LANGUAGES="python").start().ready()


@pytest.fixture(scope="module")
def filing(module_server):
    """Judges nothing."""
    return module_server(LANGUAGES="python", RUNNER_MAX_PARALLEL=0).start()


def test_everything_that_shows_a_submission_shows_its_labels(judging):
    labels = {"course": "data bases", "term/2026": "", "note": 'a "quoted" é of more than thirty-two bytes'}
    stream = Stream(judging, "/events").read_head()
    id = judging.submit(small(labels={**labels, "none": None}))
    report = judging.report(id)
    events = stream.until(lambda events: any(e.name == "report" and e.data["id"] == id for e in events))
    stream.close()
    assert report["labels"] == events[-1].data["labels"] == labels
    assert list(report["labels"]) == sorted(labels)
    assert judging.get(f"/results/{id}?fields=labels").json == {"labels": labels}
    assert judging.get(f"/submissions/{id}").json["labels"] == labels
    (item,) = found(judging, "course:data bases")
    assert item["id"] == id and item["labels"] == labels and item["attempts"] == 1

    plain = judging.submit(small())
    assert judging.report(plain)["labels"] == {}
    assert "labels" not in judging.get(f"/submissions/{plain}").json
    (item,) = found(judging, id_prefix=plain)
    assert item["labels"] == {}


def test_wrong_labels_are_named(filing):
    answer = filing.post(small(labels={"course": 7, "a b": "", "ok": "x", "a/b": "\n"}))
    assert answer.status == 422
    assert sorted(answer.pointers) == ["/labels/a b", "/labels/a~1b", "/labels/course"]
    for labels in ([], "a:b", {f"l{n}": "" for n in range(17)}):
        assert filing.post(small(labels=labels)).pointers == ["/labels"]


def test_the_same_id_with_other_labels_is_a_conflict(filing):
    one = small(id="once", labels={"a": "1", "b": "2"})
    assert filing.post(one).status == 202
    assert filing.post({**one, "labels": {"b": "2", "a": "1"}}).status == 202
    for other in ({"a": "1"}, {}, None, {"a": "2", "b": "1"}):
        assert filing.post({**one, "labels": other}).status == 409


def test_a_list_is_of_all_labels(filing):
    for n in range(30):
        filing.submit(small(id=f"f{n}", labels={"two": str(n % 2), "three": str(n % 3), "n": f"<{n}:&+>"}))
    want = [f"f{n}" for n in range(29, -1, -1)]
    for sort in ("-submitted_at", "submitted_at", "-finished_at", "memory_bytes"):
        for limit in (4, 500):
            more = {"sort": sort, "limit": limit}
            of_two = ids(found(filing, "two:1", **more))
            assert sorted(of_two) == sorted(i for i in want if int(i[1:]) % 2 == 1)
            if sort[-12:] == "submitted_at":
                assert of_two == [i for i in (want if sort[0] == "-" else want[::-1]) if int(i[1:]) % 2 == 1]
            assert sorted(ids(found(filing, "two:1", "three:2", **more))) == ["f11", "f17", "f23", "f29", "f5"]
    assert ids(found(filing, "n:<7:&+>")) == ["f7"]
    assert found(filing, "two:1", state="done") == found(filing, "two:2") == found(filing, "three:") == []
    for wrong in ("label=two", "label=", "label=%20a:b", "label=two:1&label=x", "&".join(["label=a:b"] * 17)):
        answer = filing.get("/results?" + wrong)
        assert answer.status == 422 and answer.json["errors"][0]["parameter"] == "label", answer


# ---- exports ----

def test_exports_say_what_the_list_says(judging):
    sent = [judging.submit(small(id=id, labels={"export": "1", "formula": id})) for id in
            ("plain", "=1+1", "+2", "-3", "@x", '=X("hi", 1)', "é")]
    for id in sent:
        judging.report(id)
    judging.submit(small(labels={"export": "2"}))
    items = found(judging, "export:1")
    answer = judging.get("/results.ndjson?label=export:1")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert [json.loads(line) for line in answer.body.splitlines()] == items and ids(items) == sent[::-1]

    answer = judging.get("/results.csv?label=export:1&sort=submitted_at")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="results.csv"'
    rows = csv_rows(answer.body)
    assert [row["id"] for row in rows] == ["plain", "'=1+1", "'+2", "'-3", "'@x", '\'=X("hi", 1)', "é"]
    for row, item in zip(rows, items[::-1], strict=True):
        assert json.loads(row["labels"]) == item["labels"]
        for name in COLUMNS[1:-1]:
            assert row[name] == str(item[name]), name
    head = judging.request("HEAD", "/results.csv")
    assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", "text/csv; charset=utf-8")
    for path in ("/results.csv?limit=5", "/results.ndjson?cursor=x", "/results.csv?label=x", "/results.csv?sort=id",
                 "/results.csv?id_prefix=" + "x" * 300):
        assert judging.get(path).status == 422, path
    assert csv_rows(judging.get("/results.csv?label=none:1").body) == []
    assert judging.get("/results.ndjson?label=none:1").body == b""


ROWS = 100000 if LONG else 12000


@pytest.fixture(scope="module")
def full(module_server):
    """A table with many rows, written beside the server."""
    server = module_server(LANGUAGES="python", RUNNER_MAX_PARALLEL=0, SHUTDOWN_TIMEOUT="2s").start()
    server.terminate()
    with sqlite3.connect(f"{server.data}/scrc.db") as db:
        db.executemany("INSERT INTO job(seq, id, hash, language, submitted_ms, tests_total, state, finished_ms, verdict,"
                       " labels) VALUES(?, ?, x'', 'python', ?, 0, 2, ?, 'OK', ?)",
                       ((n, f"many-{n}", 1000 * n, 1000 * n, '{"all":"1"}') for n in range(1, ROWS + 1)))
        db.execute("INSERT INTO job_label SELECT 'all:1', submitted_ms, seq FROM job")
    db.close()
    return server.start()


@in_file
def test_all_of_many_rows_are_exported(full):
    for path in ("/results.csv?", "/results.csv?label=all:1&", "/results.csv?sort=finished_at&"):
        rows = csv_rows(full.get(path + "status=OK", timeout=300).body)
        assert sorted(int(row["id"][5:]) for row in rows) == list(range(1, ROWS + 1)), path
    assert len(full.get("/results.ndjson?label=all:1").body.splitlines()) == ROWS


def begin(server, path):
    """A client that has asked, and reads what it wants of the answer."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=90)
    connection.request("GET", path)
    return connection, connection.getresponse()


@in_file
def test_an_export_ends_with_what_was_there(full):
    connection, answer = begin(full, "/results.csv?sort=submitted_at")
    start = answer.read(1000)
    full.submit(small(id="later"))
    rows = csv_rows(start + answer.read())
    assert rows[0]["id"] == "many-1" and len(rows) >= ROWS and "later" not in {row["id"] for row in rows}
    connection.close()
    assert "later" in {row["id"] for row in csv_rows(full.get("/results.csv?id_prefix=l").body)}


@in_file
def test_an_export_that_breaks_is_not_taken_for_whole(full):
    connection, answer = begin(full, "/results.csv")
    answer.read(1000)
    others = [begin(full, "/results.csv") for _ in range(3)]
    others.pop()[0].close()
    assert full.get("/results?limit=1").status == 200  # they do not stand in each other's way
    assert full.terminate() == 0
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    for connection, answer in others:
        connection.close()
    full.start()
