"""scrc --backup and --restore: a table is saved while a server works on it, and what was accepted before has
exactly one final report where it is restored."""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess

import pytest

from harness import (LONG, RUNNING, SCRC_BIN, check_report, fill, in_file, rows, run_scrc, submission, test,
                     wait_for)
from sse import Stream
from test_crash import Sender, check_table, finished, summing

pytestmark = in_file


def scrc(server, *arguments, code=0, **settings):
    """What it says: with 0 on stdout, else in its log."""
    done = subprocess.run([SCRC_BIN, *arguments], env={**server.environment(), **settings}, cwd=server.dir,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    assert done.returncode == code, done
    assert bool(done.stdout) == (code == 0), done
    return (done.stdout if code == 0 else done.stderr).decode()


def ids_of(file):
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        return {id for (id,) in db.execute("SELECT id FROM job")}


def test_in_the_middle_of_load(fresh_server, tmp_path):
    """A backup under load, kill -9 some time later, and the disk is gone: in another directory all that was
    accepted before the backup gets its one report, and reports that were final stay as they were."""
    file = str(tmp_path / "backup.db")
    server = fresh_server().start().ready()
    work = [summing(i, "python") for i in range(600 if LONG else 40)]
    sender = Sender(server, work)
    sender.start()
    wait_for(lambda: len(finished(server)) >= 10 and rows(server.data, f"SELECT 1 FROM job WHERE state = {RUNNING}"),
             120, "some are finished, and one runs")
    before, done = set(sender.accepted), finished(server)
    reports = {id: check_report(server.get("/results/" + id).json) for id in done}
    said = scrc(server, "--backup", file)
    assert "saved " in said and f" of {server.data} in {file}\n" in said, said
    sender.join(120)
    assert not sender.odd and len(sender.accepted) == len(work)
    server.kill9()
    shutil.rmtree(server.data)

    saved = ids_of(file)
    assert before <= saved <= sender.accepted
    assert f"restored {len(saved)} submissions" in scrc(server, "--restore", file)
    server.start().ready()
    for sent, verdict in work:
        if sent["id"] in saved:
            report = server.report(sent["id"])
            assert (report["verdict"], report["error"], report["attempts"]) == (verdict, "", 1), report
        else:
            assert server.get("/results/" + sent["id"]).status == 404
    assert {id: check_report(server.get("/results/" + id).json) for id in reports} == reports
    assert server.terminate() == 0
    check_table(server, len(saved))


def test_what_ran_is_judged_again(fresh_server, tmp_path):
    server = fresh_server().start().ready()
    slow = submission("python", "import time\ntime.sleep(3)\nprint(1)", [test("", "1")], id="slow")
    server.submit(slow), server.wait_running("slow")
    said = scrc(server, "--backup", str(tmp_path / "b"))
    assert "saved 1 submissions, 1 of which wait, and 0 reports" in said
    server.kill9()
    there = fresh_server()
    scrc(there, "--restore", str(tmp_path / "b"))
    report = there.start().ready().report("slow")
    assert (report["verdict"], report["attempts"]) == ("OK", 1), report
    assert there.post(slow).status == 200  # known, and the same
    assert there.post(slow | {"source": "print(2)"}).status == 409


def test_the_same_settings_of_the_file(fresh_server, tmp_path):
    """Pages and vacuum cannot be chosen later, and the mode of the log comes back with the first start."""
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    scrc(server, "--backup", str(tmp_path / "b"))
    assert os.stat(tmp_path / "b").st_mode & 0o777 == 0o600
    assert not os.path.exists(str(tmp_path / "b") + ".partial")
    assert server.terminate() == 0
    there = fresh_server(RUNNER_MAX_PARALLEL=0)
    scrc(there, "--restore", str(tmp_path / "b"))
    assert sorted(os.listdir(there.data)) == ["id", "lock", "scrc.db"]
    pragmas = ("page_size", "auto_vacuum", "user_version", "journal_mode", "integrity_check")
    assert [rows(there.data, "PRAGMA " + p) for p in pragmas] == [rows(server.data, "PRAGMA " + p) for p in pragmas]
    with open(there.data + "/id") as one, open(server.data + "/id") as other:
        assert one.read() != other.read()  # the two may run beside each other, on one Docker
    assert there.start().terminate() == 0


def test_a_follower_is_reset(fresh_server, tmp_path):
    """Its revisions are of changes that the restored table has never seen."""
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    server.submit(submission("python", "print(1)", id="one"))
    scrc(server, "--backup", str(tmp_path / "b"))
    with contextlib.closing(Stream(server, "/events").read_head()) as stream:
        server.submit(submission("python", "print(2)", id="two"))
        stream.until(lambda events: [e for e in events if e.data.get("id") == "two"])
        last = stream.last_id
    there = fresh_server(RUNNER_MAX_PARALLEL=0)
    scrc(there, "--restore", str(tmp_path / "b"))
    there.start()
    there.submit(submission("python", "print(3)", id="three"))  # has the revision that `two` had
    with contextlib.closing(Stream(there, "/events", last).read_head()) as stream:
        stream.until(lambda events: [e for e in events if e.name == "reset"])


def test_killed_at_any_moment(fresh_server, tmp_path):
    """No file, or the whole one; then no table, or the whole one; and each can be called again."""
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    assert server.terminate() == 0
    with contextlib.closing(sqlite3.connect(server.data + "/scrc.db")) as db:
        db.executescript("""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
            INSERT INTO job(seq, id, hash, state, language, submitted_ms, tests_total, finished_ms)
            SELECT i, 'r' || i, x'', 2, 'python', i, 1, i FROM n;
            INSERT INTO report(seq, json) SELECT seq, hex(randomblob(500)) FROM job""")
    file, there = str(tmp_path / "b"), fresh_server()
    for arguments, made in ((["--backup", file], file), (["--restore", file], there.data + "/scrc.db")):
        owner = server if arguments[0] == "--backup" else there
        for round in range(8):
            process = subprocess.Popen([SCRC_BIN, *arguments], env=owner.environment(), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.03 + 0.05 * round)
            process.send_signal(signal.SIGKILL)
            process.wait()
            if os.path.exists(made):
                break
        else:
            scrc(owner, *arguments)
        assert len(ids_of(made)) == 20000
    check_table(there, 20000)
    assert not [name for name in os.listdir(there.data) if "restore" in name]
    assert os.listdir(tmp_path) == ["b"]


# ---- what is refused ----

def test_never_over_what_is_there(fresh_server, tmp_path):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    file = tmp_path / "b"
    file.write_text("dear")
    assert f"{file} exists already" in scrc(server, "--backup", str(file), code=2)
    assert file.read_text() == "dear"
    scrc(server, "--backup", str(tmp_path / "c"))
    assert "another server has it" in scrc(server, "--restore", str(tmp_path / "c"), code=2)
    server.submit(submission("python", "print(1)", id="kept"))
    assert server.terminate() == 0
    assert "restore into another DATA_DIR" in scrc(server, "--restore", str(tmp_path / "c"), code=2)
    assert ids_of(server.data + "/scrc.db") == {"kept"}
    os.rename(server.data + "/scrc.db", tmp_path / "away")
    with open(server.data + "/scrc.db-wal", "w"):
        pass
    assert "scrc.db-wal is there" in scrc(server, "--restore", str(tmp_path / "c"), code=2)


def test_no_backup_of_ours(fresh_server, tmp_path):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    for id in ("a", "b"):
        server.submit(submission("python", "print(1)" + " " * 20000, id=id))
    good = str(tmp_path / "good")
    scrc(server, "--backup", good)
    with contextlib.closing(sqlite3.connect(tmp_path / "other")) as db:
        db.execute("CREATE TABLE t(a)")
        db.commit()
    (tmp_path / "text").write_text("hello " * 1000)
    (tmp_path / "empty").write_text("")
    with open(good, "rb") as f:
        whole = bytearray(f.read())
    (tmp_path / "short").write_bytes(whole[:len(whole) // 2])
    whole[8192 * 3:8192 * 3 + 4000] = b"\x55" * 4000
    (tmp_path / "damaged").write_bytes(whole)
    with contextlib.closing(sqlite3.connect(good)) as db:
        db.execute("VACUUM INTO ?", (str(tmp_path / "newer"),))
    with contextlib.closing(sqlite3.connect(tmp_path / "newer")) as db:
        db.execute("PRAGMA user_version = 999")
    with contextlib.closing(sqlite3.connect(good)) as db:
        db.execute("VACUUM INTO ?", (str(tmp_path / "index"),))
    with contextlib.closing(sqlite3.connect(tmp_path / "index")) as db:  # whose pages are nobody's then
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_master WHERE name = 'job_submitted'")
        db.commit()
    there = fresh_server()
    for name, code, words in (("nowhere", 2, "No such file"), ("other", 2, "no job table of scrc"),
                              ("empty", 2, "no job table of scrc"), ("text", 1, "not a database"),
                              ("short", 1, "damaged|malformed|disk image"), ("damaged", 1, "damaged|malformed"),
                              ("index", 1, "it is damaged"), ("newer", 1, "newer scrc")):
        said = scrc(there, "--restore", str(tmp_path / name), code=code)
        assert any(w in said for w in words.split("|")), (name, said)
        assert not os.path.exists(there.data) or sorted(os.listdir(there.data)) in ([], ["lock"]), name
    assert "no backup but a table" in scrc(there, "--restore", server.data + "/scrc.db", code=2)
    scrc(there, "--restore", good)
    assert ids_of(there.data + "/scrc.db") == {"a", "b"}


def test_a_full_disk(fresh_server, tmp_path, small_disk):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    fill(small_disk + "/full")
    said = scrc(server, "--backup", small_disk + "/b", code=1)
    assert "full" in said or "space" in said, said
    assert os.listdir(small_disk) == ["full"]
    scrc(server, "--backup", str(tmp_path / "b"))
    said = scrc(server, "--restore", str(tmp_path / "b"), code=1, DATA_DIR=small_disk + "/data")
    assert "full" in said or "space" in said, said
    os.unlink(small_disk + "/full")
    scrc(server, "--restore", str(tmp_path / "b"), DATA_DIR=small_disk + "/data")


@pytest.mark.parametrize("arguments, settings, words", [
    (["--backup"], {}, "requires an argument"),
    (["--backup", "/tmp/x", "/tmp/y"], {}, "no arguments"),
    (["--backup", "/tmp/x", "--check"], {}, "one option at a time"),
    (["--backup", "/tmp/x"], {"DATA_DIR": "/nowhere"}, "no job table in it"),
    (["--backup", "/tmp/x"], {"STORE": "postgres://u:hunter2@h/d"}, "pg_dump --format=custom"),
    (["--restore", "/tmp/x"], {"STORE": "postgres://u:hunter2@h/d"}, "pg_restore"),
])
def test_wrong_words(arguments, settings, words):
    code, out, err = run_scrc(*arguments, **settings)
    assert code == 2 and words in err and out == "", err
    assert "hunter2" not in err


def test_healthy(fresh_server):
    """What a container's health check asks."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = fresh_server(HTTP_LISTEN=f"127.0.0.1:{port}")
    assert "no server at" in scrc(server, "--healthy", code=1)
    server.start().ready()
    assert scrc(server, "--healthy") == "ready\n"
    assert scrc(server, "--healthy", HTTP_LISTEN=f"0.0.0.0:{port}") == "ready\n"
    assert server.terminate() == 0
    server.settings["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    server.start()
    assert "is not ready: " in scrc(server, "--healthy", code=1)
