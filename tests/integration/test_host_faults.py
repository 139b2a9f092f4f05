"""What the host lacks: no Docker, no image, no memory, a full disk, a port that is taken; and what
we say about it."""

import os
import socket
import subprocess

import pytest

from harness import MIB, QUEUED, fill, in_file, run_scrc, states, submission, test, wait_for

HELLO = submission("python", "print('hi')", [test("", "hi")])


def test_no_docker_at_start(fresh_server, engine):
    """It serves, says why it does not judge, and judges when Docker appears."""
    engine.stop()
    server = fresh_server(DOCKER_HOST=engine.host).start()
    assert server.get("/healthz").status == 200
    answer = server.get("/readyz")
    assert answer.status == 503 and "docker" in answer.body.decode().lower(), answer
    id = server.submit(HELLO)
    answer = server.get(f"/results/{id}?wait=1")
    assert answer.status == 202 and answer.json["state"] == "queued"
    assert "docker" in answer.json["reason"].lower(), answer
    engine.start()
    assert server.report(id)["verdict"] == "OK"
    server.ready(15)
    report = server.judge(HELLO)
    assert report["attempts"] == 1 and report["error"] == ""


def test_an_image_is_missing(fresh_server):
    """Python waits and says for what; C is judged."""
    server = fresh_server(LANGUAGES="python,c",
                          PYTHON_IMAGE="localhost:1/nonexistent:1").start().ready()
    id = server.submit(HELLO)
    ok = server.judge(submission("c", "#include <stdio.h>\nint main(){puts(\"hi\");}",
                                 [test("", "hi")]))
    assert ok["verdict"] == "OK", ok

    def reason():
        answer = server.get("/results/" + id)
        assert answer.status == 202, answer
        return answer.json["reason"] if "nonexistent" in answer.json["reason"] else None
    wait_for(reason, 20, "a reason that names the image", pause=0.2)
    (python,) = [l for l in server.get("/languages").json["languages"] if l["name"] == "python"]
    assert python["state"] == "pending" and "nonexistent" in python["error"]
    assert server.get("/readyz").status == 200


@in_file
def test_full_disk(fresh_server, small_disk):
    """R3: writes are refused with 507, reads go on, and room mends it without a restart."""
    server = fresh_server(DATA_DIR=small_disk + "/data", RUNNER_MAX_PARALLEL=1).start().ready()
    before = server.judge(HELLO)
    filler = small_disk + "/filler"
    fill(filler)

    big = submission("python", "#" * 200_000)

    def refused():
        answer = server.post(big)
        assert answer.status in (202, 507), answer
        return answer if answer.status == 507 else None
    answer = wait_for(refused, 20, "507", pause=0)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert server.post(HELLO).status == 507
    assert server.get("/results/" + before["id"]).json == before
    assert server.get("/results").status == 200 and server.get("/healthz").status == 200
    assert server.get("/readyz").status == 503
    os.unlink(filler)
    wait_for(lambda: server.post(HELLO).status == 202, 30, "accepting again", pause=0.2)
    assert server.judge(HELLO)["verdict"] == "OK"
    server.ready(10)


@in_file
def test_disk_fills_while_judging(fresh_server, small_disk):
    """The verdict waits for room: it is neither lost nor changed."""
    server = fresh_server(DATA_DIR=small_disk + "/data", RUNNER_MAX_PARALLEL=1).start().ready()
    id = server.submit(submission("python", "import time\ntime.sleep(2)\nprint('x'*60000)",
                                  [test("", "x" * 60000)], 5000))
    server.wait_running(id)
    filler = small_disk + "/filler"
    fill(filler)
    big = submission("python", "#" * 100_000)
    wait_for(lambda: server.post(big).status == 507, 20, "507", pause=0)
    server.get(f"/results/{id}?wait=3")
    os.unlink(filler)
    report = server.report(id, 60)
    assert report["verdict"] == "OK" and report["attempts"] == 1, report["error"]


@in_file
def test_disk_fills_while_reports_wait(fresh_server, small_disk):
    """A worker whose report cannot be stored takes nothing more; room mends it, and none is lost."""
    server = fresh_server(DATA_DIR=small_disk + "/data", RUNNER_MAX_PARALLEL=2).start().ready()
    ids = [server.submit(submission("python", f"import time\ntime.sleep(1)\nprint('x'*60000,{i})",
                                    [test("", "x" * 60000 + f" {i}")], 5000, id=f"r{i}"))
           for i in range(8)]
    server.wait_running("r0")
    filler = small_disk + "/filler"
    fill(filler)
    wait_for(lambda: server.logged("not_stored"), 20, "a report that cannot be stored")
    before = states(small_disk + "/data")
    assert before[QUEUED] >= 4, "workers went on with reports that nobody could store"
    os.unlink(filler)
    for id in ids:
        report = server.report(id, 60)
        assert (report["verdict"], report["attempts"]) == ("OK", 1), report["error"]


def test_engines_disk_is_full(fresh_server, engine):
    """Nothing is judged, nothing is spent, and we say why; room mends it."""
    server = fresh_server(DOCKER_HOST=engine.host, RUNNER_MAX_PARALLEL=1).start().ready()
    server.judge(HELLO)
    filler = engine.dir + "/data/filler"
    fill(filler)
    try:
        ids = [server.submit(submission("python", f"print({i})", [test("", str(i))]))
               for i in range(6)]  # more than there are warm cells

        def reason():
            answer = server.get("/results/" + ids[-1]).json
            assert "verdict" not in answer, answer
            return "disk is full" in answer["reason"]
        wait_for(reason, 20, "a reason that says so")
        assert server.get("/readyz").status == 503
    finally:
        os.unlink(filler)
    for id in ids:
        report = server.report(id)
        assert report["verdict"] == "OK" and report["attempts"] == 1, report


@pytest.fixture
def small_group():
    """A group of processes with 150 MiB for all of them, and how to change that."""
    name = f"scrc-test-{os.getpid()}"
    v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    path = f"/sys/fs/cgroup/{name}" if v2 else f"/sys/fs/cgroup/memory/{name}"

    def limit(text):
        with open(f"{path}/{'memory.max' if v2 else 'memory.limit_in_bytes'}", "w") as f:
            f.write(text)
    os.mkdir(path)
    try:
        limit(str(150 * MIB))
        yield name, lambda: limit("max" if v2 else "-1")
    finally:
        for directory, _, _ in os.walk(path, topdown=False):
            os.rmdir(directory)


def test_memory_that_the_host_lacks_is_nobodys_limit(fresh_server, engine, small_group):
    """A program within its own limit that the kernel kills because there is no memory elsewhere: no
    verdict, no attempt; it is judged when there is memory."""
    name, open_up = small_group
    engine.stop()
    engine.start("--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent=/" + name)
    server = fresh_server(DOCKER_HOST=engine.host, RUNNER_MAX_PARALLEL=1).start().ready()
    eats = "b = bytearray(200 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1\nprint('done')"
    try:
        id = server.submit(submission("python", eats, [test("", "done")], 10000, 256))
        wait_for(lambda: "outside of the cell" in server.log(), 60, "a fault of the host",
                 pause=0.2)
        assert server.get("/results/" + id).status == 202
        open_up()
        report = server.report(id, 60)
        assert report["verdict"] == "OK" and report["attempts"] == 1, report
        ml = server.judge(submission("python", eats, [test("", "done")], 10000, 64))
        assert ml["verdict"] == "ML", ml
    finally:
        server.close()
        engine.stop()


def test_read_only_data_dir(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    code, _, err = run_scrc(DATA_DIR=small_disk + "/data")
    assert code == 1 and small_disk in err, err


def test_port_in_use(fresh_server):
    with socket.create_server(("127.0.0.1", 0)) as s:
        address = "127.0.0.1:%d" % s.getsockname()[1]
        code, _, err = run_scrc(HTTP_LISTEN=address)
    assert code == 1 and address in err, err
