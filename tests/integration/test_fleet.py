"""Several servers on one database are one judge: any takes a submission, any answers for it, any that is
idle judges it, and the work of one that dies is taken over."""

import os
import signal
import time

import pytest

from harness import submission, test, wait_for

SLEEPS = "import time\ntime.sleep(2)\nprint('slept')"


@pytest.fixture
def fleet(database, fresh_server):
    """fleet(n, ...): so many servers on one database, started."""
    def start(count, **settings):
        servers = [fresh_server(STORE=database, LEASE_TIMEOUT="2s", LANGUAGES="python",
                                **{"RUNNER_MAX_PARALLEL": 1, **settings}) for _ in range(count)]
        return [server.start() for server in servers]
    return start


def test_any_server_answers(fleet):
    here, there = fleet(2)
    for number in range(20):
        id = here.submit(submission("python", f"print({number})", [test(expected=f"{number}")]))
        assert there.get(f"/submissions/{id}").status == 200
        report = there.report(id)
        assert report["verdict"] == "OK", report
        assert here.report(id) == report


def test_who_is_idle_judges(fleet):
    taker, judge = fleet(2)
    quiet = fleet(1, RUNNER_MAX_PARALLEL=0)[0]
    judge.ready(), taker.ready()
    ids = [quiet.submit(submission("python", SLEEPS)) for _ in range(4)]
    reports = [quiet.report(id) for id in ids]
    assert {r["verdict"] for r in reports} == {"OK"}
    judged = [sum(f"job={id} " in line for line in s.logged("finished") for id in ids) for s in (taker, judge)]
    assert sum(judged) == 4 and min(judged) >= 1, judged


def test_the_work_of_a_dead_server_is_taken_over(fleet):
    dies, lives = fleet(2)
    dies.ready()
    ids = [dies.submit(submission("python", SLEEPS)) for _ in range(6)]
    wait_for(lambda: any(dies.get(f"/submissions/{id}").json["state"] == "running" for id in ids), 20,
             "one is running")
    dies.kill9()
    began = time.monotonic()
    reports = [lives.report(id, 60) for id in ids]
    assert {r["verdict"] for r in reports} == {"OK"}, reports
    assert {r["attempts"] for r in reports} == {1}
    assert time.monotonic() - began < 2 + 5 + 6 * 4


def test_a_paused_server_comes_back_as_another(fleet):
    paused = fleet(1)[0]
    paused.ready()
    id = paused.submit(submission("python", SLEEPS))
    paused.wait_running(id)
    os.kill(paused.pid, signal.SIGSTOP)
    lives = fleet(1)[0]
    report = lives.report(id, 60)
    assert (report["verdict"], report["attempts"]) == ("OK", 1)
    os.kill(paused.pid, signal.SIGCONT)
    wait_for(lambda: paused.logged("lease_lost"), 20, "it sees that it was replaced")
    assert paused.report(id) == report
    lives.terminate()
    assert paused.judge(submission("python", "print(1)"))["verdict"] == "OK"
    assert paused.report(id) == report


def test_a_cancel_reaches_the_server_that_judges(fleet):
    judge, other = fleet(1)[0], fleet(1, RUNNER_MAX_PARALLEL=0)[0]
    judge.ready()
    forever = submission("python", "while True: pass", [test()], 60000)
    for _ in range(3):
        id = other.submit(forever)
        other.wait_running(id)
        assert other.delete(id).status == 200
        quick = other.judge(submission("python", "print(1)"), 10)  # the only worker is free again
        assert quick["verdict"] == "OK"
        assert judge.report(id)["error"] == "cancelled"
