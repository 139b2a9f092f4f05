"""scrc submit and scrc grade, as whoever sits at a terminal meets them."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import threading
import time
import zipfile

import pytest

from harness import SCRC_BIN, check_report, wait_for

SUM = "print(sum(map(int, input().split())))\n"
# Right for a < 10, and what it prints then would colour the terminal.
WRONG = "a, b = map(int, input().split())\nprint(a + b if a < 10 else '\\x1b[31m' + str(a + b))\n"


def environment(server, **more):
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")}
    return {**kept, "SCRC_URL": f"http://{server.client.host}:{server.client.port}" if server else "",
            "LC_ALL": "C.UTF-8", "TERM": "xterm", **more}


def scrc(server, *words, stdin=b"", seconds=120, **more):
    """(exit code, stdout, stderr) of a command without a terminal."""
    p = subprocess.run([SCRC_BIN, *map(str, words)], env=environment(server, **more), timeout=seconds,
                       input=stdin, capture_output=True)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def on_terminal(server, *words, **more):
    """The same with a terminal for all three: (exit code, what it shows)."""
    main, side = pty.openpty()
    p = subprocess.Popen([SCRC_BIN, *map(str, words)], env=environment(server, **more), stdin=side, stdout=side,
                         stderr=side)
    os.close(side)
    out = []

    def read():
        try:
            while piece := os.read(main, 65536):
                out.append(piece)
        except OSError:
            pass  # the other side is closed
    reader = threading.Thread(target=read)
    reader.start()
    code = p.wait(120)
    reader.join(60)
    os.close(main)
    return code, b"".join(out).decode()


@pytest.fixture
def tests_dir(tmp_path):
    d = tmp_path / "tests"
    d.mkdir()
    for n in (1, 2, 10):
        (d / f"{n}.in").write_text(f"{n} 2\n")
        (d / f"{n}.ans").write_text(f"{n + 2}\n")
    return d


def program(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_verdict_is_the_exit_code(server, tmp_path, tests_dir):
    code, out, err = scrc(server, "submit", program(tmp_path, "a.py", SUM), "--tests", tests_dir)
    assert (code, err) == (0, "") and "OK  3 of 3 passed" in out
    assert re.search(r"^    3  OK .* 10$", out, re.M), "numbered in natural order, with their names"

    code, out, err = scrc(server, "submit", program(tmp_path, "b.py", WRONG), "--tests", tests_dir)
    assert (code, err) == (1, "") and "WA  2 of 3 passed" in out
    assert "test 3, line 1, column 1\nexpected  | 12\ngot       | \\x1b[31m12\n          | ^\n" in out
    assert "\x1b" not in out

    code, out, _ = scrc(server, "submit", program(tmp_path, "c.c", "int main(void) {"), "--tests", tests_dir)
    assert code == 1 and "build log:" in out and out.splitlines()[-1].startswith("BF")


def test_without_tests_it_is_run_with_what_comes_in(server, tmp_path):
    path = program(tmp_path, "a.py", "import sys\nprint(sys.stdin.read().upper(), end='\\0')\n")
    code, out, _ = scrc(server, "submit", path, stdin=b"some words")
    assert code == 0 and out.startswith("SOME WORDS\\x00\nOK")
    given = program(tmp_path, "input", "other words")
    assert scrc(server, "submit", path, "--input", given)[1].startswith("OTHER WORDS")
    # Nobody has to type the end of a file.
    code, out = on_terminal(server, "submit", path)
    assert code == 0 and "\\x00" in out


def test_the_limit_that_was_hit_is_named(server, tmp_path, tests_dir):
    for source, verdict, hit in (("import os, time\nwhile os.fork(): pass\ntime.sleep(60)", "RE", "processes"),
                                 ("x = 'x' * (1 << 30)", "ML", "memory")):
        code, out, _ = scrc(server, "submit", program(tmp_path, "a.py", source), "--tests", tests_dir)
        assert code == 1 and re.search(rf"\b{verdict}\b.*: {hit}$", out, re.M), out


def test_json_is_the_report_as_it_came(server, tmp_path, tests_dir):
    path = program(tmp_path, "b.py", WRONG)
    code, out, err = scrc(server, "submit", path, "--tests", tests_dir, "--json", "--all-tests", "--limit", "time=3s",
                          "--limit", "memory_limit_bytes=100000000", "--checker", "tokens")
    report = check_report(json.loads(out))
    assert (code, err) == (1, "") and report["verdict"] == "WA"
    assert report["limits"] == {"time_limit_ms": 3000, "wall_time_limit_ms": None, "memory_limit_bytes": 100000000}
    assert server.get("/results/" + report["id"]).body.decode() == out.rstrip("\n")
    sent = server.get("/submissions/" + report["id"]).json
    assert sent["checker"]["name"] == "tokens" and sent["stop_on_failure"] is False


def test_watch_has_a_line_for_each_test(server, tmp_path, tests_dir):
    path = program(tmp_path, "a.py", "import time\ntime.sleep(0.2)\n" + SUM)
    code, out, err = scrc(server, "submit", path, "--tests", tests_dir, "--watch")
    assert code == 0 and "3 of 3 passed" in out
    assert [line.split(",")[0] for line in err.splitlines()] == [f"test {n} of 3: OK" for n in (1, 2, 3)]


def test_colour_only_where_it_is_wanted(server, tmp_path, tests_dir):
    path = program(tmp_path, "b.py", WRONG)
    words = ("submit", path, "--tests", tests_dir)
    code, out = on_terminal(server, *words)
    assert code == 1 and "\x1b[31mWA" in out and "\\x1b[31m12" in out
    for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        out = on_terminal(server, *words, **more)[1]
        assert "\x1b[3" not in out and "WA  2 of 3" in out
    assert "\x1b[31mWA" in on_terminal(server, *words, NO_COLOR="")[1], "an empty one counts as not set"


def test_progress_only_on_a_terminal(server, tmp_path):
    path = program(tmp_path, "a.py", "import time\ntime.sleep(1.5)\n")
    code, out = on_terminal(server, "submit", path, "--limit", "wall=60s", "--limit", "time=5s")
    assert code == 0 and "running" in out
    assert scrc(server, "submit", path, "--limit", "wall=60s", "--limit", "time=5s")[2] == ""


@pytest.mark.parametrize("words, says", [
    ((), "FILE is missing"),
    (("a.py", "--nonsense"), "unrecognized option '--nonsense'"),
    (("a.py", "--limit", "time=2"), "--limit time=2: must be a number with a unit, as time=2s"),
    (("a.py", "--label", "x"), "--label x: must be KEY=VALUE"),
    (("missing.py",), "missing.py: No such file or directory"),
    (("a.rs",), "a.rs: no language has this suffix; say which with --language: python (.py), "),
    (("a.py", "--tests", "."), "tests of .: it has no tests: pairs of N.in and N.ans (or N.out)"),
    (("empty.py",), "empty.py is empty"),
    (("latin.py",), "latin.py is no text in UTF-8"),
    (("a.py", "b.py"), "a submission has one source"),
])
def test_wrong_usage_is_2(server, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    for name, text in (("a.py", b"1"), ("a.rs", b"1"), ("empty.py", b""), ("latin.py", b"# \xfc")):
        (tmp_path / name).write_bytes(text)
    code, out, err = scrc(server, "submit", *words)
    assert (code, out) == (2, "") and says in err, err


def test_a_server_that_refuses_or_is_away_is_3(server, tmp_path):
    path = program(tmp_path, "a.py", "print(1)")
    code, out, err = scrc(server, "submit", path, "--limit", "nonsense=3")
    assert (code, out) == (3, "") and "the server refused (422): /limits/nonsense is not a field we know" in err
    code, _, err = scrc(server, "submit", path, "--language", "cobol")
    assert code == 3 and "/language is not a language of this server" in err
    code, _, err = scrc(server, "submit", path, SCRC_URL="http://127.0.0.1:1")
    assert code == 3 and "there is no server at http://127.0.0.1:1" in err
    code, _, err = scrc(server, "submit", path, SCRC_URL="http://user:secret@127.0.0.1:1")
    assert code == 3 and "secret" not in err
    code, _, err = scrc(server, "submit", path, SCRC_URL="ftp://x")
    assert code == 2 and "SCRC_URL" in err


def test_cancelled_is_4(server, tmp_path):
    path = program(tmp_path, "a.py", "import time\ntime.sleep(50)\n")
    ended = []
    words = ("submit", path, "--id", "to-be-cancelled", "--limit", "wall=60s", "--limit", "time=5s")
    waiting = threading.Thread(target=lambda: ended.append(scrc(server, *words)))
    waiting.start()
    wait_for(lambda: server.get("/results/to-be-cancelled").status == 202, 60, "accepted")
    assert server.delete("to-be-cancelled").status == 200
    waiting.join(120)
    assert ended[0][0] == 4 and "cancelled" in ended[0][1]


def test_submit_goes_on_after_a_restart_of_the_server(fresh_server, tmp_path):
    server = fresh_server().start().ready()
    path = program(tmp_path, "a.py", "import time\ntime.sleep(4)\n")
    words = ("submit", path, "--id", "a", "--limit", "wall=60s", "--limit", "time=5s", "--watch")
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(scrc(server, *words)))
    address = f"127.0.0.1:{server.client.port}"
    waiting.start()
    wait_for(lambda: server.metric("scrc_event_subscribers"), 60, "the client watches")
    server.kill9()
    server.settings["HTTP_LISTEN"] = address
    server.start().ready()
    waiting.join(120)
    assert ended[0][0] == 0 and server.report("a")["verdict"] == "OK", ended


def test_a_zip_bomb_ends_with_a_clear_error(server, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as z:
        with z.open("a.py", "w") as f:
            for _ in range(70):
                f.write(bytes(1024 * 1024))
    code, _, err = scrc(server, "submit", tmp_path / "bomb.zip")
    assert code == 2 and "a.py: with it the files are larger than 67108864 bytes together" in err


# ---- scrc grade ----

@pytest.fixture
def class_dir(tmp_path):
    """Submissions as they are handed in: files, directories and archives."""
    d = tmp_path / "class"
    d.mkdir()
    (d / "ada.py").write_text(SUM)
    (d / "bob, jr.py").write_text(WRONG)
    (d / "carol").mkdir()
    (d / "carol" / "README.txt").write_text("mine")
    (d / "carol" / "solution.py").write_text("# carol\n" + SUM)
    with zipfile.ZipFile(d / "dan.zip", "w") as z:
        z.writestr("dan/solution.py", "import nothing_at_all\n")
        z.writestr("__MACOSX/dan/._solution.py", "\0")
    (d / "eve.zip").write_bytes(b"PK\3\4 no archive")
    (d / "fay.py").write_text(SUM)  # the same as ada's
    return d


def table(path):
    text = path.read_bytes().decode()
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def all_rows(server, prefix):
    return [r["id"] for r in server.get(f"/results?limit=500&id_prefix={prefix}").json["results"]]


def test_grade_writes_a_line_for_each(server, class_dir, tests_dir, tmp_path):
    out = tmp_path / "out.csv"
    words = ("grade", *sorted(class_dir.iterdir()), "--tests", tests_dir, "--csv", out, "--limit", "time=2s")
    code, said, err = scrc(server, *words)
    assert code == 1 and said == ""
    assert [line for line in err.splitlines()] == [
        f"scrc: eve has no verdict: {class_dir}/eve.zip: Not a zip archive"], err
    rows = table(out)
    assert list(rows[0]) == ["name", "verdict", "passed", "tests", "cpu_time_ms", "memory_bytes", "id", "error"]
    assert [(r["name"], r["verdict"], r["passed"], r["tests"]) for r in rows] == [
        ("ada", "OK", "3", "3"), ("bob, jr", "WA", "2", "3"), ("carol", "OK", "3", "3"), ("dan", "RE", "0", "3"),
        ("eve", "", "", ""), ("fay", "OK", "3", "3")]
    assert rows[0]["id"] == rows[5]["id"] != rows[2]["id"], "the same work is one submission"
    report = check_report(server.get("/results/" + rows[1]["id"]).json)
    assert rows[1]["cpu_time_ms"] == str(report["cpu_time_ms"])
    assert rows[1]["memory_bytes"] == str(report["memory_bytes"])

    # Again: nothing is handed in twice. With other limits it is another submission.
    before, ids = out.read_bytes(), all_rows(server, "grade-")
    assert scrc(server, *words)[0] == 1
    assert out.read_bytes() == before and all_rows(server, "grade-") == ids
    assert scrc(server, *words[:-1], "time=3s")[0] == 1
    assert not {r["id"] for r in rows if r["id"]} & {r["id"] for r in table(out) if r["id"]}


def test_grade_goes_on_after_a_kill(fresh_server, tests_dir, tmp_path):
    """kill -9 of the client in the middle, and of the server during the second run."""
    server = fresh_server().start().ready()
    names = [f"s{n:02}" for n in range(12)]
    for n, name in enumerate(names):
        (tmp_path / f"{name}.py").write_text(f"import time\ntime.sleep(0.3)\n# {n}\n{SUM}")
    out = tmp_path / "out.csv"
    out.write_text("of yesterday")
    words = [SCRC_BIN, "grade", *(str(tmp_path / f"{n}.py") for n in names), "--tests", str(tests_dir), "--csv", str(out),
             "--jobs", "3", "--limit", "wall=20s"]
    first = subprocess.Popen(words, env=environment(server))
    wait_for(lambda: server.get("/results?state=done").json["results"], 120, "one has ended")
    first.kill()
    assert first.wait() == -9
    assert out.read_text() == "of yesterday"
    handed_in = len(all_rows(server, "grade-"))
    assert 0 < handed_in < 12, "it was killed in the middle"

    port = server.client.port
    second = subprocess.Popen(words, env=environment(server))
    wait_for(lambda: len(all_rows(server, "grade-")) > handed_in, 120, "the second run has handed in more")
    server.kill9()
    server.settings["HTTP_LISTEN"] = f"127.0.0.1:{port}"
    server.start().ready()
    assert second.wait(240) == 0
    rows = table(out)
    assert [(r["name"], r["verdict"], r["passed"]) for r in rows] == [(n, "OK", "3") for n in names]
    assert sorted(all_rows(server, "grade-")) == sorted(r["id"] for r in rows), "each once"
    assert [p.name for p in tmp_path.glob("out.csv*")] == ["out.csv"]


def test_grade_comes_again_when_the_queue_is_full(fresh_server, tests_dir, tmp_path):
    server = fresh_server(MAX_QUEUED="1", RUNNER_MAX_PARALLEL="1").start().ready()
    for n in range(6):
        (tmp_path / f"s{n}.py").write_text(f"# {n}\n{SUM}")
    out = tmp_path / "out.csv"
    code, _, err = scrc(server, "grade", *sorted(tmp_path.glob("s*.py")), "--tests", tests_dir, "--csv", out)
    assert (code, err) == (0, "") and [r["verdict"] for r in table(out)] == ["OK"] * 6


def test_grade_without_a_server_ends_and_leaves_the_table(server, class_dir, tests_dir, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("of yesterday")
    words = ("grade", class_dir / "ada.py", "--tests", tests_dir, "--csv", out)
    began = time.monotonic()
    code, _, err = scrc(server, *words, "--retry-for", "1s", SCRC_URL="http://127.0.0.1:1")
    assert code == 3 and "there is no server" in err and out.read_text() == "of yesterday"
    assert 0.5 < time.monotonic() - began < 60, "it has tried for a while"
    code, _, err = scrc(server, "grade", class_dir / "ada.py", "--csv", out)
    assert code == 2 and "--tests is missing" in err
    code, _, err = scrc(server, *words[:-1], tmp_path / "none" / "out.csv")
    assert code == 2 and "cannot be written" in err
    code, _, err = scrc(server, *words, "--jobs", "0")
    assert code == 2 and "--jobs 0: must be 1 to 256" in err
