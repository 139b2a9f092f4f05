"""Who is judged first: by priority, and owners in turn."""

import json

import pytest

from harness import submission, test

# Holds the only worker until its test is cancelled or over.
HOLD = "import time; time.sleep(20)"


@pytest.fixture(scope="module")
def alone(module_server):
    """Judges one submission at a time."""
    return module_server(LANGUAGES="python,c", RUNNER_MAX_PARALLEL=1, RUNNER_CELL_USES=100).start().ready()


def small(id, **more):
    return submission("python", "print(1)", [test("", "1")], id=id, **more)


def judged_order(server, sent, before=lambda: None):
    """Their ids, in the order in which they ran, when all were sent before the first ran. Positions
    are checked on the way."""
    holds = server.submit(submission("python", HOLD, [test()], 30000))
    server.wait_running(holds)
    # One more is claimed ahead; it is not among those that are compared.
    server.submit(small(f"ahead-{holds}", owner="ahead"))
    ids = [server.submit(s) for s in sent]
    before()
    places = {id: server.get(f"/results/{id}").json["position"] for id in ids}
    server.delete(holds)
    for id in ids:
        assert server.report(id)["verdict"] == "OK"
    items = server.get("/results?limit=100&sort=finished_at").json["results"]
    order = [item["id"] for item in items if item["id"] in ids]
    assert order == sorted(ids, key=places.get), places
    return order


def test_owners_take_turns(alone):
    order = judged_order(alone, [small(f"a{n}", owner="a") for n in range(1, 7)] +
                         [small(f"b{n}", owner="b") for n in range(1, 3)] + [small("none1")])
    assert order == ["a1", "b1", "none1", "a2", "b2", "a3", "a4", "a5", "a6"]


def test_a_higher_priority_goes_first(alone):
    order = judged_order(alone, [small("p0"), small("low", priority=-3), small("p0-second"),
                                 small("top", priority=10, owner="z"), small("raised", priority=1)])
    assert order == ["top", "raised", "p0", "p0-second", "low"]


def test_they_outlive_a_kill(fresh_server):
    """The order is stored with the rows."""
    s = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    for n in range(3):
        s.submit(small(f"a{n}", owner="a"))
    s.submit(small("b0", owner="b"))
    s.submit(small("first", priority=7))
    s.kill9()
    s.start()
    order = sorted(("a0", "a1", "a2", "b0", "first"),
                   key=lambda id: s.get(f"/results/{id}").json["position"])
    assert order == ["first", "a0", "b0", "a1", "a2"]


def test_they_are_given_back_as_sent(alone):
    id = alone.submit(small("as-sent", priority=-2, owner="caf\u00e9"))
    sent = alone.get(f"/submissions/{id}").json
    assert (sent["priority"], sent["owner"]) == (-2, "caf\u00e9")
    assert alone.post({k: v for k, v in sent.items() if k not in ("state", "submitted_at")}).status in (200, 202)
    assert alone.post(small("as-sent", priority=-2, owner="another")).status == 409


@pytest.mark.parametrize("field, value", [
    ("priority", 11), ("priority", -11), ("priority", 0.5), ("priority", "1"), ("priority", True),
    ("owner", 7), ("owner", "a\nb"), ("owner", "x" * 256), ("owner", ["a"])])
def test_wrong_values_are_named(alone, field, value):
    answer = alone.post(small(None, **{field: value}))
    assert answer.status == 422, answer
    assert answer.pointers == [f"/{field}"], json.dumps(answer.json)
