"""GET /events and GET /submissions/{id}/events: order, resume, slow and absent readers."""

import contextlib
import socket
import sqlite3
import statistics
import threading
import time

import pytest

from harness import LONG, in_file, quote, sanitized, submission, test, wait_for
from sse import Stream

HELD = {"JAVA_IMAGE": "scrc-local/nowhere", "JAVA_RUN_IMAGE": "scrc-local/nowhere"}


def held(id=None):
    """A submission that waits for ever: its image is nowhere."""
    return submission("java", "class Main {}", id=id)


def subscribers(server):
    return server.get("/stats?window=1").json["present"]["subscribers"]


def names(events):
    return [e.name for e in events]


# ---- many ----

def p50(server, n):
    sent = submission("python", "print(1)", [test("", "1\n")])
    times = []
    for _ in range(n):
        began = time.monotonic()
        assert server.post(sent, "?wait=60").json["verdict"] == "OK"
        times.append(time.monotonic() - began)
    return statistics.median(times)


class Crowd:
    """Who listens to one submission each, who to everything, who does not read what he is sent, and who
    has hung up. `flooded`: when half a megabyte began to come for each who listens to everything."""
    ones, everything, unread, closed = (1980, 20, 200, 200) if LONG else (280, 20, 40, 40)
    times = 15 if LONG else 5

    def __init__(self, server):
        self.server = server
        self.total = self.ones + self.everything + self.unread + self.closed
        for i in range(self.ones):
            server.post(held(f"held{i}"))
        p50(server, 5)
        alone, self.rss = p50(server, self.times), server.rss()

        self.streams = [Stream(server, f"/submissions/held{i}/events") for i in range(self.ones)]
        self.streams += [Stream(server, "/events") for _ in range(self.everything)]
        for s in self.streams[:self.ones]:
            assert s.until(bool)[0].data["state"] == "queued"
        crowded = p50(server, self.times)  # each within its deadline; script/bench compares
        print(f"verdict p50 alone {alone * 1000:.1f} ms, with {self.ones + self.everything} streams "
              f"{crowded * 1000:.1f} ms")

        self.slow = [Stream(server, "/events", receive_buffer=2048) for _ in range(self.unread)]
        self.gone = [Stream(server, "/events").read_head() for _ in range(self.closed)]
        wait_for(lambda: subscribers(server) == self.total, 20, "everybody is subscribed")

    def flood(self):
        listeners = self.streams[self.ones:]
        for s in listeners:
            threading.Thread(target=s.to_end, args=(300,), daemon=True).start()
        self.flooded = time.monotonic()
        for _ in range(1500):
            self.server.post(held())
        for s in listeners:
            wait_for(lambda: sum(e.data.get("language") == "java" for e in s.events) >= 1500, 60,
                     "everything is told")


@pytest.fixture(scope="module")
def crowd(module_server):
    """Flooded at the beginning of this file: who is slow is dropped while its other tests run."""
    server = module_server(LANGUAGES="python,java", RUNNER_CELL_USES=1000, **HELD).start().ready()
    wait_for(lambda: server.get("/languages").json["languages"][0]["state"] == "ok", 60, "python")
    c = Crowd(server)
    for s in c.gone:
        s.socket.shutdown(socket.SHUT_WR)  # the server's side is in CLOSE_WAIT
    wait_for(lambda: subscribers(server) == c.total - len(c.gone), 10,
             "those who hung up are noticed")
    c.flood()
    return c


def test_many_subscribers_and_gone_ones(crowd):
    """H8: there is a place for everybody, a verdict is in time, and who hung up is noticed. The slow ones
    are at the end of this file."""
    assert crowd.server.get("/readyz").status == 200
    assert subscribers(crowd.server) <= crowd.total - len(crowd.gone)


# ---- one submission ----

# Ends when it is cancelled.
SLEEPS = {"limits": {"time_limit_ms": 1000, "wall_time_limit_ms": 120_000}}


@contextlib.contextmanager
def nothing_begins(server):
    """Who comes meanwhile waits behind those that have all workers."""
    sleeper = submission("python", "import time; time.sleep(300)", [test()], **SLEEPS)
    ids = [server.submit(sleeper) for _ in range(int(server.settings["RUNNER_MAX_PARALLEL"]))]
    try:
        for id in ids:
            server.wait_running(id)
        yield
    finally:
        for id in ids:
            assert server.delete(id).status == 200


def test_every_test_is_told(server):
    sent = submission("python", "print(input())", [test("a", "a"), test("b", "b"), test("c", "d")])
    with nothing_begins(server):
        id = server.post(sent).json["id"]
        stream = Stream(server, f"/submissions/{quote(id)}/events").read_head()
    assert stream.status == 200 and stream.header("Content-Type") == "text/event-stream"
    assert stream.header("Cache-Control") == "no-store"
    events = stream.to_end()
    report = server.get(f"/results/{quote(id)}").json

    assert set(names(events)) == {"state", "test", "report"}
    tests = [e for e in events if e.name == "test"]
    assert [e.data["number"] for e in tests] == [1, 2, 3]
    for told, t in zip(tests, report["tests"]):
        assert told.id is None and told.data.pop("id") == id
        assert told.data == {name: t[name] for name in told.data}
    assert names(events)[-1] == "report" and events[-1].data == report
    numbers = [e.number for e in events if e.id]
    assert numbers == sorted(set(numbers))

    again = Stream(server, f"/submissions/{quote(id)}/events", last=events[-1].id).read_head()
    assert again.status == 204
    before = Stream(server, f"/submissions/{quote(id)}/events", last=events[0].id)
    assert names(before.to_end()) == ["report"]


def test_a_test_is_told_when_it_ends(server):
    """Not when the next one does, which here does not end by itself."""
    sent = submission("python", "import time; s = input(); print(s); time.sleep(300 if s == 'b' else 0)",
                      [test("a", "a"), test("b", "b")], **SLEEPS)
    id = server.post(sent).json["id"]
    with contextlib.closing(Stream(server, f"/submissions/{quote(id)}/events")) as stream:
        events = stream.until(lambda events: "test" in names(events))
    assert [e.data["number"] for e in events if e.name == "test"] == [1]
    assert server.get(f"/results/{quote(id)}").status == 202
    assert server.delete(id).status == 200


def test_states_and_phases(server):
    sent = submission("c", '#include <stdio.h>\nint main(void){puts("x");return 0;}',
                      [test("", "x\n")], id="phases-of-c")
    with nothing_begins(server):
        assert server.post(sent).status == 202
        stream = Stream(server, "/submissions/phases-of-c/events").read_head()
    events = stream.to_end()
    states = [(e.data["state"], e.data["phase"]) for e in events if e.name == "state"]
    assert ("running", "build") in states and states[-1] == ("running", "run")
    for e in events:
        if e.name == "state" and e.data["phase"]:
            assert e.id is None


def test_who_comes_late_gets_the_report_and_the_end(server):
    id = server.judge(submission("python", "print(1)"))["id"]
    events = Stream(server, f"/submissions/{quote(id)}/events").to_end()
    assert names(events) == ["report"] and events[0].data["id"] == id


def test_a_cancelled_one_ends(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    server.post(submission("python", "1", id="c"))
    stream = Stream(server, "/submissions/c/events")
    stream.until(lambda events: events)
    assert server.request("DELETE", "/submissions/c").status == 200
    events = stream.to_end()
    assert names(events) == ["state", "report"] and events[-1].data["error"] == "cancelled"


def test_nobody_and_wrong_methods(server):
    assert server.get("/submissions/nobody/events").status == 404
    assert server.request("POST", "/events", body={}).status == 405
    for path in ("/events",):
        head = server.request("HEAD", path)
        assert head.status == 200 and head.body == b""
        assert head.headers["Content-Type"] == "text/event-stream"
    wait_for(lambda: subscribers(server) == 0, 10, "nobody is subscribed")


# ---- everything ----

def test_everything_tells_each_change_in_order(server):
    stream = Stream(server, "/events").read_head()
    stream._until(lambda: stream.quiet, 10, "the greeting")
    assert stream.quiet[0].id
    ids = [server.post(submission("python", "print(input())",
                                                  [test("1", "1"), test("2", "2")])).json["id"]
           for _ in range(4)]

    def all_final(events):
        return {e.data["id"] for e in events if e.name == "report"} >= set(ids)
    events = stream.until(all_final, 60)
    numbers = [e.number for e in events if e.id]
    assert numbers == sorted(set(numbers))
    for e in events:
        if e.name == "report":
            item = server.get(f"/results?id_prefix={quote(e.data['id'])}").json["results"][0]
            assert {name: e.data[name] for name in item} == item
            assert e.data["position"] == 0 and e.data["phase"] is None
    stream.close()


def fill(server, n, **more):
    for i in range(n):
        assert server.post(submission("python", "1", id=f"r{i}")).status == 202


def test_resume_tells_what_was_missed_also_after_kill_9(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    fill(server, 3)
    wait_for(lambda: server.metric("scrc_queue_length") == 3, 10, "events of a shared table come behind answers")
    stream = Stream(server, "/events", last=None).read_head()
    stream._until(lambda: stream.quiet, 10, "the greeting")
    stream.close()
    server.request("DELETE", "/submissions/r1")
    server.post(submission("python", "1", id="new"))
    server.restart(kill=True)
    server.request("DELETE", "/submissions/new")

    again = Stream(server, "/events", last=stream.last_id)
    events = again.until(lambda events: len(events) >= 2)
    assert [(e.name, e.data["id"], e.data["state"]) for e in events] == [
        ("report", "r1", "cancelled"), ("report", "new", "cancelled")]
    server.post(submission("python", "1", id="live"))
    events = again.until(lambda events: len(events) >= 3)
    assert (events[2].name, events[2].data["id"]) == ("state", "live")


def test_resume_of_many_pages(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    first = Stream(server, "/events").read_head()
    first._until(lambda: first.quiet, 10, "the greeting")
    fill(server, 600)
    again = Stream(server, "/events", last=first.quiet[0].id, receive_buffer=4096)
    events = again.until(lambda events: len(events) >= 600, 60)
    assert [e.data["id"] for e in events] == [f"r{i}" for i in range(600)]
    assert [e.data["position"] for e in events] == list(range(1, 601))


@pytest.mark.parametrize("last", ["00000000-1", "", "x", "{prefix}-999999", "{prefix}-", "{prefix}-1x",
                                  "{prefix}--1", "{prefix}-99999999999999999999"])
def test_reset_for_what_cannot_be_told(server, last):
    prefix = server.get("/system").json["server"]["table"][:8]
    stream = Stream(server, "/events", last=last.format(prefix=prefix)).read_head()
    events = stream.until(lambda events: events, 10)
    assert names(events) == ["reset"] and events[0].data["reason"]
    assert events[0].number is not None
    stream.close()
    assert names(Stream(server, "/events", last=events[0].id).events) == []


@in_file
def test_reset_when_too_much_has_changed(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    fill(server, 1)
    stream = Stream(server, "/events").read_head()
    stream._until(lambda: stream.quiet, 10, "the greeting")
    server.terminate()
    table = sqlite3.connect(server.data + "/scrc.db")
    columns = [c[1] for c in table.execute("PRAGMA table_info(job)") if c[1] not in
               ("seq", "id", "change", "state")]
    table.execute(f"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)
        INSERT INTO job(seq, id, change, state, {", ".join(columns)})
        SELECT i + 1, 'many' || i, i + 1, 3, {", ".join(columns)} FROM n, job WHERE seq = 1""")
    table.commit()
    table.close()
    server.start()
    assert names(Stream(server, "/events", last=stream.last_id).until(bool)) == ["reset"]
    nearly = stream.last_id.split("-")[0] + "-2"
    events = Stream(server, "/events", last=nearly).until(lambda events: len(events) == 10000, 60)
    assert events[0].data["id"] == "many2" and events[-1].data["id"] == "many10001"


# ---- injection ----

def test_ids_forge_neither_events_nor_headers(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    for wrong in ("a\r\nevent: report", "a\nb", "a\x1b[31m", "\x7f", "a\x00b"):
        assert server.post(submission("python", "1", id=wrong)).status == 422
    for path in ("/submissions/a%0d%0aX-Forged:%201/events", "/submissions/a%0ab/events"):
        assert server.get(path).status in (400, 404)
    odd = ['"}', 'data: x', '\u2028event: report', '</script>', 'é\u202e\ufeff', "\\n\\n", ": :"]
    everything = Stream(server, "/events").read_head()
    for id in odd:
        assert server.post(submission("python", "1", id=id)).status == 202
        one = Stream(server, f"/submissions/{quote(id)}/events")
        assert one.until(bool)[0].data["id"] == id
        one.close()
    events = everything.until(lambda events: len(events) >= len(odd))
    assert [e.data["id"] for e in events] == odd  # Event itself refuses forged lines
    for last in ("x\tid: 5", "a" * 3000):
        assert names(Stream(server, "/events", last=last).until(bool)) == ["reset"]


# ---- time and number ----

@pytest.fixture(scope="module", autouse=True)
def quiet(module_server):
    """A server and a stream on which nothing happens, while the other tests of this file run."""
    server = module_server(RUNNER_MAX_PARALLEL=0, REQUEST_TIMEOUT="1s", LANGUAGES="python").start()
    return server, Stream(server, "/events").read_head()


def test_a_quiet_stream_lives_on_and_beats(quiet):
    """Neither the reaper of slow requests nor the library's own time-out ends it."""
    server, stream = quiet
    stream._until(lambda: len(stream.quiet) >= 2, 20, "a heartbeat")
    assert not stream.ended and stream.quiet[1].block == ":"
    fill(server, 1)
    assert stream.until(bool)[0].data["id"] == "r0"


def test_streams_have_half_of_the_connections(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0, MAX_CONNECTIONS=6).start()
    streams = [Stream(server, "/events").read_head() for _ in range(5)]
    assert [s.status for s in streams] == [200] * 3 + [503] * 2
    assert server.get("/results").status == 200
    streams[0].close()
    wait_for(lambda: Stream(server, "/events").read_head().status == 200, 10, "a free place")


def test_sigterm_ends_streams_promptly(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    fill(server, 20)
    streams = [Stream(server, "/events").read_head() for _ in range(20)]
    streams += [Stream(server, f"/submissions/r{i}/events").read_head() for i in range(20)]
    unread = [Stream(server, "/events", receive_buffer=2048) for _ in range(5)]
    wait_for(lambda: subscribers(server) == 45, 10, "everybody is subscribed")
    began = time.monotonic()
    assert server.terminate() == 0
    took = time.monotonic() - began
    for s in streams:
        s.to_end(5)
        assert s.text == ""  # nothing cut in the middle
    assert took < 25, took
    assert len(unread) == 5


def test_slow_subscribers_are_dropped(crowd):
    """H8: after 25 s in which they read nothing, and nobody else is."""
    server, total, listeners = crowd.server, crowd.total, crowd.streams
    wait_for(lambda: subscribers(server) <= total - len(crowd.gone) - len(crowd.slow), 45,
             "slow ones are dropped", pause=0.5)
    assert server.metric("scrc_event_streams_dropped_total") == len(crowd.slow)
    grown = server.rss() - crowd.rss
    print(f"{len(crowd.slow)} dropped at most {time.monotonic() - crowd.flooded:.1f} s after the flood "
          f"began; grown by {grown / 1e6:.1f} MB")
    assert sanitized() or grown < total * (64 + 64) * 1024
    print(f"verdict p50 after the flood {p50(server, 5) * 1000:.1f} ms")
    assert not any(s.ended for s in listeners)
    server.request("DELETE", "/submissions/held7")
    assert names(listeners[7].to_end()) == ["state", "report"]
