"""Submissions as forms (multipart/form-data), sent by curl: what the JSON that means the same gives."""

import io
import json
import os
import re
import socket
import subprocess
import zipfile
import zlib

import pytest

from harness import MIB, ROOT, Answer, check_report, quote, submission, test, wait_for
from test_bad_input import check_problem, stored

SUM = "print(sum(map(int, input().split())))\n"


@pytest.fixture(scope="module")
def idle(module_server):
    """Accepts and judges nothing: what is stored stays to be seen."""
    return module_server(RUNNER_MAX_PARALLEL=0, LANGUAGES=None).start()


def curl(server, directory, *arguments, query=""):
    """What curl gets for a form of these arguments, run in that directory."""
    done = subprocess.run(
        ["curl", "-s", "-w", "\n%{http_code} %{content_type}", *arguments,
         f"http://{server.host}:{server.port}/submissions{query}"],
        cwd=directory, capture_output=True, timeout=120, check=True)
    body, _, last = done.stdout.rpartition(b"\n")
    status, _, kind = last.decode().partition(" ")
    return Answer(int(status), {"Content-Type": kind}, body)


def form(**fields):
    """-F arguments: name_with__dots=text."""
    return [a for name, value in fields.items() for a in ("-F", f"{name.replace('__', '.')}={value}")]


def archive(files, path=None, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, text in files.items():
            z.writestr(name, text)
    if path:
        path.write_bytes(out.getvalue())
    return out.getvalue()


@pytest.fixture
def place(tmp_path):
    (tmp_path / "sum.py").write_text(SUM)
    (tmp_path / "1.in").write_text("1 2\n")
    (tmp_path / "1.ans").write_text("3\n")
    archive({"sample/1.in": "1 2\n", "sample/1.ans": "3\n", "secret/10.in": "4 5\n", "secret/10.out": "9\n",
             "secret/2.in": "7\n", "secret/2.ans": "8\n", "README": "no test", "__MACOSX/._1.in": "junk"},
            tmp_path / "tests.zip")
    return tmp_path


# As the archive's in natural order.
TESTS = [test("1 2\n", "3\n", 1), test("7\n", "8\n", 2), test("4 5\n", "9\n", 3)]


def sent(server, answer):
    """What was accepted, as it is given back."""
    assert answer.status == 202, answer
    got = server.get("/submissions/" + quote(answer.json["id"])).json
    return {k: v for k, v in got.items() if k not in ("id", "state", "submitted_at")}


def test_the_report_is_that_of_the_json(server, place):
    wanted = server.judge(submission("python", SUM, TESTS, stop_on_failure=False))
    answer = curl(server, place, "-F", "language=python", "-F", "source=@sum.py", "-F", "tests=@tests.zip",
                  "-F", "stop_on_failure=false", query="?wait=60")
    assert answer.status == 200, answer
    report = check_report(answer.json)
    assert [t["verdict"] for t in report["tests"]] == ["OK", "WA", "OK"]
    varies = {"id", "duration_ms", "timestamp", "cpu_time_ms", "memory_bytes", "queue_ms", "build_ms", "run_ms"}

    def fixed(thing):
        return {k: [fixed(t) for t in v] if k == "tests" else v for k, v in thing.items() if k not in varies}

    assert fixed(report) == fixed(wanted)


FORMS = [
    # -F arguments; the JSON
    (["source=@sum.py"], submission("python", SUM)),
    (["source=<sum.py", "language=c"], submission("c", SUM)),
    (["source=x", "language=c", "tests=@1.in", "tests=@1.ans"], submission("c", "x", [test("1 2\n", "3\n", 1)])),
    (["source=@sum.py", "tests=@tests.zip"], submission("python", SUM, TESTS)),
    (["source=@sum.py", 'tests=[{"input": "a"}]'], submission("python", SUM, [test("a")])),
    (["source=@sum.py", "tests=@tests.json"], submission("python", SUM, [test("b")])),
    (["source=@sum.py", 'limits={"time_limit_ms": 2000}'], submission("python", SUM, time_ms=2000)),
    (["source=@sum.py", "limits.time_limit_ms=2000", "limits.memory_limit_bytes=67108864"],
     submission("python", SUM, time_ms=2000, memory_mib=64)),
    (["source=@sum.py", "labels.course=2026", "labels.a.b=x=y", "labels.empty="],
     submission("python", SUM, labels={"course": "2026", "a.b": "x=y", "empty": ""})),
    (["source=@sum.py", 'labels={"course": "2026"}'], submission("python", SUM, labels={"course": "2026"})),
    (["source=@sum.py", "checker=tokens", "priority=3", "owner=7", "stop_on_failure=false"],
     submission("python", SUM, checker="tokens", priority=3, owner="7", stop_on_failure=False)),
    (["source=@sum.py", "checker.name=float", "checker.absolute_tolerance=1e-3"],
     submission("python", SUM, checker={"name": "float", "absolute_tolerance": 1e-3})),
    # what a browser sends for fields that were left empty
    (["source=@sum.py", "language=", "id=", "limits.time_limit_ms=", "priority=", "checker=", "tests=@empty;filename="],
     submission("python", SUM)),
    (["source=@sum.py;filename=a.CC"], submission("cpp", SUM)),
    (["source=@sum.py;filename=dir/Main.java"], submission("java", SUM)),
]


@pytest.mark.parametrize("arguments, wanted", FORMS, ids=[" ".join(f[0]) for f in FORMS])
def test_a_form_means_what_its_json_means(idle, place, arguments, wanted):
    (place / "tests.json").write_text('\ufeff[{"input": "b"}]')
    (place / "empty").write_bytes(b"")
    got = sent(idle, curl(idle, place, *[a for pair in arguments for a in ("-F", pair)]))
    assert got == sent(idle, idle.post(wanted))


def test_an_id_is_one_submission_however_it_is_sent(idle, place):
    body = submission("python", SUM, TESTS, id="form-1", labels={"a": "b"})
    arguments = form(id="form-1", source="@sum.py", tests="@tests.zip", labels__a="b")
    assert curl(idle, place, *arguments).status == 202
    assert idle.post(body).status == 202
    assert len([i for i in stored(idle) if i == "form-1"]) == 1
    (place / "sum.py").write_text(SUM + "#")
    assert curl(idle, place, *arguments).json["code"] == "id_taken"


def test_bytes_of_all_kinds_arrive(idle, place):
    kinds = {"1.in": b"\xff\xfe\0", "1.ans": b"", "2.in": b"\r\n--x\r\n", "2.ans": b"\0" * 1000,
             "3.in": "\u00e9\u2028\"\\".encode(), "3.ans": b"PK\3\4"}
    for name, data in kinds.items():
        (place / name).write_bytes(data)
    archive(kinds, place / "kinds.zip")
    wanted = sent(idle, idle.post(submission("python", SUM, [
        test(kinds[f"{i}.in"], kinds[f"{i}.ans"]) for i in (1, 2, 3)])))["tests"]
    loose = [a for name in kinds for a in ("-F", f"tests=@{name}")]
    for arguments in (loose, ["-F", "tests=@kinds.zip"]):
        assert sent(idle, curl(idle, place, "-F", "source=@sum.py", *arguments))["tests"] == wanted


class Unseekable(io.RawIOBase):
    """A pipe: sizes come behind the data (data descriptors)."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def zip64():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name in ("1.in", "1.ans"):
            with z.open(name, "w", force_zip64=True) as f:
                f.write(b"z")
    return out.getvalue()


def streamed():
    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name in ("1.in", "1.ans"):
            z.writestr(name, "z")
    assert b"PK\7\x08" in out.data
    return out.data


def by_zip(directory):
    subprocess.run(["python3", "-m", "zipfile", "-c", "made.zip", "1.in", "1.ans"], cwd=directory, check=True)
    return (directory / "made.zip").read_bytes()


@pytest.mark.parametrize("make", [
    lambda d: zip64(), lambda d: streamed(), by_zip,
    lambda d: b"#!/bin/sh\n" + archive({"1.in": "z", "1.ans": "z"}),
    lambda d: archive({"1.in": "z", "1.ans": "z"}, method=zipfile.ZIP_STORED),
], ids=["zip64", "data descriptors", "zipfile -c", "behind other bytes", "stored"])
def test_archives_of_all_kinds(idle, place, make):
    for name in ("1.in", "1.ans"):
        (place / name).write_text("z")
    data = make(place)
    (place / "t.zip").write_bytes(data)
    answer = curl(idle, place, "-F", "source=@sum.py", "-F", "tests=@t.zip")
    if data[:2] != b"PK":  # by its first bytes it is none
        assert answer.json["errors"][0]["detail"] == "t.zip: it is no zip archive, and no .in, .ans or .out file"
        return
    assert sent(idle, answer)["tests"] == sent(idle, idle.post(submission("c", "x", [test("z", "z")])))["tests"]


def bomb():
    """A quarter of 1 MB that is 4 GiB: 16 entries that are one stream of 256 MiB."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"\0" * MIB
    data = b"".join(stream.compress(zeros) for _ in range(256)) + stream.flush()
    crc = 0
    for _ in range(256):
        crc = zlib.crc32(zeros, crc)
    sizes = crc.to_bytes(4, "little") + len(data).to_bytes(4, "little") + (256 * MIB).to_bytes(4, "little")
    local = b"PK\3\4\x14\0\0\0\x08\0\0\0\0\0" + sizes + b"\4\0\0\0" + b"1.in" + data
    central = b"".join(
        b"PK\1\2\x14\0\x14\0\0\0\x08\0\0\0\0\0" + sizes + b"\4\0" + b"\0" * 16 + b"%c.in" % i for i in b"1bcdefghijklmnop")
    end = b"PK\5\6\0\0\0\0\x10\0\x10\0" + len(central).to_bytes(4, "little") + len(local).to_bytes(4, "little") + b"\0\0"
    return local + central + end


def test_a_zip_bomb_is_refused_soon(fresh_server, place):
    server = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    (place / "bomb.zip").write_bytes(bomb())
    assert (place / "bomb.zip").stat().st_size < MIB
    before, worked = server.rss(), server.cpu_seconds()
    server.forget_peak()
    for _ in range(2):
        answer = curl(server, place, "-F", "source=@sum.py", "-F", "tests=@bomb.zip")
        check_problem(answer, 422)
        assert answer.json["errors"] == [{
            "pointer": "/tests", "detail": "bomb.zip: 1.in: with it the files are larger than 67108864 bytes together"}]
    assert server.cpu_seconds() - worked < 20
    assert server.peak_rss() - before < 400 * MIB  # and its copies; under ASan what is freed is kept a while
    assert server.get("/healthz").status == 200


def multipart(*parts, boundary="b", end="--b--\r\n"):
    return "".join(f"--{boundary}\r\n{p}\r\n" for p in parts).encode() + end.encode()


def part(name, text, more=""):
    return f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n{text}'


LANGUAGE, SOURCE = part("language", "c"), part("source", "x")
BROKEN = [
    ("no boundary", "multipart/form-data", multipart(LANGUAGE), "Content-Type names no boundary"),
    ("an empty boundary", "multipart/form-data; boundary=", multipart(LANGUAGE), "is not 1 to 70 characters"),
    ("a long boundary", "multipart/form-data; boundary=" + "b" * 71, multipart(LANGUAGE), "is not 1 to 70"),
    ("another boundary", "multipart/form-data; boundary=c", multipart(LANGUAGE), "does not begin with the boundary"),
    ("a longer boundary", "multipart/form-data; boundary=b", multipart(LANGUAGE, boundary="bc"), "does not begin with"),
    ("empty", "multipart/form-data; boundary=b", b"", "does not begin with the boundary"),
    ("JSON", "multipart/form-data; boundary=b", b'{"language":"c","source":"x"}', "does not begin with"),
    ("no end", "multipart/form-data; boundary=b", multipart(LANGUAGE, SOURCE, end=""), "ends within part 2"),
    ("cut in the headers", "multipart/form-data; boundary=b", b"--b\r\nContent-Dispo", "ends within part 1"),
    ("cut in the end", "multipart/form-data; boundary=b", multipart(LANGUAGE, end="--b-"), "ends within part 1"),
    ("bytes behind the end", "multipart/form-data; boundary=b", multipart(LANGUAGE) + b"x", "goes on behind"),
    ("huge headers", "multipart/form-data; boundary=b", multipart("X: " + "y" * 9000 + "\r\n" + LANGUAGE),
     "headers of part 1 have more than 8192 bytes"),
    ("no disposition", "multipart/form-data; boundary=b", multipart("X: y\r\n\r\nz"), "has no Content-Disposition"),
    ("no name", "multipart/form-data; boundary=b",
     multipart("Content-Disposition: form-data\r\n\r\nz"), "part 1 has no name"),
    ("an attachment", "multipart/form-data; boundary=b",
     multipart('Content-Disposition: attachment; name="a"\r\n\r\nz'), "is not form-data"),
    ("a name without its quote", "multipart/form-data; boundary=b",
     multipart('Content-Disposition: form-data; name="a\r\n\r\nz'), "part 1 has no name"),
    ("two names", "multipart/form-data; boundary=b",
     multipart('Content-Disposition: form-data; name=a; name=b\r\n\r\nz'), "part 1 has no name"),
    ("a long file name", "multipart/form-data; boundary=b",
     multipart(part("source", "x", '; filename="%s"' % ("n" * 256))), "filename has more than 255 bytes"),
    ("base64", "multipart/form-data; boundary=b",
     multipart("Content-Transfer-Encoding: base64\r\n" + LANGUAGE), "send its bytes as they are"),
    ("bare line feeds", "multipart/form-data; boundary=b", multipart(LANGUAGE).replace(b"\r\n", b"\n"),
     "does not begin with the boundary"),
    ("no header at all", "multipart/form-data; boundary=b", multipart("rubbish\r\n\r\nz"), "a line among its headers"),
    ("many fields", "multipart/form-data; boundary=b", multipart(*[part(f"f{i}", "x") for i in range(101)]),
     "more than 100 fields"),
    ("a name that is no text", "multipart/form-data; boundary=b",
     multipart(part("NAME", "x")).replace(b"NAME", b"\xff"), "no text in UTF-8"),
]


@pytest.mark.parametrize("what, kind, body, says", BROKEN, ids=[b[0] for b in BROKEN])
def test_what_is_no_form(idle, what, kind, body, says):
    before = stored(idle)
    answer = idle.post(body, headers={"Content-Type": kind})
    assert check_problem(answer, 400)["code"] == "not_form"
    assert says in answer.json["detail"], answer
    assert stored(idle) == before


FINE = [
    ('multipart/form-data; boundary="b"', multipart(LANGUAGE, SOURCE)),
    ("Multipart/Form-Data; charset=utf-8; Boundary=b", multipart(LANGUAGE, SOURCE)),
    ("multipart/form-data; boundary=b", b"\r\n" + multipart(LANGUAGE, SOURCE, end="--b--")),
    ("multipart/form-data; boundary=b", multipart(LANGUAGE, SOURCE, end="--b--  \r\n")),
    ("multipart/form-data; boundary=b", multipart(
        "content-disposition:form-data;name=language\r\nContent-Transfer-Encoding: BINARY\r\n\r\nc", SOURCE)),
    ("multipart/form-data; boundary=b", multipart(
        LANGUAGE, 'Content-Type: text/plain; name="language"\r\n' + SOURCE)),
    ("multipart/form-data; boundary=b", multipart(LANGUAGE, part("source", "\r\n--bc\r\n"))),
]


@pytest.mark.parametrize("kind, body", FINE)
def test_what_is_a_form(idle, kind, body):
    got = sent(idle, idle.post(body, headers={"Content-Type": kind}))
    assert got["language"] == "c" and got["source"] in ("x", "\r\n--bc\r\n")


WRONG = [
    # -F arguments, pointer, detail
    (["source=@sum.py", "tests=@half.zip"], "/tests", "secret/3.in has no answer (secret/3.ans or .out)"),
    (["source=@sum.py", "tests=@1.ans"], "/tests", "1.ans has no input (1.in)"),
    (["source=@sum.py", "tests=@none.zip"], "/tests", "it has no tests: pairs of N.in and N.ans (or N.out)"),
    (["source=@sum.py", "tests=@up.zip"], "/tests", "up.zip: ../1.in: its path leads out of the archive"),
    (["source=@sum.py", "tests=@both.zip"], "/tests", "1.ans and 1.out are answers of one test"),
    (["source=@sum.py", "tests=@tests.zip", "tests=@tests.zip"], "/tests", "sample/1.ans is there twice"),
    (["source=@sum.py", "tests=@damaged.zip"], "/tests", "damaged.zip: 1.in: "),
    (["source=@sum.py", "tests=@cut.zip"], "/tests", "cut.zip: Not a zip archive"),
    (["source=@sum.py", "tests=@sum.py"], "/tests", "sum.py: it is no zip archive, and no .in, .ans or .out file"),
    (["source=@sum.py", "tests=@1.in", "tests=@1.ans", "tests=[]"], "/tests", "is given as files and as text"),
    (["source=@sum.py", "tests=[{]"], "/tests", "not JSON: "),
    (["source=@sum.py", 'tests=[{"inputt": "1"}]'], "/tests/0/inputt",
     "is not a field we know; did you mean input?"),
    (["source=@sum.py", "tests=@many.zip"], "/tests", "must have at most 1000 tests"),
    (["source=@sum.py", "test=@tests.zip"], "/test", "is not a field we know; did you mean tests?"),
    (["source=@sum.py", "langauge=c"], "/langauge", "is not a field we know; did you mean language?"),
    (["source=@sum.py", "limits.time=2"], "/limits/time", "is not a field we know; did you mean time_limit_ms?"),
    (["source=@sum.py", "limits.time_limit_ms=2s"], "/limits/time_limit_ms", "must be a whole number of at least 0"),
    (["source=@sum.py", "limits=time=2s"], "/limits", "must be an object"),
    (["source=@sum.py", 'limits={"time_limit_ms": 2', ], "/limits", "not JSON: "),
    (["source=@sum.py", 'limits={"time_limit_ms": 2}', "limits.time_limit_ms=2"], "/limits/time_limit_ms",
     "is given as a whole and in parts"),
    (["source=@sum.py", "language=c", "language=cpp"], "/language", "is given twice"),
    (["source=@sum.py", "source=@sum.py"], "/source", "is given twice"),
    (["source=@sum.py;filename=a.txt"], "/language", "a.txt: no language has this suffix; say which in the field language: "),
    (["source=x"], "/language", "is missing"),
    (["language=c"], "/source", "is missing"),
    (["language=c", "source="], "/source", "must not be empty"),
    (["language=c", "source=@tests.zip"], "/source", "is no text in UTF-8"),
    (["source=@sum.py", "labels.a/b=@tests.zip"], "/labels/a~1b", "is no text in UTF-8"),
    (["source=@sum.py", "priority=@tests.zip"], "/priority", "must be a whole number"),
    (["source=@sum.py", "priority=high"], "/priority", "must be a whole number"),
    (["source=@sum.py", "stop_on_failure=no"], "/stop_on_failure", "must be true or false"),
    (["source=@sum.py", "checker=magic"], "/checker", "must be exact, lines, tokens, float or none"),
]


@pytest.mark.parametrize("arguments, pointer, detail", WRONG, ids=[" ".join(w[0])[16:] for w in WRONG])
def test_a_wrong_field_is_named(idle, place, arguments, pointer, detail):
    archive({"secret/3.in": "x"}, place / "half.zip")
    archive({"README": "x", "._1.in": "x"}, place / "none.zip")
    archive({"../1.in": "x", "../1.ans": "x"}, place / "up.zip")
    archive({"1.in": "x", "1.ans": "x", "1.out": "x"}, place / "both.zip")
    archive({f"{i}.{end}": "" for i in range(1001) for end in ("in", "ans")}, place / "many.zip")
    data = archive({"1.in": "some text", "1.ans": "x"}, place / "fine.zip", method=zipfile.ZIP_STORED)
    (place / "damaged.zip").write_bytes(data.replace(b"some text", b"same text"))
    (place / "cut.zip").write_bytes(data[:-40])
    before = stored(idle)
    answer = curl(idle, place, *[a for pair in arguments for a in ("-F", pair)])
    check_problem(answer, 422)
    [error] = answer.json["errors"]
    assert error["pointer"] == pointer, answer
    assert error["detail"].startswith(detail), error
    assert answer.json["detail"] == f"{pointer}: {error['detail']}"
    assert stored(idle) == before


def test_an_encrypted_archive_is_named(idle, place):
    data = bytearray(archive({"1.in": "x", "1.ans": "x"}))
    for magic, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # as every archiver marks them
        at = -1
        while (at := data.find(magic, at + 1)) >= 0:
            data[at + flags] |= 1
    (place / "secret.zip").write_bytes(data)
    answer = curl(idle, place, "-F", "source=@sum.py", "-F", "tests=@secret.zip")
    assert answer.json["errors"] == [{"pointer": "/tests", "detail": "secret.zip: 1.in: it is encrypted"}]


def test_what_else_is_not_taken(idle, place):
    answer = idle.post(b"x", headers={"Content-Type": "text/plain"})
    assert check_problem(answer, 415)["detail"] == "send application/json or multipart/form-data"
    answer = idle.post(multipart(LANGUAGE, SOURCE),
                       headers={"Content-Type": "multipart/form-data; boundary=b", "Content-Encoding": "gzip"})
    assert check_problem(answer, 415)["detail"] == "send the body without a Content-Encoding"
    (place / "large").write_bytes(b"x" * (65 * MIB))
    assert curl(idle, place, "-H", "Expect:", "-F", "source=@large").status == 413


def test_a_page_of_another_site_cannot_send_one(idle):
    """A browser asks nobody before it sends a form."""
    answer = idle.post(multipart(LANGUAGE, SOURCE), headers={
        "Content-Type": "multipart/form-data; boundary=b", "Origin": "http://evil.example"})
    assert check_problem(answer, 403)["code"] == "foreign_page"


def test_large_tests_are_counted_together(fresh_server, place):
    """What archives unpack to is held within the bounds of large bodies."""
    server = fresh_server(RUNNER_MAX_PARALLEL=0, MAX_BODY_BYTES="1MiB").start()
    archive({"1.in": b"x" * (900 << 10), "1.ans": "x"}, place / "fits.zip")
    archive({"1.in": b"x" * (1100 << 10), "1.ans": "x"}, place / "large.zip")
    for _ in range(40):  # nothing stays behind
        assert curl(server, place, "-F", "source=@sum.py", "-F", "tests=@fits.zip").status == 202
        answer = curl(server, place, "-F", "source=@sum.py", "-F", "tests=@large.zip")
        assert "larger than 1048576 bytes together" in check_problem(answer, 422)["detail"]


def test_what_is_unpacked_shares_the_bounds_of_large_bodies(fresh_server, place):
    server = fresh_server(RUNNER_MAX_PARALLEL=0, MAX_BODY_BYTES="1MiB").start()
    archive({"1.in": b"x" * (1000 << 10), "1.ans": "x"}, place / "fits.zip")

    def status():
        return curl(server, place, "-F", "source=@sum.py", "-F", "tests=@fits.zip").status

    assert status() == 202
    others = [socket.create_connection((server.host, server.port)) for _ in range(2)]
    for s in others:  # bodies that never end; together they leave no room for the archive's
        s.sendall(b"POST /submissions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 1000000\r\n\r\n" + b" " * 900_000)
    wait_for(lambda: status() == 503, 60, "no room")
    for s in others:
        s.close()
    wait_for(lambda: status() == 202, 60, "room again")


@pytest.mark.parametrize("path", ["README.md", "docs/developer.md"])
def test_the_lines_of_the_documents(server, tmp_path, path):
    """Pasted as they stand, in an empty directory."""
    with open(os.path.join(ROOT, path)) as f:
        [block] = [b for b in re.findall(r"(?:^    .*\n)+", f.read(), re.M) if " -F " in b]
    script = re.sub("^    ", "", block, flags=re.M).replace("127.0.0.1:8080", f"{server.host}:{server.port}")
    done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, timeout=120)
    assert done.returncode == 0, done
    report = check_report(json.loads(done.stdout))
    assert report["verdict"] == "OK" and len(report["tests"]) == 2
