"""The ways in: Kafka, or HTTP where no broker is to be had.

A door sends at once and never waits for an answer; answers are handed to on_report(monotonic time,
report), by threads of the door's own.
"""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import re
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from .servers import Trouble

OnReport = Callable[[float, dict[str, Any]], None]
PATIENCE = 15  # seconds that a broker may take to make a topic
ANSWER = 300  # seconds that HTTP may wait for a report


class Door(Protocol):
    def send(self, id: str, body: bytes) -> None: ...

    def check(self) -> None:
        """Raises Trouble when nothing can be sent or received any more."""

    def close(self) -> None: ...


class Topics:
    """The topics and the group of one run, which nobody else uses."""

    def __init__(self, brokers: str, name: str):
        self.brokers, self.scripts, self.results = brokers, name, name + "-results"
        self.partitions = self._make(self.scripts)
        self._make(self.results)

    def _make(self, topic: str) -> int:
        """A broker makes a topic when it is asked for; returns how many partitions it has."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            done = subprocess.run(["kcat", "-b", self.brokers, "-L", "-J", "-t", topic],
                                  capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
            found = json.loads(done.stdout)["topics"] if done.returncode == 0 else []
            if found and found[0]["partitions"]:
                return len(found[0]["partitions"])
            time.sleep(0.2)
        raise Trouble(f"topic {topic} at {self.brokers}: {done.stderr.decode()[-300:] or 'none'}")

    def settings(self) -> dict[str, str]:
        """Those of a server."""
        return {"KAFKA_BROKERS": self.brokers, "KAFKA_TOPIC": self.scripts,
                "KAFKA_RESULTS_TOPIC": self.results, "KAFKA_GROUP_ID": self.scripts + "-group"}


class KafkaDoor:
    """tests/simulator/pipe.c: lines in, lines out."""

    def __init__(self, pipe: pathlib.Path, topics: Topics, on_report: OnReport):
        self.process = subprocess.Popen(
            [str(pipe)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
            env={**os.environ, "KAFKA_BROKER": topics.brokers, "KAFKA_TOPIC": topics.scripts,
                 "KAFKA_RESULTS_TOPIC": topics.results,
                 "KAFKA_CONSUMER_GROUP": topics.scripts + "-reader"})
        assert self.process.stdin and self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout
        if self.output.readline() != b"ready\n":
            raise Trouble(f"no way to the topics at {topics.brokers}: it ended with "
                          f"{self.process.wait()}")
        self.on_report = on_report
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.output:
            self.on_report(time.monotonic(), json.loads(line))

    def send(self, id: str, body: bytes) -> None:
        try:
            self.input.write(id.encode() + b"\t" + body + b"\n")
            self.input.flush()
        except BrokenPipeError as e:
            raise Trouble(f"the way to Kafka ended with {self.process.wait()}") from e

    def check(self) -> None:
        if self.process.poll() is not None:
            raise Trouble(f"the way to Kafka ended with {self.process.returncode}")

    def close(self) -> None:
        try:
            self.input.close()
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


class HttpDoor:
    """A thread for each submission, which waits for its report."""

    def __init__(self, port: int, on_report: OnReport):
        self.port, self.on_report = port, on_report
        self.trouble = ""

    def send(self, id: str, body: bytes) -> None:
        threading.Thread(target=self._judge, args=(id, body), daemon=True).start()

    def _judge(self, id: str, body: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER + 30)
        try:
            connection.request("POST", f"/submissions?wait={ANSWER}", body,
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 200:
                self.on_report(time.monotonic(), json.loads(text))
            elif answer.status != 202:
                self.trouble = f"POST of {id}: {answer.status} {text[:300]!r}"
        except (OSError, http.client.HTTPException) as e:
            self.trouble = f"POST of {id}: {e}"
        finally:
            connection.close()

    def check(self) -> None:
        if self.trouble:
            raise Trouble(self.trouble)

    def close(self) -> None:
        """Threads that still wait are ended with the process."""


def topic_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)
