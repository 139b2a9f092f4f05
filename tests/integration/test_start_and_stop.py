"""From start to end: what a server says of itself, whom it waits for, which signals end it, and what
it leaves readable for others."""

import os
import re
import signal
import socket
import stat
import subprocess
import time

from harness import SCRC_BIN, in_file, submission, wait_for

SLEEPS = "import time\ntime.sleep(3)\nprint('slept')"


def fields(server, event):
    """The values of the first line of that event; a text value is as it stands in the log."""
    line = server.logged(event)[0]
    return {k: v.strip('"') for k, v in re.findall(r'([\w.]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)', line)}


def test_the_start_says_what_where_and_which(fresh_server):
    server = fresh_server().start()
    said = fields(server, "listening")
    version = subprocess.run([SCRC_BIN, "--version"], capture_output=True, check=True, text=True)
    assert said["version"] == version.stdout.split()[1]
    assert said["url"] == f"http://{said['address']}/" == f"http://127.0.0.1:{server.client.port}/"
    assert said["DATA_DIR"] == server.data


def test_each_submission_has_a_last_line(fresh_server):
    server = fresh_server().start().ready()
    ok = server.judge(submission("python", "print(1)"))
    wrong = server.judge(submission("python", "print(1)", tests=[{"expected_output": "2"}]))
    for report in (ok, wrong):
        def line(id=report["id"]):
            return [x for x in server.logged("finished") if f"job={id} " in x]
        assert len(wait_for(line, 10, "event=finished")) == 1
        assert f"verdict={report['verdict']} " in line()[0] and "language=python " in line()[0]
        assert f"run_ms={report['run_ms']} " in line()[0] and "level=info" in line()[0]
    assert wrong["verdict"] == "WA"


def test_a_hangup_ends_nothing(fresh_server):
    server = fresh_server().start().ready()
    for _ in range(2):
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.logged("signal_ignored"), 10, "the signal is heard")
    assert server.judge(submission("python", "print(1)"))["verdict"] == "OK"
    assert server.terminate() == 0


def test_signals_that_come_together_are_one(fresh_server):
    """A terminal sends one to the whole group, and whoever watches the group sends its own."""
    server = fresh_server().start().ready()
    id = server.submit(submission("python", SLEEPS))
    server.wait_running(id)
    server.process.send_signal(signal.SIGTERM)
    server.process.send_signal(signal.SIGINT)
    server.process.send_signal(signal.SIGTERM)
    assert server._end(40) == 0, server.log()
    assert not server.logged("killed")
    assert server.start().report(id)["stdout"] == "slept\n"


def test_a_later_signal_ends_it_at_once(fresh_server):
    server = fresh_server().start().ready()
    id = server.submit(submission("python", SLEEPS.replace("(3)", "(60)"), time_ms=100_000))
    server.wait_running(id)
    server.process.send_signal(signal.SIGTERM)
    first = time.monotonic()
    wait_for(lambda: server.logged("stopping") and time.monotonic() > first + 1.5, 20,
             "a second has passed")
    server.process.send_signal(signal.SIGTERM)
    assert server._end(10) == 1 and server.logged("killed")


def test_a_second_server_says_whom_it_waits_for(fresh_server):
    first = fresh_server().start()
    second = fresh_server(DATA_DIR=first.data, SHUTDOWN_TIMEOUT="60s").spawn()
    wait_for(lambda: second.logged("waiting_for_table"), 20, "it says so at once")
    said = fields(second, "waiting_for_table")
    assert said["held_by"].startswith(f"process {first.pid} on {socket.gethostname()[:40]}, instance ")
    assert said["at_most_ms"] == "60000"
    assert first.terminate() == 0
    wait_for(lambda: second.logged("listening"), 30, "it takes over")
    assert second.terminate() == 0


def test_a_second_server_gives_up(fresh_server):
    first = fresh_server().start()
    second = fresh_server(DATA_DIR=first.data, SHUTDOWN_TIMEOUT="1s").spawn()
    assert second._end(30) == 1
    assert f"process {first.pid} on " in fields(second, "fault")["error"]
    assert first.data in second.log() and first.get("/healthz").status == 200


def open_to_others(directory):
    found = []
    for at, directories, files in os.walk(directory):
        for name in directories + files:
            mode = os.lstat(os.path.join(at, name)).st_mode
            if stat.S_IMODE(mode) & 0o077 and not stat.S_ISLNK(mode):
                found.append((os.path.join(at, name), oct(mode)))
    return found


@in_file
def test_what_it_writes_is_its_own(fresh_server):
    """Programs, tests and reports of everybody: also where DATA_DIR itself lets others in, and where
    an earlier version has made the table for all."""
    server = fresh_server(LANGUAGES="c")
    os.mkdir(server.data)
    os.chmod(server.data, 0o755)
    before = os.umask(0o022)
    try:
        server.start().ready()
        server.judge(submission("c", "#include <stdio.h>\nint main(void) { puts(\"1\"); }"))
        names = set(os.listdir(server.data))
        assert {"scrc.db", "scrc.db-wal", "lock"} <= names and len(names) > 4, names
        assert open_to_others(server.data) == []
        server.kill9()
        for name in ("scrc.db", "scrc.db-wal", "scrc.db-shm"):
            os.chmod(os.path.join(server.data, name), 0o644)
        server.start()
        others = [x for x in open_to_others(server.data) if int(x[1], 8) & 0o007]
        assert others == []
    finally:
        os.umask(before)
