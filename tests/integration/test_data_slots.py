"""DATA_SLOTS: several servers on one volume, and what one of them leaves when it is lost."""

import os
import re

from engines import containers
from harness import DONE, QUEUED, RUNNING, run_scrc, states, submission, test, wait_for

SLEEP = "import time\ntime.sleep(%s)\nprint(1)"


def slow(id, seconds):
    return submission("python", SLEEP % seconds, [test("", "1")], id=id,
                      limits={"time_limit_ms": 1000, "wall_time_limit_ms": 20_000})


def slot_of(server):
    """The directory that this server said it took."""
    return re.search(r'/(slot-\d+)', wait_for(lambda: server.logged("slot_taken"), 5)[0]).group(1)


def test_a_lost_server_is_replaced(fresh_server, tmp_path):
    """kill -9 with queued and running work: another server judges it, once, from its own table."""
    volume = str(tmp_path / "volume")
    shared = {"DATA_DIR": volume, "DATA_SLOTS": 1, "ADOPT_INTERVAL": "300ms",
              "RUNNER_MAX_PARALLEL": 1}
    first = fresh_server(**shared).start().ready()
    second = fresh_server(**shared).start().ready()
    assert (slot_of(first), slot_of(second)) == ("slot-0", "slot-1")

    ids = [first.submit(slow(f"left-{i}", 0.7)) for i in range(6)]
    wait_for(lambda: DONE in states(f"{volume}/slot-0"), 30, "the first report")
    wait_for(lambda: RUNNING in states(f"{volume}/slot-0"), 20, "one that runs")
    first.kill9()
    before = states(f"{volume}/slot-0")
    assert before.get(QUEUED, 0) >= 2, before
    mine = second.submit(slow("mine", 0.1))
    assert second.report(mine, 30)["verdict"] == "OK"  # its own work goes on

    wait_for(lambda: states(f"{volume}/slot-0") == {DONE: 6}, 60, "all of them judged")
    wait_for(lambda: second.logged("slot_finished"), 10, "the slot given up")
    assert len(second.logged("slot_adopted")) == 1
    assert states(f"{volume}/slot-1") == {DONE: 1}
    wait_for(lambda: not containers(first), 30, "containers of the lost server")

    first.start()
    assert slot_of(first) == "slot-0"
    for id in ids:
        report = first.report(id, 1)
        assert report["verdict"] == "OK" and report["attempts"] == 1, report
    assert first.terminate() == 0 and second.terminate() == 0


def test_rows_of_another_language_are_left_to_others(fresh_server, tmp_path):
    """They keep nobody from the work that lies beside and behind them."""
    volume = str(tmp_path / "volume")
    shared = {"DATA_DIR": volume, "DATA_SLOTS": 1, "ADOPT_INTERVAL": "300ms"}
    lost = [fresh_server(**shared, LANGUAGES=None, RUNNER_MAX_PARALLEL=0).start() for _ in range(2)]
    ours = fresh_server(**shared).start().ready()
    assert slot_of(ours) == "slot-2"
    lost[0].submit(submission("c", "int main(void) { return 0; }", id="foreign"))
    lost[0].submit(slow("beside", 0))
    lost[1].submit(slow("behind", 0))
    for server in lost:
        server.kill9()
    wait_for(lambda: states(f"{volume}/slot-1") == {DONE: 1}, 60, "what lies behind")
    wait_for(lambda: states(f"{volume}/slot-0") == {QUEUED: 1, DONE: 1}, 60, "what lies beside")
    wait_for(lambda: len(ours.logged("slot_finished")) == 2, 10, "both given up")
    every = fresh_server(**shared, LANGUAGES="python,c").start()
    assert slot_of(every) == "slot-0"
    assert every.report("foreign", 60)["verdict"] == "OK"


def test_unfinished_work_is_taken_first(fresh_server, tmp_path):
    volume = str(tmp_path / "volume")
    idle = {"DATA_DIR": volume, "DATA_SLOTS": 1, "RUNNER_MAX_PARALLEL": 0}
    servers = [fresh_server(**idle).start() for _ in range(3)]
    assert [slot_of(s) for s in servers] == ["slot-0", "slot-1", "slot-2"]
    servers[2].submit(slow("left", 0))
    for server in servers:
        server.kill9()
    fourth = fresh_server(**{**idle, "RUNNER_MAX_PARALLEL": 1}).start()
    assert slot_of(fourth) == "slot-2"
    assert fourth.report("left", 30)["verdict"] == "OK"


def test_sigterm_while_judging_an_adopted_slot(fresh_server, tmp_path):
    """What runs is given back to the slot it came from; nothing of it is lost or spent."""
    volume = str(tmp_path / "volume")
    shared = {"DATA_DIR": volume, "DATA_SLOTS": 1, "ADOPT_INTERVAL": "300ms",
              "RUNNER_MAX_PARALLEL": 1, "SHUTDOWN_TIMEOUT": "1s"}
    second = fresh_server(**shared).start().ready()
    first = fresh_server(**{**shared, "RUNNER_MAX_PARALLEL": 0}).start()
    assert (slot_of(second), slot_of(first)) == ("slot-0", "slot-1")
    for i in range(2):
        first.submit(slow(f"left-{i}", 6))
    first.kill9()
    wait_for(lambda: RUNNING in states(f"{volume}/slot-1"), 30, "one that runs")
    assert second.terminate() == 0
    assert states(f"{volume}/slot-1") == {QUEUED: 2}
    third = fresh_server(**{**shared, "RUNNER_MAX_PARALLEL": 2}).start()
    assert slot_of(third) == "slot-1"
    for i in range(2):
        report = third.report(f"left-{i}", 60)
        assert report["verdict"] == "OK" and report["attempts"] == 1, report


def test_a_table_without_slots_is_not_left_behind(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    id = server.submit(slow("kept", 0))
    assert server.terminate() == 0
    code, _, said = run_scrc(DATA_DIR=server.data, DATA_SLOTS=1)
    assert code == 2 and "slot-0" in said and "DATA_SLOTS" in said, said

    os.mkdir(server.data + "/slot-0")
    for name in os.listdir(server.data):
        if name.startswith("scrc.db"):
            os.rename(f"{server.data}/{name}", f"{server.data}/slot-0/{name}")
    server.settings["DATA_SLOTS"] = "1"
    server.start()
    assert server.get("/results/" + id).json["state"] == "queued"
    assert server.terminate() == 0

    server.settings["DATA_SLOTS"] = "0"
    server.start()
    assert server.logged("slots_not_used"), server.log()
