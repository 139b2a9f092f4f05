"""The host: what is missing, full, taken or wrong, and what we say about it."""

import json
import os
import re
import socket
import subprocess

import pytest

from harness import (IMAGES, MIB, SCRC_BIN, Server, fill, run_scrc, sanitized, submission, test,
                     wait_for)

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


def test_second_server_on_one_table(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    code, _, err = run_scrc(DATA_DIR=server.data, SHUTDOWN_TIMEOUT="1s")
    assert code == 1 and server.data in err, err
    assert server.get("/healthz").status == 200


def test_second_server_takes_over_in_time(fresh_server):
    """A restart by a supervisor: the new one waits for the old one's lock."""
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    successor = Server(DATA_DIR=server.data, RUNNER_MAX_PARALLEL=0)
    try:
        successor.spawn()
        assert server.terminate() == 0
        wait_for(lambda: any("listening" in line for line in successor.lines), 20, "take-over")
        assert successor.terminate() == 0
    finally:
        successor.close()


@pytest.mark.parametrize("name, value", [
    ("RUNNER_TIME_LIMIT", "ten"), ("RUNNER_TIME_LIMIT", "-1s"), ("RUNNER_MAX_PARALLEL", "many"),
    ("RUNNER_MAX_PARALLEL", "-1"), ("RUNNER_MEMORY_LIMIT", "1XB"), ("MAX_TESTS", "0x10"),
    ("MAX_BODY_BYTES", "99999999999999999999"), ("HTTP_LISTEN", "localhost"),
    ("HTTP_LISTEN", "127.0.0.1:99999"), ("HTTP_LISTEN", "0.0.0.0:0"),
    ("RUNNER_STATUS_SET", "some"), ("DEFAULT_CHECKER", "magic"), ("LOG_FORMAT", "xml"),
    ("LOG_LEVEL", "loud"), ("REPORT_TEST_IO", "perhaps"), ("DOCKER_HOST", "tcp://127.0.0.1:2375"),
    ("DOCKER_HOST", "ssh://somewhere"), ("LANGUAGES_DIR", "/nonexistent/languages"),
    ("LANGUAGES", "python,cobol"),
    ("SCRC_BOX", "cardboard")])
def test_bad_setting(name, value):
    """A refused start that names the setting and the value."""
    code, out, err = run_scrc(**{name: value})
    assert code in ((2, 3) if name == "DOCKER_HOST" else (2,)), (code, err)
    assert name in err, err
    assert out == ""


def test_near_miss_of_a_setting_is_a_warning(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALEL=3, RUNNER_MAX_PARALLEL=0, KAFKA=1, SOMETHING=2)
    server.start()
    line = wait_for(lambda: [l for l in server.lines if "RUNNER_MAX_PARALEL" in l], 5, "warning")[0]
    assert re.search(r"RUNNER_MAX_PARALLEL\b", line.replace("RUNNER_MAX_PARALEL", "")), line
    assert "SOMETHING" not in server.log()


def test_any_address_needs_a_word(fresh_server):
    server = fresh_server(HTTP_LISTEN="0.0.0.0:0", ALLOW_ANONYMOUS=1, RUNNER_MAX_PARALLEL=0)
    server.start()
    server.client.host = "127.0.0.1"
    assert server.get("/healthz").status == 200


def test_nothing_set(fresh_server):
    """Data below the current directory, cells in /run/scrc, images by their defaults."""
    nothing = {name: None for name in Server().settings if name != "HTTP_LISTEN"}
    server = fresh_server(**nothing).start()
    assert server.get("/healthz").status == 200
    assert os.path.exists(server.dir + "/data/scrc.db")
    names = {l["name"]: l for l in server.get("/languages").json["languages"]}
    assert names["python"]["run_image"].startswith("python:3.12")
    assert server.submit(HELLO)


SETTINGS = """DOCKER_HOST RUNNER_MAX_PARALLEL RUNNER_TIME_LIMIT RUNNER_MEMORY_LIMIT
PYTHON_IMAGE GO_IMAGE C_IMAGE CPP_IMAGE JAVA_IMAGE GO_RUN_IMAGE C_RUN_IMAGE CPP_RUN_IMAGE
JAVA_RUN_IMAGE PYTHON_WORKDIR GO_WORKDIR C_WORKDIR CPP_WORKDIR JAVA_WORKDIR
HTTP_LISTEN DATA_DIR MAX_TIME_LIMIT MAX_MEMORY_LIMIT MAX_TESTS MAX_SOURCE_BYTES MAX_BODY_BYTES
MAX_OUTPUT_BYTES REPORT_OUTPUT_BYTES REPORT_BYTES REPORT_TEST_IO MAX_QUEUED RETENTION RUNNER_CELL_USES
RUNNER_PIDS_LIMIT RUNNER_STATUS_SET DEFAULT_CHECKER BUILD_TIME_LIMIT BUILD_MEMORY_LIMIT
BUILD_ARTEFACT_BYTES BUILD_CACHE_BYTES CELL_DIR LANGUAGES LANGUAGES_DIR SHUTDOWN_TIMEOUT ALLOW_ANONYMOUS MAX_HEADER_BYTES
MAX_JSON_DEPTH MAX_CONNECTIONS MAX_CONNECTIONS_PER_ADDRESS REQUEST_TIMEOUT LOG_LEVEL
LOG_FORMAT""".split()


def test_help():
    code, out, err = run_scrc("--help")
    assert code == 0 and err == ""
    missing = [name for name in SETTINGS if not re.search(rf"\b{name}\b", out)]
    assert not missing
    assert "127.0.0.1:8080" in out


def test_help_needs_no_settings():
    assert run_scrc("--help", HTTP_LISTEN="rubbish")[0] == 0


@pytest.mark.parametrize("arguments", [("--colour",), ("serve", "now"), ("--check", "x")])
def test_usage(arguments):
    code, out, err = run_scrc(*arguments)
    assert code == 2 and err and out == ""


def test_usage_is_what_an_error_suggests():
    _, _, err = run_scrc("--colour")
    suggested = re.findall(r"scrc --[a-z]+", err)
    assert suggested
    for words in suggested:
        code, out, err = run_scrc(words.split()[1], seconds=60)
        assert code == 0 and err == "" and "--check" in out, words


def test_version():
    code, out, _ = run_scrc("--version")
    assert code == 0 and re.search(r"\d+\.\d+\.\d+", out)


def test_check():
    code, out, err = run_scrc("--check", seconds=60)
    text = (out + err).lower()
    assert code == 0, text
    for word in ("docker", "cgroup", "seccomp", "swap", "core_pattern", "kernel", "box", "image",
                 "disk"):
        assert word in text, word
    assert len(out.splitlines()) >= 10


def test_check_without_docker():
    code, out, err = run_scrc("--check", DOCKER_HOST="unix:///tmp/nobody.sock", seconds=60)
    assert code == 3 and "docker" in (out + err).lower()


def test_check_changes_nothing(fresh_server):
    server = fresh_server()
    subprocess.run([SCRC_BIN, "--check"], env=server.environment(), cwd=server.dir,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=60)
    assert not os.path.exists(server.data) and os.listdir(server.cells) == []


TEXT_LINE = re.compile(r'(?:[\w.]+=(?:"(?:[^"\\]|\\.)*"|[^\s"=]*)(?: |$))+')


@pytest.mark.parametrize("format_", ["text", "json"])
def test_log_lines(fresh_server, format_):
    server = fresh_server(LOG_FORMAT=format_, LOG_LEVEL="debug").start()
    server.judge(HELLO)
    server.post(b"{", timeout=5)
    assert server.terminate() == 0
    assert len(server.lines) > 2
    for line in server.lines:
        if format_ == "json":
            assert isinstance(json.loads(line)["event"], str)
        else:
            assert TEXT_LINE.fullmatch(line) and "event=" in line, line


def test_a_language_of_ones_own(fresh_server, tmp_path):
    """LANGUAGES_DIR adds a row without compiling; a wrong one is a refused start."""
    (tmp_path / "broken.json").write_text('{"title": 5}')
    code, _, err = run_scrc(LANGUAGES_DIR=str(tmp_path))
    assert code == 2 and "broken.json" in err, err


def test_environment_of_a_language_of_ones_own(fresh_server, tmp_path):
    """Its own PATH and LANG are those that its commands see, and where they are found."""
    (tmp_path / "own.json").write_text(json.dumps({
        "run_image": IMAGES["PYTHON_IMAGE"], "source_name": "own.py", "workdir": "/tmp",
        "run": ["python3", "{source}"], "hello": "print('scrc')",
        "run_env": ["LANG=C", "PATH=/nowhere:/usr/bin:/usr/local/bin", "OWN=1"]}))
    server = fresh_server(LANGUAGES_DIR=str(tmp_path), LANGUAGES="own").start().ready()
    report = server.judge(submission(
        "own", "import os\nfor n in ('LANG', 'PATH', 'OWN'): print(os.environ[n])",
        [test("", "C\n/nowhere:/usr/bin:/usr/local/bin\n1")]))
    assert report["verdict"] == "OK", report


def test_chosen_languages(fresh_server):
    """LANGUAGES: the others are not there, and their images need not be."""
    server = fresh_server(LANGUAGES="python", C_IMAGE="scrc-test/none", GO_IMAGE="scrc-test/none",
                          CPP_IMAGE="scrc-test/none", JAVA_IMAGE="scrc-test/none").start().ready()
    assert [l["name"] for l in server.get("/languages").json["languages"]] == ["python"]
    assert server.judge(HELLO)["verdict"] == "OK"
    refused = server.post(submission("c", "int main(void) {}"))
    assert refused.status == 422 and refused.json["errors"][0]["pointer"] == "/language"
    assert server.degraded() == [] and "scrc-test" not in server.log()


def test_idle_server_is_quiet(fresh_server):
    """No busy polling: an idle server uses next to no CPU."""
    server = fresh_server().start().ready()
    wait_for(lambda: all(l["state"] != "pending"
                         for l in server.get("/languages").json["languages"]), 60, "self-tests")
    server.judge(HELLO)

    def cpu():
        with open(f"/proc/{server.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def settled():
        before = cpu()
        server.get("/results/nobody?wait=2")
        server.client.post(submission("python", "import time\ntime.sleep(2)", [test()], 5000),
                           "?wait=10")
        return cpu() - before < 0.15
    wait_for(settled, 15, "an idle server that rests")


def test_rss_with_a_long_queue(fresh_server):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    for i in range(300):
        server.submit(submission("python", "#" * 1000 + str(i)))
    if not sanitized():
        assert server.rss() < 64 * MIB
