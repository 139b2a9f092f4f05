"""Servers on one database as one judge, and what of it must hold whatever happens to them: nothing that
was accepted is lost, each has one report, and it is the right one."""

import contextlib
import http.client
import itertools
import json
import os
import signal
import subprocess
import threading
import time

from harness import CELL_USES, submission, test
from postgres import PostgresError, psql, sql

LEASE_SECONDS = 2
AWAY = (OSError, http.client.HTTPException, AttributeError)  # the server is down, or does not answer


def printing(number, seconds=0):
    """A submission whose right verdict is known: (submission, verdict)."""
    verdict = "WA" if number % 5 == 4 else "OK"
    wait = f"import time\ntime.sleep({seconds})\n" if seconds else ""
    expected = str(number if verdict == "OK" else number + 1)
    return submission("python", f"{wait}print({number})", [test(expected=expected)],
                      id=f"fleet-{number}"), verdict


class Fleet:
    """Servers on the database; which of them run is the test's affair."""

    def __init__(self, url, make):
        self.url, self.make, self.servers = url, make, []

    def add(self, count=1, **settings):
        """So many more, not started."""
        settings = {"STORE": self.url, "LEASE_TIMEOUT": f"{LEASE_SECONDS}s", "RUNNER_MAX_PARALLEL": 1,
                    "RUNNER_CELL_USES": CELL_USES, **settings}
        added = [self.make(**settings) for _ in range(count)]
        self.servers += added
        return added

    def start(self, count=1, **settings):
        added = self.add(count, **settings)
        for server in added:
            server.spawn()
        return [server.is_listening() for server in added]

    def ready(self):
        for server in self.servers:
            server.ready()
        return self

    def sql(self, text):
        return sql(self.url, text)

    def number(self, text):
        return int(self.sql(text))

    def lines(self, event):
        return [line for server in self.servers for line in server.logged(event)]

    # ---- what must hold ----

    def wait_final(self, seconds, accepted):
        """Until all that was accepted is final; the database may be away in between."""
        end = time.monotonic() + seconds
        while (left := self.unfinished(accepted)) != 0:
            assert time.monotonic() < end, f"{left} of {accepted} not final after {seconds} s: " + \
                self.sql("SELECT id, state, attempts, restarts, instance, claim FROM job WHERE state < 2"
                         " ORDER BY seq LIMIT 5")
            time.sleep(0.1)

    def unfinished(self, accepted):
        try:
            return accepted - self.number("SELECT count(*) FROM job WHERE state > 1")
        except PostgresError:
            return -1

    def counts(self, work):
        """work: {id: verdict}, what was accepted. How many, and which ones are not as they should be."""
        rows = [json.loads(line) for line in self.sql(
            "SELECT row_to_json(r) FROM (SELECT id, state, verdict, attempts, restarts, (SELECT count(*)"
            " FROM report WHERE report.seq = job.seq) AS reports, (SELECT count(*) FROM feed WHERE"
            " feed.seq = job.seq AND feed.state > 1) AS ends FROM job) AS r").splitlines()]
        found = {row["id"]: row for row in rows}
        return {
            "accepted": len(work), "rows": len(rows), "reported": sum(row["reports"] for row in rows),
            "lost": [id for id in work if id not in found or found[id]["reports"] == 0],
            "doubled": [row for row in rows if row["ends"] > 1 or row["reports"] > 1],
            "wrong": [row for row in rows if row["id"] in work and row["verdict"] != work[row["id"]]],
        }

    def check(self, work, *servers):
        """Each has become final once and has the right report, which these servers give."""
        counts = self.counts(work)
        assert not counts["lost"] and not counts["doubled"] and not counts["wrong"], counts
        for server, id in zip(itertools.cycle(servers), work):
            report = server.report(id)
            assert (report["id"], report["verdict"]) == (id, work[id]), report

    def check_waiting(self):
        """Who waits hears of the end, at whichever server; servers that connect again have missed nothing."""
        for server in self.servers:
            answer = server.ready().post(submission("python", "print(1)", [test(expected="1")]), "?wait=60")
            assert answer.status == 200 and answer.json["verdict"] == "OK", answer

    def repeated(self):
        """The rows that were judged more than once, or lost their server; "" if there is none."""
        return self.sql("SELECT id, attempts, restarts FROM job WHERE attempts > 1 OR restarts > 0")


class Load(threading.Thread):
    """Sends all work, each until some server has accepted it, to the servers in turn.
    accepted: {id: verdict}; odd: answers that are neither that nor a refusal for now."""

    def __init__(self, servers, work, pause=0.0):
        super().__init__(daemon=True)
        self.servers, self.work, self.pause = itertools.cycle(servers), work, pause
        self.accepted, self.odd, self.refused, self.slowest = {}, [], 0, 0.0
        self.stop = threading.Event()

    def run(self):
        for sent, verdict in self.work:
            while not self.stop.is_set() and not self.try_once(sent, verdict):
                self.stop.wait(0.05)
            self.stop.wait(self.pause)

    def try_once(self, sent, verdict):
        began = time.monotonic()
        try:
            answer = next(self.servers).client.post(sent, timeout=20)
        except AWAY:
            return False
        self.slowest = max(self.slowest, time.monotonic() - began)
        if answer.status in (200, 202):
            self.accepted[sent["id"]] = verdict
            return True
        if answer.status in (429, 503):
            assert "Retry-After" in answer.headers, answer
            self.refused += 1
            return False
        self.odd.append(answer)
        return True

    def all_accepted(self, seconds):
        self.join(seconds)
        self.stop.set()
        assert not self.is_alive() and not self.odd, (len(self.accepted), self.odd)
        return self.accepted


class Stopped:
    """with Stopped(server): all of its process stands still."""

    def __init__(self, server):
        self.pid = server.pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *failure):
        os.kill(self.pid, signal.SIGCONT)


@contextlib.contextmanager
def long_transaction(url, *statements):
    """Somebody else's, which has begun with these and does not end."""
    p = subprocess.Popen(psql(url), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    p.stdin.write("BEGIN;" + ";".join(statements) + ";SELECT 'begun';\n")
    p.stdin.flush()
    assert p.stdout.readline()
    try:
        yield
    finally:
        p.communicate("ROLLBACK;\n", timeout=20)
