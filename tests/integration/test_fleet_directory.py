"""A server of a fleet and its DATA_DIR: a copy of one that is in use, and what killed servers leave."""

import os
import shutil

from fleet import LEASE_SECONDS, printing
from harness import run_scrc, submission, test, wait_for


def settings(fleet, directory):
    return {"STORE": fleet.url, "DATA_DIR": directory, "LEASE_TIMEOUT": f"{LEASE_SECONDS}s", "LANGUAGES": "python"}


def test_a_copy_of_a_directory_in_use(fleet, tmp_path):
    (server,) = fleet.start(1)
    fleet.ready()
    copy = str(tmp_path / "copy")
    shutil.copytree(server.data, copy)
    code, out, err = run_scrc(**settings(fleet, copy))
    assert code == 2 and "works with the id of this DATA_DIR" in err and "delete the file `id`" in err, err
    assert server.judge(submission("python", "print(1)", [test("", "1")]))["verdict"] == "OK"
    assert not server.logged("lease_lost") and fleet.number("SELECT count(*) FROM server") == 1
    os.unlink(copy + "/id")
    (other,) = fleet.start(1, DATA_DIR=copy)
    work = {server.submit(sent): verdict for sent, verdict in map(printing, range(10))}
    fleet.wait_final(60, len(work) + 1)
    fleet.check(work, server, other.ready())
    assert not fleet.lines("lease_lost")


def test_a_copy_of_a_directory_that_is_not_in_use(fleet, tmp_path):
    """A backup, or a new machine: it takes the place of the one it was copied from."""
    (server,) = fleet.start(1, RUNNER_MAX_PARALLEL=0)
    assert server.terminate() == 0
    copy = str(tmp_path / "copy")
    shutil.copytree(server.data, copy)
    (other,) = fleet.start(1, DATA_DIR=copy, RUNNER_MAX_PARALLEL=0)
    code, _, err = run_scrc(**settings(fleet, server.data))
    assert code == 2 and "works with the id" in err
    assert other.terminate() == 0


def test_writers_that_were_killed(fleet):
    one, two = fleet.start(2, RUNNER_MAX_PARALLEL=0)
    one.submit(submission("python", "print(1)")), two.submit(submission("python", "print(2)"))
    one.kill9(), two.kill9()
    assert fleet.number("SELECT count(*) FROM writer") == 2
    one.start(30)
    one.submit(submission("python", "print(3)"))
    assert fleet.number("SELECT count(*) FROM writer") == 2, "its predecessor's has gone, the other's has not"
    wait_for(lambda: fleet.number("SELECT count(*) FROM server WHERE over = 0") == 1, 30, "the other is over")
    fleet.sql("UPDATE server SET last_seen = now() - interval '2 days' WHERE over = 1")
    wait_for(lambda: fleet.number("SELECT count(*) FROM writer") == 1, 60, "its row has gone too")
    assert one.submit(submission("python", "print(4)"))
    fleet.sql("DELETE FROM writer")  # of a server that does not know
    assert one.submit(submission("python", "print(5)"))
    assert fleet.number("SELECT count(*) FROM writer") == 1
    assert one.terminate() == 0
    assert fleet.number("SELECT count(*) FROM writer") == 0
