"""Labels: sent, said in everything that shows a submission, and what they find."""

import urllib.parse

import pytest

from harness import submission, test
from sse import Stream


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
