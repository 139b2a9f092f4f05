"""Settings and the command line: what is refused, what help and --check say, and the form of the log."""

import json
import os
import re
import subprocess

import pytest

from harness import SCRC_BIN, Server, in_file, run_scrc, submission, test, wait_for

HELLO = submission("python", "print('hi')", [test("", "hi")])


@pytest.mark.parametrize("name, value", [
    ("RUNNER_TIME_LIMIT", "ten"), ("RUNNER_TIME_LIMIT", "-1s"), ("RUNNER_MAX_PARALLEL", "many"),
    ("RUNNER_MAX_PARALLEL", "-1"), ("RUNNER_MEMORY_LIMIT", "1XB"), ("MAX_TESTS", "0x10"),
    ("MAX_BODY_BYTES", "99999999999999999999"), ("HTTP_LISTEN", "localhost"),
    ("HTTP_LISTEN", "127.0.0.1:99999"), ("HTTP_LISTEN", "0.0.0.0:0"),
    ("RUNNER_STATUS_SET", "some"), ("DEFAULT_CHECKER", "magic"), ("LOG_FORMAT", "xml"),
    ("LOG_LEVEL", "loud"), ("REPORT_TEST_IO", "perhaps"), ("DOCKER_HOST", "tcp://127.0.0.1:2375"),
    ("DOCKER_HOST", "ssh://somewhere"), ("LANGUAGES_DIR", "/nonexistent/languages"),
    ("LANGUAGES", "python,cobol"), ("STORE", "sqlite:/tmp/x"), ("LEASE_TIMEOUT", "1s"),
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


@in_file
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
HTTP_LISTEN DATA_DIR STORE LEASE_TIMEOUT MAX_TIME_LIMIT MAX_MEMORY_LIMIT MAX_TESTS MAX_SOURCE_BYTES MAX_BODY_BYTES
MAX_OUTPUT_BYTES REPORT_OUTPUT_BYTES REPORT_BYTES REPORT_TEST_IO MAX_QUEUED RETENTION RUNNER_CELL_USES RUNNER_RUNTIME
RUNNER_PIDS_LIMIT RUNNER_STATUS_SET DEFAULT_CHECKER BUILD_TIME_LIMIT BUILD_MEMORY_LIMIT
BUILD_ARTEFACT_BYTES BUILD_CACHE_BYTES CELL_DIR LANGUAGES LANGUAGES_DIR SHUTDOWN_TIMEOUT ALLOW_ANONYMOUS MAX_HEADER_BYTES
MAX_JSON_DEPTH MAX_CONNECTIONS MAX_CONNECTIONS_PER_ADDRESS REQUEST_TIMEOUT LOG_LEVEL
LOG_FORMAT""".split()


def test_help_names_every_setting():
    code, out, err = run_scrc("--help")
    assert code == 0 and err == ""
    missing = [name for name in SETTINGS if not re.search(rf"\b{name}\b", out)]
    assert not missing
    assert "127.0.0.1:8080" in out


def test_help_needs_no_settings():
    assert run_scrc("--help", HTTP_LISTEN="rubbish")[0] == 0


@pytest.mark.parametrize("arguments", [("--colour",), ("serve", "now"), ("--check", "x")])
def test_wrong_arguments(arguments):
    code, out, err = run_scrc(*arguments)
    assert code == 2 and err and out == ""


def test_usage_is_what_an_error_suggests():
    _, _, err = run_scrc("--colour")
    suggested = re.findall(r"scrc --[a-z]+", err)
    assert suggested
    for words in suggested:
        code, out, err = run_scrc(words.split()[1], seconds=60)
        assert code == 0 and err == "" and "--check" in out, words


def test_version_is_printed():
    code, out, _ = run_scrc("--version")
    assert code == 0 and re.search(r"\d+\.\d+\.\d+", out)


def test_check_names_all_it_looks_at():
    code, out, err = run_scrc("--check", seconds=60)
    text = (out + err).lower()
    assert code == 0, text
    for word in ("docker", "cgroup", "seccomp", "swap", "core_pattern", "kernel", "box", "image",
                 "disk"):
        assert word in text, word
    assert re.search(r"capacity +small python programs, a container for each submission: "
                     r"(about|at least|less than) \d+ a second; RUNNER_CELL_USES=100: "
                     r"(about|at least|less than) \d+",
                     out), out
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
