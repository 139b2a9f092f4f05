"""Nothing accepted is lost, nothing is judged twice, and no fault of ours becomes a verdict."""

import http.client
import random
import signal
import subprocess
import threading
import time

import pytest

from engines import RefusingEngine, containers, instances
from harness import LONG, ON_POSTGRES, QUEUED, check_report, quote, rows, states, submission, test, wait_for

GONE = (OSError, http.client.HTTPException, AttributeError)  # the server is down just now

SOURCES = {
    "python": ("#", "import sys\nprint(sum(map(int,sys.stdin.read().split())))"),
    "c": ("//", "#include <stdio.h>\nint main(){int s=0,n;while(scanf(\"%d\",&n)==1)s+=n;"
                "printf(\"%d\\n\",s);}"),
    "go": ("//", "package main\nimport \"fmt\"\nfunc main(){s:=0;var n int\nfor{if _,e:=fmt.Scan("
                 "&n);e!=nil{break}\ns+=n}\nfmt.Println(s)}"),
    "cpp": ("//", "#include <iostream>\nint main(){int s=0,n;while(std::cin>>n)s+=n;"
                  "std::cout<<s<<'\\n';}"),
    "java": ("//", "public class Main{public static void main(String[] a){var in=new "
                   "java.util.Scanner(System.in);int s=0;while(in.hasNextInt())s+=in.nextInt();"
                   "System.out.println(s);}}"),
}
# In the short form one for each way to build: none, a command, a compiler that stays.
MIX = ["python"] * 5 + ["c"] * 4 + (["go"] * 2 + ["cpp"] if LONG else []) + ["java"]


def summing(i, language):
    """A submission of its own source whose right verdict is known: (submission, verdict)."""
    comment, source = SOURCES[language]
    verdict = "WA" if i % 5 == 4 else "OK"
    tests = [test("1 2 3\n", "6"), test("10 -5 7\n", "12" if verdict == "OK" else "13")]
    return submission(language, f"{comment} {i}\n{source}\n", tests, 5000, id=f"crash-{i}"), verdict


class Sender(threading.Thread):
    """Sends until the server has accepted, through every restart."""

    def __init__(self, server, work):
        super().__init__(daemon=True)
        self.server, self.work, self.accepted, self.odd = server, work, set(), []

    def run(self):
        for sent, _ in self.work:
            while not self.try_once(sent):
                time.sleep(0.05)  # between two tries on a dead port
            time.sleep(0.02)

    def try_once(self, sent):
        try:
            answer = self.server.client.post(sent, timeout=10)
        except GONE:
            return False
        if answer.status in (200, 202):
            self.accepted.add(sent["id"])
        elif answer.status not in (429, 503):
            self.odd.append(answer)
        return sent["id"] in self.accepted or bool(self.odd)


def finished(server):
    found, cursor = set(), ""
    while True:
        page = server.get("/results?state=done&limit=500" + cursor).json
        found |= {r["id"] for r in page["results"]}
        if page["next_cursor"] is None:
            return found
        cursor = "&cursor=" + quote(page["next_cursor"])


def check_all(server, work, seconds):
    """Every one is final, `seconds` from now, with the verdict it deserves."""
    end = time.monotonic() + seconds
    for sent, verdict in work:
        report = server.report(sent["id"], max(1, end - time.monotonic()))
        assert (report["verdict"], report["error"]) == (verdict, ""), report
        assert report["id"] == sent["id"] and len(report["tests"]) == 2


def check_table(server, count):
    """One row and one report for each id; checked in the file itself, when nobody has it open."""
    if not ON_POSTGRES:
        assert rows(server.data, "PRAGMA integrity_check") == [("ok",)]
    assert rows(server.data, "SELECT count(*), count(DISTINCT id) FROM job") == [(count, count)]
    assert rows(server.data, "SELECT count(*) FROM report") == [(count,)]


def test_kill_9_at_random_moments(fresh_server):
    """R1"""
    seed = random.randrange(10**6)
    print("seed", seed)
    dice = random.Random(seed)
    server = fresh_server(LANGUAGES=",".join(sorted(set(MIX)))).start()
    work = [summing(i, MIX[i % len(MIX)]) for i in range(2400 if LONG else 65)]
    sender = Sender(server, work)
    sender.start()
    kills, done, old = 0, 0, set()
    # Java is ready some seconds after a start, and is then built: most lives must be long enough for
    # that, or its submissions are given up after JOB_RESTARTS_MAX deaths, as they should be.
    while kills < (100 if LONG else 5):
        end = time.monotonic() + (dice.uniform(2, 9) if LONG else dice.uniform(1.5, 4))
        while time.monotonic() < end and done < len(work):
            time.sleep(dice.uniform(0.02, 0.2))
            done = len(finished(server))
        if done >= len(work):
            break
        old |= instances(server)
        server.kill9()
        old |= instances(server)  # what was being made while it died
        kills += 1
        server.start()
        wait_for(lambda: not old & instances(server), 10, "containers of dead servers")
    sender.join(60)
    assert not sender.odd and len(sender.accepted) == len(work), sender.odd
    assert kills >= 3, kills
    check_all(server, work, 1000 if LONG else 300)
    print(kills, "kills")
    before = {s["id"]: server.get("/results/" + s["id"]).json for s, _ in work[:20]}
    assert server.terminate() == 0
    check_table(server, len(work))
    wait_for(lambda: not containers(server), 10, "own containers removed")
    server.start()
    assert {id: check_report(server.get("/results/" + id).json) for id in before} == before
    print(f"{kills} kills")


def test_sigterm_under_load(fresh_server):
    """Exit 0 in time; what was not finished is given back, and the next server judges it."""
    server = fresh_server(SHUTDOWN_TIMEOUT="1s").start().ready()
    slow = submission("python", "import time\ntime.sleep(4)\nprint(1)", [test("", "1")],
                      limits={"time_limit_ms": 1000, "wall_time_limit_ms": 20_000})
    ids = [server.submit({**slow, "id": f"slow-{i}"}) for i in range(2)]
    work = [summing(i, "python") for i in range(6)]
    for sent, _ in work:
        server.submit(sent)
    server.wait_running("slow-1")
    assert server.terminate() == 0
    assert states(server.data) == {QUEUED: 8}  # after 1 s, not their 4
    wait_for(lambda: not containers(server), 10, "own containers removed")
    server.start()
    check_all(server, work, 60)
    for id in ids:
        report = server.report(id)
        assert report["verdict"] == "OK" and report["attempts"] == 1, report


def claimed_ahead(server):
    """Rows that are claimed for a worker which is still busy."""
    return [id for (id,) in rows(server.data, "SELECT id FROM job WHERE state = 0 AND claim IS NOT NULL")]


@pytest.mark.parametrize("end", ["kill -9", "SIGTERM", "DELETE"])
def test_a_row_that_is_claimed_ahead(fresh_server, end):
    """It is queued for everybody, and no end of its claim counts as an attempt."""
    server = fresh_server(RUNNER_MAX_PARALLEL=1, SHUTDOWN_TIMEOUT="0s").start().ready()
    slow = submission("python", "import time\ntime.sleep(3)\nprint(1)", [test("", "1")], 5000)
    quick = submission("python", "print(1)", [test("", "1")])
    ids = [server.submit({**slow, "id": "slow"})]
    server.wait_running("slow")
    ids += [server.submit({**quick, "id": f"behind-{i}"}) for i in range(2)]
    wait_for(lambda: claimed_ahead(server) == ["behind-0"], 10, "a row that is claimed ahead")
    waits = [server.get("/results/" + id).json for id in ids[1:]]
    assert [(w["state"], w["position"]) for w in waits] == [("queued", 1), ("queued", 2)]
    if end == "DELETE":
        assert server.delete("behind-0").status == 200
        report = server.report("behind-0", 1)
        assert (report["error"], report["attempts"]) == ("cancelled", 0)
        ids.remove("behind-0")
    elif end == "SIGTERM":
        assert server.terminate() == 0
        assert claimed_ahead(server) == [] and states(server.data) == {QUEUED: 3}
        server.start()
    else:
        server.kill9()
        assert claimed_ahead(server) == ["behind-0"]
        server.start()
    for id in ids:
        report = server.report(id)
        assert (report["verdict"], report["attempts"]) == ("OK", 1), report


def test_what_docker_would_not_remove_at_once(fresh_server, tmp_path):
    """Asked a last time at the end: nobody is left to sweep."""
    engine = RefusingEngine(str(tmp_path / "docker.sock"))
    server = fresh_server(DOCKER_HOST=engine.host).start().ready()
    assert server.judge(summing(0, "python")[0])["verdict"] == "OK"
    pool = wait_for(lambda: (p := server.get("/stats").json["present"]["pool"])["idle"] > 0 and p,
                    10, "cells that wait")
    engine.refuse("DELETE ", pool["idle"])
    assert server.terminate() == 0
    assert engine.refused == pool["idle"] and not containers(server)
    engine.close()


def test_sigterm_lets_a_run_finish(fresh_server):
    server = fresh_server(SHUTDOWN_TIMEOUT="20s").start().ready()
    id = server.submit(submission("python", "import time\ntime.sleep(1.5)\nprint(1)",
                                  [test("", "1")], 5000, id="last"))
    server.wait_running(id)
    assert server.terminate() == 0
    server.settings["RUNNER_MAX_PARALLEL"] = "0"
    server.start()
    assert server.report(id, 1)["verdict"] == "OK", "it was not finished before the end"


def test_engine_killed_mid_run(fresh_server, engine):
    """R4: Docker dies under running submissions; all come out right in the end."""
    server = fresh_server(DOCKER_HOST=engine.host).start().ready()
    slow = "import time,sys\ntime.sleep(%s)\nprint(sum(map(int,sys.stdin.read().split())))"
    ids = [server.submit(submission(
        "python", f"#{i}\n" + slow % (0.1 * i), [test("1 2\n", "3")],
        limits={"time_limit_ms": 2000, "wall_time_limit_ms": 30_000})) for i in range(12)]
    wait_for(lambda: finished(server), 30, "the first report")
    for how in (signal.SIGKILL, signal.SIGTERM):
        engine.stop(how)
        wait_for(lambda: server.get("/readyz").status == 503, 15, "readyz 503", pause=0.1)
        assert "docker" in server.get("/readyz").body.decode().lower()
        assert server.get("/healthz").status == 200
        late = server.submit(submission("python", "print(1)", [test("", "1")]))
        assert server.get("/results/" + late).json["reason"], "why it waits"
        engine.start()
        ids.append(late)
        server.ready(60)
        server.report(late, 90)
    for id in ids:
        report = server.report(id, 90)
        assert report["verdict"] == "OK", report
    assert server.terminate() == 0


def test_engine_stands_still(fresh_server, engine):
    """R4: SIGSTOP of dockerd: the server goes on answering, and no verdict comes of it."""
    server = fresh_server(DOCKER_HOST=engine.host).start().ready()
    ids = [server.submit(submission("python", f"print({i})", [test("", str(i))]))
           for i in range(6)]
    engine.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        while time.monotonic() - began < (60 if LONG else 5):
            assert server.get("/healthz").status == 200
            server.get("/readyz")
            time.sleep(0.2)
    finally:
        engine.process.send_signal(signal.SIGCONT)
    for id in ids:
        assert server.report(id, 60)["verdict"] == "OK"


def test_container_removed_by_somebody(fresh_server):
    """A fault of the submission's own cell spends an attempt; the verdict is right all the same."""
    server = fresh_server(RUNNER_MAX_PARALLEL=1).start().ready()
    id = server.submit(submission("python", "import time\ntime.sleep(1.5)\nprint(1)",
                                  [test("", "1")], 4000))
    server.wait_running(id)
    subprocess.run(["docker", "rm", "-f", *[c["Id"] for c in containers(server)]],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    report = server.report(id)
    assert report["verdict"] == "OK", report
    assert report["attempts"] <= 3
