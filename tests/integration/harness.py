"""A real scrc process and a client that knows nothing of its inside but the wire."""

import base64
import errno
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from stores import DONE, ON_POSTGRES, QUEUED, RUNNING, Stores, in_file, rows, states  # noqa: F401

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRC_BIN = os.environ.get("SCRC_BIN", os.path.join(ROOT, "build/dev/scrc"))
LONG = os.environ.get("SCRC_TEST_ALL") == "1"
LANGUAGES = ("python", "go", "c", "cpp", "java")
MIB = 1024 * 1024
# RUNNER_CELL_USES where a test is about something else than cells: a container for each of its submissions would be
# most of what it takes.
CELL_USES = 50

IMAGES = {
    "PYTHON_IMAGE": "scrc-local/python",
    "GO_IMAGE": "scrc-local/golang",
    "GO_RUN_IMAGE": "scrc-local/run",
    "C_IMAGE": "scrc-local/gcc",
    "C_RUN_IMAGE": "scrc-local/run",
    "CPP_IMAGE": "scrc-local/gcc",
    "CPP_RUN_IMAGE": "scrc-local/run",
    "JAVA_IMAGE": "scrc-local/jdk",
    "JAVA_RUN_IMAGE": "scrc-local/jdk",
}
IMAGES = {name: os.environ.get(name, image) for name, image in IMAGES.items()}


def sanitized():
    """True for the build under ASan: its memory says nothing about ours."""
    with open(SCRC_BIN, "rb") as f:
        return b"__asan_init" in f.read()


def wait_for(condition, seconds, what="condition", pause=0.02):
    """Returns condition()'s first true value; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(pause)


def fill(path):
    """A file that takes what is left of its disk, to the last byte."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while True:
            os.write(fd, b"\0" * MIB)
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
    finally:
        os.close(fd)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def pointers(self):
        return [e.get("pointer") for e in self.json.get("errors", [])]

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:600]!r}>"


class Client:
    """One request, one connection: a killed server is then a clean OSError."""

    def __init__(self, address):
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)

    def request(self, method, path, body=None, headers=None, timeout=90):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, body, query="", **more):
        return self.request("POST", "/submissions" + query, body=body, **more)

    def delete(self, id):
        return self.request("DELETE", "/submissions/" + quote(id))

    def submit(self, submission, query=""):
        """Accepted, or the test fails. Returns the id."""
        answer = self.post(submission, query)
        assert answer.status in (200, 202), answer
        return answer.json["id"]

    def report(self, id, seconds=120):
        """The final report of an accepted submission, its shape checked."""
        end = time.monotonic() + seconds
        while True:
            left = max(0, end - time.monotonic())
            answer = self.get(f"/results/{quote(id)}?wait={min(left, 60):.3f}")
            if answer.status == 200:
                return check_report(answer.json)
            assert answer.status == 202, answer
            assert left > 0, f"{id}: not final after {seconds} s: {answer}"

    def wait_running(self, id, seconds=60):
        wait_for(lambda: self.get(f"/results/{quote(id)}").json.get("state") == "running", seconds,
                 f"{id} runs")

    def samples(self):
        """What /metrics says, {name{labels}: value}, the order of labels as written."""
        lines = self.get("/metrics").body.decode().splitlines()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    def metric(self, name):
        """The sample of that name and labels; for a name alone the sum of all it has. None if there
        is none."""
        found = [value for sample, value in self.samples().items()
                 if name in (sample, sample.partition("{")[0])]
        return sum(found) if found else None

    def outbox_rows(self):
        """How many reports and dead letters Kafka has not acknowledged."""
        return self.metric("scrc_outbox_rows")

    def degraded(self):
        return self.get("/readyz").json["degraded"]

    def judge(self, submission, seconds=120):
        return self.report(self.submit(submission), seconds)

    def judge_all(self, submissions, seconds=240):
        return [self.report(id, seconds) for id in [self.submit(s) for s in submissions]]

    def raw(self, data, seconds=10):
        """Bytes in, bytes out until the server closes (or `seconds` have passed)."""
        with socket.create_connection((self.host, self.port), timeout=seconds) as s:
            out = b""
            try:
                s.sendall(data)
                while chunk := s.recv(65536):
                    out += chunk
            except (TimeoutError, ConnectionError):
                pass
            return out


def quote(id):
    return urllib.parse.quote(id, safe="")


def test(input="", expected="", number=None):
    """One entry of `tests`; bytes travel as base64."""
    entry = {} if number is None else {"number": number}
    for name, value in (("input", input), ("expected_output", expected)):
        if isinstance(value, bytes):
            entry[name + "_base64"] = base64.b64encode(value).decode()
        else:
            entry[name] = value
    return entry


test.__test__ = False  # not one of pytest's


def submission(language, source, tests=None, time_ms=None, memory_mib=None, **more):
    out = {"language": language, "source": source, **more}
    limits = {}
    if time_ms is not None:
        limits["time_limit_ms"] = time_ms
    if memory_mib is not None:
        limits["memory_limit_bytes"] = memory_mib * MIB
    if limits:
        out["limits"] = {**limits, **out.get("limits", {})}
    if tests is not None:
        out["tests"] = tests
    return out


# ---- the shape of a report (every report that any test reads is checked) ----

INT, TEXT, BOOL = (int,), (str,), (bool,)
NULL = (type(None),)
STATUSES = {"OK", "WA", "TL", "ML", "BF", "RE", "OL", "-"}
REPORT = {
    "id": TEXT, "status": TEXT, "exit_code": INT + NULL, "stdout": TEXT, "stderr": TEXT,
    "duration_ms": INT + NULL, "error": TEXT, "tests": (list,), "timestamp": TEXT,
    "verdict": TEXT, "language": TEXT, "signal": TEXT + NULL, "cpu_time_ms": INT + NULL,
    "memory_bytes": INT + NULL, "queue_ms": INT, "build_ms": INT, "run_ms": INT,
    "build_log": TEXT, "attempts": INT, "produced_by": (dict,),
    "limits": (dict,) + NULL, "limit_hit": TEXT + NULL, "door": TEXT + NULL,
    "traceparent": TEXT + NULL, "labels": (dict,),
}
REPORT_MAY = {"stdout_base64", "stderr_base64", "build_log_base64"}
TEST = {
    "number": INT, "status": TEXT, "exit_code": INT + NULL, "duration_ms": INT + NULL,
    "stdout": TEXT, "stderr": TEXT, "input": TEXT, "expected_output": TEXT, "error": TEXT,
    "verdict": TEXT, "signal": TEXT + NULL, "cpu_time_ms": INT + NULL,
    "memory_bytes": INT + NULL, "stdout_truncated": BOOL, "stderr_truncated": BOOL,
    "stdout_base64": TEXT + NULL, "stderr_base64": TEXT + NULL,
    "stdout_gap": (dict,) + NULL, "first_difference": (dict,) + NULL,
    "limit_hit": TEXT + NULL,
}
TEST_MAY = {"input_base64", "expected_output_base64"}
PRODUCED_BY = {name: TEXT for name in ("version", "image", "build", "run", "compiler")}
DIFFERENCE = {"line": INT, "column": INT, "from_column": INT, "expected": TEXT, "got": TEXT}
LIMITS = {"time_limit_ms": INT, "wall_time_limit_ms": INT + NULL, "memory_limit_bytes": INT}
GAP = {"marker": TEXT, "line": INT, "column": INT}
LIMITS_HIT = {"TL": ("cpu", "wall"), "ML": ("memory",), "OL": ("output",),
              "RE": ("processes", None), "WA": ("processes", None)}
NUMBERS = ("exit_code", "duration_ms", "cpu_time_ms", "memory_bytes")


def check_fields(what, thing, shape, may=frozenset()):
    missing, extra = shape.keys() - thing.keys(), thing.keys() - shape.keys() - may
    assert not missing and not extra, f"{what}: missing {missing}, unknown {extra}"
    for name, types in shape.items():
        assert type(thing[name]) in types, f"{what}.{name} is {thing[name]!r}"


def check_report(report):
    check_fields("report", report, REPORT, REPORT_MAY)
    check_fields("produced_by", report["produced_by"], PRODUCED_BY)
    assert report["status"] in STATUSES and report["verdict"] in STATUSES
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", report["timestamp"])
    if report["limits"] is not None:
        check_fields("limits", report["limits"], LIMITS)
    for t in report["tests"]:
        check_fields("test", t, TEST, TEST_MAY)
        assert t["limit_hit"] in LIMITS_HIT.get(t["verdict"], (None,)), t
        if t["first_difference"] is not None:
            check_fields("first_difference", t["first_difference"], DIFFERENCE)
        if t["stdout_gap"] is not None:
            check_fields("stdout_gap", t["stdout_gap"], GAP)
        nulls = [t[name] is None for name in NUMBERS]
        if t["verdict"] == "-":
            assert all(nulls) and t["signal"] is None, t
        else:
            assert not any(nulls), t
        for stream in ("stdout", "stderr"):
            plain = t[stream + "_base64"]
            if plain is not None:
                assert base64.b64decode(plain, validate=True).decode(errors="replace") is not None
                assert "\ufffd" in t[stream], t
        if t["signal"] is not None:
            assert t["signal"].startswith("SIG") and t["exit_code"] > 128, t
    if report["verdict"] == "BF":
        assert report["stderr"] == report["build_log"], report
        assert report["exit_code"] is not None, report
        assert [report[n] for n in ("duration_ms", "cpu_time_ms", "memory_bytes")] == [None] * 3, report
        assert all(t["verdict"] == "-" for t in report["tests"]), report
    return report


# ---- the process ----

class Server:
    """One DATA_DIR and one CELL_DIR; the process on them may come and go."""

    def __init__(self, **settings):
        self.dir = tempfile.mkdtemp(prefix="scrc-t.", dir="/tmp")  # sun_path is short
        self.data, self.cells = self.dir + "/data", self.dir + "/c"
        os.mkdir(self.cells)
        self.settings = {
            "HTTP_LISTEN": "127.0.0.1:0", "DATA_DIR": self.data, "CELL_DIR": self.cells,
            "RUNNER_MAX_PARALLEL": "2", **IMAGES,
        }
        self.settings.update({k: str(v) for k, v in settings.items() if v is not None})
        for name in [k for k, v in settings.items() if v is None]:
            self.settings.pop(name, None)
        if ON_POSTGRES and "STORE" not in self.settings:
            self.settings["STORE"] = Stores.url(self.settings.get("DATA_DIR", self.dir + "/data"))
        self.process, self.client, self.lines = None, None, []
        self.program = SCRC_BIN

    def __getattr__(self, name):
        """server.get(), server.judge(), ...: those of the client of the running process."""
        if name.startswith("_") or self.__dict__.get("client") is None:
            raise AttributeError(name)
        return getattr(self.client, name)

    def environment(self):
        kept = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")
        return {**{k: os.environ[k] for k in kept if k in os.environ}, **self.settings}

    def spawn(self):
        """Starts the process without waiting for it to listen."""
        self.process = subprocess.Popen([self.program], env=self.environment(), cwd=self.dir,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self.lines, self.client = [], None
        lines, pipe = self.lines, self.process.stderr
        self.reader = threading.Thread(target=self._read, args=(pipe, lines), daemon=True)
        self.reader.start()
        return self

    @staticmethod
    def _read(pipe, lines):
        for line in pipe:
            lines.append(line.decode(errors="surrogateescape").rstrip("\n"))
        pipe.close()

    def start(self, seconds=60):
        return self.spawn().is_listening(seconds)

    def is_listening(self, seconds=60):
        """Waits until the spawned process says where."""
        pattern = re.compile(r'event"?[=:] ?"?listening\b.*address"?[=:] ?"?([^ ",}]+)')

        def listening():
            found = next((m for m in map(pattern.search, list(self.lines)) if m), None)
            assert found or self.process.poll() is None, \
                f"scrc ended with {self.process.returncode}:\n" + self.log()
            return found
        self.client = Client(wait_for(listening, seconds, "event=listening").group(1))
        return self

    def log(self):
        return "\n".join(self.lines)

    def logged(self, event):
        """The lines of that event so far, whichever form the log has."""
        return [line for line in list(self.lines) if re.search(rf'event"?[=:] ?"?{event}\b', line)]

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def _end(self, seconds):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"scrc did not end in {seconds} s:\n" + self.log())
        self.reader.join(5)
        self.client = None
        return code

    def kill9(self):
        self.process.kill()
        return self._end(10)

    def terminate(self, seconds=40):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._end(seconds)

    def restart(self, kill=False):
        if self.alive():
            self.kill9() if kill else self.terminate()
        return self.start()

    def rss(self):
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) * 1024

    def forget_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w") as f:
            f.write("5")

    def peak_rss(self):
        """The most it has had since it started, or since forget_peak()."""
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1)) * 1024

    def cpu_seconds(self):
        """What it has worked so far, whoever else the cores work for."""
        with open(f"/proc/{self.pid}/stat") as f:
            user, system = f.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def ready(self, seconds=60):
        wait_for(lambda: self.get("/readyz").status == 200, seconds, "readyz", pause=0.1)
        return self

    def close(self):
        """Ends what is left and removes the directory. Prints the log for a failed test."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self._end(40)
            except AssertionError:
                pass
        if self.process is not None:
            print("--- log of scrc (last 60 lines) ---", *self.lines[-60:], sep="\n",
                  file=sys.stderr)
        Stores.forget(self.data)
        shutil.rmtree(self.dir, ignore_errors=True)


def run_scrc(*arguments, seconds=20, **settings):
    """A scrc that is meant to end by itself: (exit code, stdout, stderr)."""
    server = Server(**settings)
    try:
        done = subprocess.run([SCRC_BIN, *arguments], env=server.environment(), cwd=server.dir,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
        return done.returncode, done.stdout.decode(), done.stderr.decode()
    finally:
        server.close()
