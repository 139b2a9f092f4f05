"""Earlier versions let several servers share DATA_DIR, each with a table in a slot-N of it."""

import os

import pytest

from harness import DONE, QUEUED, run_scrc, states, submission, test


def hello(id):
    return submission("python", "print(1)", [test("", "1")], id=id)


@pytest.fixture
def slot(fresh_server, tmp_path):
    """The directory of a slot with work in it, as a server that is gone left it."""
    volume = str(tmp_path / "volume")
    os.mkdir(volume)
    lost = fresh_server(DATA_DIR=f"{volume}/slot-0", RUNNER_MAX_PARALLEL=0).start()
    for id in ("one", "two"):
        lost.submit(hello(id))
    lost.kill9()
    return lost.settings["DATA_DIR"]


@pytest.mark.parametrize("value", ("1", "true", "2"))
def test_data_slots_refuses_the_start(slot, value):
    volume = os.path.dirname(slot)
    code, _, said = run_scrc(DATA_DIR=volume, DATA_SLOTS=value)
    assert code == 2
    for part in ("DATA_SLOTS", "a DATA_DIR of its own", "STORE", "DATA_DIR=YOUR_DATA_DIR/slot-N"):
        assert part in said, said
    assert os.listdir(volume) == ["slot-0"] and states(slot) == {QUEUED: 2}


@pytest.mark.parametrize("value", (None, "", "0"))
def test_without_it_slots_are_said_and_left_alone(fresh_server, slot, value):
    volume = os.path.dirname(slot)
    server = fresh_server(DATA_DIR=volume, DATA_SLOTS=value).start()
    (said,) = server.logged("slots_not_used")
    assert f"DATA_DIR={volume}/slot-N" in said
    assert server.judge(hello("mine"))["verdict"] == "OK"
    assert server.get("/results/one").status == 404
    assert server.terminate() == 0
    assert states(slot) == {QUEUED: 2} and states(volume) == {DONE: 1}


def test_the_work_of_a_slot_is_finished_as_advised(fresh_server, slot):
    server = fresh_server(DATA_DIR=slot).start()
    assert not server.logged("slots_not_used")
    for id in ("one", "two"):
        report = server.report(id)
        assert report["verdict"] == "OK" and report["attempts"] == 1, report
    assert server.terminate() == 0


def test_other_names_are_no_slots(fresh_server, tmp_path):
    for name in ("slot-", "slot-1a", "slots", "my-slot-1"):
        os.makedirs(tmp_path / "data" / name)
    assert not fresh_server(DATA_DIR=tmp_path / "data").start().logged("slots_not_used")
