"""The servers of a case: replicas in one consumer group, each with its own files and its own port."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any

LISTENING = 30  # seconds
READY = 1200  # seconds; images may have to be pulled
PATIENCE = 60  # seconds that a server has to end, and Kafka to share its partitions out


class Trouble(Exception):
    """A server or a broker does not do what the suite needs; it says what."""


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() >= end:
            raise Trouble(f"{what}: not within {seconds:g} s")
        time.sleep(0.05)
    return value


class Server:
    """One process on a directory of its own."""

    def __init__(self, program: pathlib.Path, directory: pathlib.Path, settings: dict[str, str]):
        self.directory, self.settings = directory, settings
        (directory / "c").mkdir(parents=True)
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", str(program)], cwd=directory, stderr=log,
                stdout=log, stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, **settings, "HTTP_LISTEN": "127.0.0.1:0",
                     "DATA_DIR": str(directory / "data"), "CELL_DIR": str(directory / "c")})

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def check_alive(self) -> None:
        if self.process.poll() is not None:
            raise Trouble(f"a server ended with {self.process.returncode}:\n{self.said()[-2000:]}")

    @property
    def port(self) -> int:
        def found() -> re.Match[str] | None:
            self.check_alive()
            return re.search(r"event=listening .*address=\S*?:(\d+)", self.said())
        return int(wait_for(found, LISTENING, "a server listens").group(1))

    def get(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def wait_ready(self, languages: Iterable[str]) -> None:
        """It can judge all of these languages, and has ended the tests of the others, for those take
        the same cores."""
        def able() -> bool:
            self.check_alive()
            states = {x["name"]: x for x in self.get("/languages")[1]["languages"]}
            for name in languages:
                if states[name]["state"] == "failed":
                    raise Trouble(f"{name}: {states[name]['error']}")
            return (all(states[name]["state"] == "ok" for name in languages)
                    and all(x["state"] != "pending" for x in states.values())
                    and self.get("/readyz")[0] == 200)
        wait_for(able, READY, "a server is ready")

    def partitions(self) -> int:
        """How many of the topic it was told are its own."""
        found = re.findall(r"event=kafka_assigned .*partitions=(\d+)", self.said())
        return int(found[-1]) if found else 0


class Servers:
    """All of one case. As a context they are ended with it."""

    def __init__(self, program: pathlib.Path, directory: pathlib.Path, count: int,
                 settings: dict[str, str]):
        self.all: list[Server] = []
        try:
            for number in range(1, count + 1):
                self.all.append(Server(program, directory / str(number), settings))
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *exception: object) -> None:
        self.end()

    def wait_ready(self, languages: Iterable[str]) -> None:
        for server in self.all:
            server.wait_ready(languages)

    def wait_shared(self, partitions: int) -> None:
        """Each has its share of the topic's partitions."""
        if partitions < len(self.all):
            raise Trouble(f"{len(self.all)} servers cannot share {partitions} partitions: set "
                          "num.partitions of the broker to 12")

        def shared() -> bool:
            self.check_alive()
            each = [server.partitions() for server in self.all]
            return sum(each) == partitions and min(each) > 0
        wait_for(shared, PATIENCE, f"{len(self.all)} servers share {partitions} partitions")

    def check_alive(self) -> None:
        for server in self.all:
            server.check_alive()

    def end(self) -> None:
        for server in self.all:
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGTERM)
        for server in self.all:
            try:
                server.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                server.process.kill()
                server.process.wait()
