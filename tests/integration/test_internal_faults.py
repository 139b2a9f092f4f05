"""Faults of ours, by where they happen: what they cost a submission, and whom they keep waiting."""

import os
import signal
import sqlite3

import pytest

from engines import RefusingEngine, containers, docker
from harness import MIB, QUEUED, in_file, states, submission, test, wait_for

CPP = submission("cpp", "#include <iostream>\nint main() { std::cout << 6; }", [test("", "6")])
# 2^31 classes, each with a name of its own: a compiler is at it until its limit ends it.
ENDLESS = "template<class A, class B> struct p {};\n" \
          "template<int n, class T> struct r : r<n-1, p<T, int>>, r<n-1, p<T, char>> {};\n" \
          "template<class T> struct r<0, T> {};\nr<30, int[%d]> x;\nint main() {}\n"


@pytest.fixture
def refusing(tmp_path):
    engine = RefusingEngine(str(tmp_path / "docker.sock"))
    yield engine
    engine.close()


def hello(i):
    return submission("python", f"print({i})", [test("", str(i))])


def inspect(container):
    return docker(f"/containers/{container['Id']}/json") or {"HostConfig": {}, "State": {}}


def agent_of(server, comm):
    """The host's pid of the agent in whose container a program has named itself so."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as name, open(f"/proc/{pid}/cgroup") as groups:
                if name.read() != comm + "\n":
                    continue
                where = groups.read()
        except OSError:
            continue
        for c in containers(server):
            if c["Id"] in where:
                return inspect(c)["State"].get("Pid")
    return None


@pytest.mark.parametrize("box, uses", [("auto", 1), ("inplace", 3)])
def test_cancelled_while_its_run_cell_is_made_ready(fresh_server, box, uses):
    """The cell that was aborted before its use serves nobody: whoever comes next is judged."""
    server = fresh_server(LANGUAGES="cpp", SCRC_BOX=box, RUNNER_CELL_USES=uses).start().ready()
    server.judge(CPP)  # the self-test is over
    limits = {"memory_limit_bytes": 77 * MIB}
    for i in range(2):
        def ahead():
            return any(77 * MIB <= inspect(c)["HostConfig"].get("Memory", 0) < 90 * MIB
                       for c in containers(server))
        id = server.submit(submission("cpp", ENDLESS % (i + 1), limits=limits))
        wait_for(ahead, 30, "the run cell has its memory")
        assert server.delete(id).status == 200
        assert server.report(id)["error"] == "cancelled"
        report = server.judge({**CPP, "limits": limits}, 40)
        assert report["verdict"] == "OK" and report["attempts"] == 1, report


def test_a_cell_that_is_slow_to_die(fresh_server, refusing):
    """Its agent stands still, and Docker will neither kill nor remove it: no news about Docker.
    The others are judged meanwhile, and the attempt is counted."""
    server = fresh_server(LANGUAGES="python,c", DOCKER_HOST=refusing.host).start().ready()
    server.judge(hello(0))
    id = server.submit(submission(  # no files to unpack: its agent is waited for 2 s and no more
        "c", "#include <stdio.h>\n#include <sys/prctl.h>\n#include <unistd.h>\nint main(void) {"
        "prctl(PR_SET_NAME, \"slow-to-die\"); sleep(1); puts(\"in\"); }", [test("", "in\n")],
        limits={"time_limit_ms": 2000, "wall_time_limit_ms": 3000}))
    pid = wait_for(lambda: agent_of(server, "slow-to-die"), 30, "its program", pause=0)
    refusing.refuse(r"POST .*/kill")
    refusing.refuse(r"DELETE ", 2)
    os.kill(pid, signal.SIGSTOP)
    for i in range(3):
        assert server.judge(hello(i))["verdict"] == "OK"
        assert server.get("/readyz").status == 200
    report = server.report(id, 90)
    assert report["verdict"] == "OK" and report["attempts"] == 2, report
    assert "judging_paused" not in server.log()


def test_no_cell_can_be_had(fresh_server, refusing):
    """Docker answers pings and makes no container: nothing is spent, the queue says why."""
    server = fresh_server(DOCKER_HOST=refusing.host).start().ready()
    server.judge(hello(0))
    refusing.refuse(r"POST .*/containers/create")
    ids = [server.submit(hello(i)) for i in range(6)]  # more than there are warm cells

    def reason():
        answer = server.get("/results/" + ids[-1]).json
        assert "verdict" not in answer, answer
        return "not today" in (answer["reason"] or "")
    wait_for(reason, 60, "a reason in Docker's words")
    (python,) = server.get("/languages").json["languages"]
    assert python["state"] != "ok" and "not today" in python["error"]
    refusing.relent()
    for id in ids:
        report = server.report(id, 60)
        assert report["verdict"] == "OK" and report["attempts"] == 1, report


@in_file
def test_a_stored_submission_is_damaged(fresh_server):
    """It ends, with a report that says so, and what is behind it is judged."""
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    ids = [server.submit(hello(i)) for i in range(3)]
    server.terminate()
    with sqlite3.connect(server.data + "/scrc.db") as db:
        rows = [seq for (seq,) in db.execute("SELECT seq FROM job ORDER BY seq")]
        db.execute("UPDATE body SET json = substr(json, 1, 10) WHERE seq = ?", rows[:1])
        db.execute("DELETE FROM body WHERE seq = ?", rows[1:2])
    db.close()
    server.settings["RUNNER_MAX_PARALLEL"] = "1"
    server.start()
    assert server.report(ids[2], 60)["verdict"] == "OK"
    for id in ids[:2]:
        report = server.report(id, 20)
        assert report["verdict"] == "-" and "cannot be read" in report["error"], report


def test_a_stop_while_docker_says_nothing(fresh_server, refusing):
    """A call that is never answered does not keep the process: its work is in the queue."""
    server = fresh_server(DOCKER_HOST=refusing.host, SHUTDOWN_TIMEOUT="1s").start().ready()
    server.judge(hello(0))
    refusing.refuse(r"(POST|DELETE|GET) /v", silent=True)
    ids = [server.submit({**hello(i), "limits": {"memory_limit_bytes": 50 * MIB}})
           for i in range(4)]
    wait_for(lambda: refusing.refused > 0, 20, "a call that hangs")
    assert server.terminate(25) == 0
    assert states(server.data).get(QUEUED) == len(ids)
    refusing.relent()
    server.start()
    for id in ids:
        assert server.report(id)["attempts"] == 1
