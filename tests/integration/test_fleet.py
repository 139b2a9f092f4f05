"""Several servers on one database are one judge: any takes a submission, any answers for it, any that is
idle judges it, and the work of one that dies is taken over."""

import contextlib
import threading

from fleet import LEASE_SECONDS, Stopped, long_transaction, printing
from harness import LONG, submission, test, wait_for
from sse import Stream

SLEEPS = "import time\ntime.sleep(2)\nprint('slept')"


def at_once(*calls):
    """What each gives, begun in the same moment."""
    start, given = threading.Barrier(len(calls)), [None] * len(calls)

    def run(i):
        start.wait(10)
        given[i] = calls[i]()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return given


# ---- any server answers ----

def test_any_server_answers(fleet):
    here, there = fleet.start(2)
    for number in range(20):
        id = here.submit(submission("python", f"print({number})", [test(expected=f"{number}")]))
        assert there.get(f"/submissions/{id}").status == 200
        report = there.report(id)
        assert report["verdict"] == "OK", report
        assert here.report(id) == report


def test_the_next_request_may_reach_another_server(fleet):
    servers = fleet.start(3, RUNNER_MAX_PARALLEL=0, MAX_QUEUED=20000)
    for number in range(10000 if LONG else 200):
        here, there = servers[number % 3], servers[(number + 1) % 3]
        id = here.submit(submission("python", f"print({number})"))
        assert there.get(f"/submissions/{id}").status == 200
        assert there.get(f"/results/{id}").status == 202


def test_an_id_that_is_sent_to_two_servers_at_once(fleet):
    here, there = fleet.start(2, RUNNER_MAX_PARALLEL=0)
    count = 40
    for number in range(count):
        sent, other = printing(number)[0], printing(number)[0] | {"source": "print('another')"}
        same = at_once(lambda: here.post(sent), lambda: there.post(sent))
        assert sorted(a.status for a in same) in ([200, 202], [202, 202]), same
        assert {a.json["id"] for a in same} == {sent["id"]}
        sent, other = sent | {"id": f"b-{number}"}, other | {"id": f"b-{number}"}
        two = at_once(lambda: here.post(sent), lambda: there.post(other))
        assert sorted(a.status for a in two) == [202, 409], two
    assert fleet.number("SELECT count(*) FROM job") == 2 * count


def test_cancelled_on_another_server(fleet):
    here, there = fleet.start(2, RUNNER_MAX_PARALLEL=0)
    id = here.submit(submission("python", "print(1)"))
    assert there.delete(id).status == 200
    wait_for(lambda: here.get(f"/submissions/{id}").json["state"] == "cancelled", 10, "it is cancelled")
    assert here.delete(id).status == there.delete(id).status


def test_who_waits_need_not_be_where_it_is_judged(fleet):
    (quiet,) = fleet.start(1, RUNNER_MAX_PARALLEL=0)
    fleet.start(1)[0].ready()
    answer = quiet.post(submission("python", "print(1)", [test(expected="1")]), "?wait=30")
    assert answer.status == 200 and answer.json["verdict"] == "OK", answer
    with contextlib.closing(Stream(quiet, "/events").read_head()) as everything:
        id = quiet.submit(submission("python", SLEEPS))
        with contextlib.closing(Stream(quiet, f"/submissions/{id}/events").read_head()) as one:
            last = one.to_end()[-1]
            assert last.data["id"] == id and last.data["verdict"] == "OK", last
        everything.until(lambda events: [e for e in events if e.data.get("id") == id
                                         and e.data.get("state") == "done"])


def test_tests_are_seen_on_another_server(fleet):
    """One by one, while another server runs them."""
    (quiet,) = fleet.start(1, RUNNER_MAX_PARALLEL=0)
    (judge,) = fleet.start(1, RUNNER_MAX_PARALLEL=1)
    judge.ready()
    tests = [test(str(n), expected=str(n)) for n in range(1, 9)]
    source = "import time\ntime.sleep(0.4)\nprint(input())"
    with contextlib.closing(Stream(quiet, "/events").read_head()) as everything:
        id = quiet.submit(submission("python", source, tests))
        with contextlib.closing(Stream(quiet, f"/submissions/{id}/events").read_head()) as one:
            events = one.to_end(60)
        seen = [e.data["number"] for e in events if e.name == "test"]
        # What ends just before the report may come in it only.
        assert len(seen) >= 4 and seen == list(range(seen[0], seen[0] + len(seen))), events
        assert {e.data["verdict"] for e in events if e.name == "test"} == {"OK"}
        assert any(e.data.get("phase") == "run" for e in events if e.name == "state"), events
        assert events[-1].name == "report"
        everything.until(lambda events: any(e.name == "test" and e.data["id"] == id for e in events))


def test_a_stream_goes_on_at_another_server(fleet):
    """Its client gets what it has missed, and is not told to load anew."""
    here, there = fleet.start(2, RUNNER_MAX_PARALLEL=0)
    stream = Stream(here, "/events").read_head()
    first, second = here.submit(submission("python", "print(1)")), None
    stream.until(lambda events: any(e.data["id"] == first for e in events))
    stream.close()
    second = here.submit(submission("python", "print(1)"))
    with contextlib.closing(Stream(there, "/events", last=stream.last_id)) as again:
        events = again.until(lambda events: any(e.data.get("id") == second for e in events))
    assert [e.data.get("id") for e in events] == [second], events


def test_who_is_idle_judges(fleet):
    taker, judge = fleet.start(2)
    quiet = fleet.start(1, RUNNER_MAX_PARALLEL=0)[0]
    judge.ready(), taker.ready()
    ids = [quiet.submit(submission("python", SLEEPS)) for _ in range(4)]
    reports = [quiet.report(id) for id in ids]
    assert {r["verdict"] for r in reports} == {"OK"}
    judged = [sum(f"job={id} " in line for line in s.logged("finished") for id in ids) for s in (taker, judge)]
    assert sum(judged) == 4 and min(judged) >= 1, judged


# ---- a server that dies, stands still or shares what it should not ----

def test_the_work_of_a_dead_server_is_taken_over(fleet):
    dies, *live = fleet.start(3)
    fleet.ready()
    count = 200 if LONG else 60
    work = dict((dies.submit(sent), verdict) for sent, verdict in map(printing, range(count)))
    sleeps = [dies.submit(submission("python", SLEEPS)) for _ in range(3)]
    wait_for(lambda: fleet.number("SELECT count(*) FROM server s JOIN job ON s.instance = job.instance"
                                  f" WHERE claim IS NOT NULL AND directory = '{directory(dies)}'"), 20,
             "it has claims")
    dies.kill9()
    fleet.wait_final(LEASE_SECONDS + 5 + count, count + 3)
    fleet.check({**work, **dict.fromkeys(sleeps, "OK")}, *live)
    assert fleet.number("SELECT max(attempts) FROM job") == 1
    counted = [{name: server.metric(name) for name in ("scrc_servers", "scrc_servers_died_total",
                                                       'scrc_claims_released_total{kind="died"}')}
               for server in live]
    assert [c["scrc_servers"] for c in counted] == [2, 2], counted
    assert sum(c["scrc_servers_died_total"] for c in counted) == 1, counted
    assert sum(c['scrc_claims_released_total{kind="died"}'] for c in counted) >= 1, counted


def test_a_transaction_that_does_not_end_is_seen(fleet):
    (server,) = fleet.start(1, RUNNER_MAX_PARALLEL=0)
    with long_transaction(fleet.url, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM job"):
        wait_for(lambda: server.metric("scrc_oldest_snapshot_age_seconds") > 1, 60, "it grows old")
    wait_for(lambda: server.metric("scrc_oldest_snapshot_age_seconds") < 1, 60, "it has ended")


def directory(server):
    """The id of its DATA_DIR."""
    with open(server.data + "/id") as f:
        return f.read().strip()


def test_a_server_that_stood_still_goes_on_as_another(fleet):
    still, other = fleet.start(2)
    fleet.ready()
    still_id = still.submit(submission("python", SLEEPS, id="still"))
    ids = [still_id] + [other.submit(submission("python", SLEEPS, id=f"s{n}")) for n in range(3)]
    wait_for(lambda: fleet.number("SELECT count(DISTINCT instance) FROM job WHERE state = 1") == 2, 20,
             "both judge")
    with Stopped(still):
        fleet.wait_final(60, len(ids))
    fleet.check(dict.fromkeys(ids, "OK"), other)
    wait_for(lambda: still.logged("lease_lost"), 20, "it sees that it was over")
    wait_for(lambda: fleet.number("SELECT count(*) FROM server WHERE over = 0") == 2, 10, "its new name")
    more = [still.submit(submission("python", SLEEPS)) for _ in range(4)]
    fleet.wait_final(60, len(ids) + 4)
    fleet.check(dict.fromkeys(ids + more, "OK"), still, other)
    assert [line for line in still.logged("finished") for id in more if f"job={id} " in line], "it judges"


def test_a_cancel_reaches_the_server_that_judges(fleet):
    (judge,), (other,) = fleet.start(1), fleet.start(1, RUNNER_MAX_PARALLEL=0)
    judge.ready()
    forever = submission("python", "while True: pass", [test()], 60000)
    for _ in range(3):
        id = other.submit(forever)
        other.wait_running(id)
        assert other.delete(id).status == 200
        quick = other.judge(submission("python", "print(1)"), 10)  # the only worker is free again
        assert quick["verdict"] == "OK"
        assert judge.report(id)["error"] == "cancelled"
