"""A real Kafka broker as a process of ours, and kcat beside it: a client that shares no code with
the server's."""

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from collections import Counter
from typing import NamedTuple, Optional

import pytest

from harness import ROOT, wait_for

KAFKA_HOME = os.environ.get("SCRC_KAFKA_HOME", "")
KAFKA_SH = os.path.join(ROOT, "script/lib/kafka.sh")
READY = 90  # seconds a broker may take to answer on a busy machine
COORDINATOR_NOT_YET = 14, 15, 16  # a group's, when the broker has just come

# What separates messages, and keys from values, on the way into kcat; as bytes and as it wants them.
END, KEY = b"\x1eM\x1e", b"\x1eK\x1e"
DELIMITERS = ["-D", r"\x1eM\x1e", "-K", r"\x1eK\x1e"]


def need_kafka():
    """Skips where there is no broker to start."""
    if not KAFKA_HOME:
        pytest.skip("no Kafka broker: SCRC_KAFKA_HOME is not set")


@contextlib.contextmanager
def running(broker):
    """A broker or cluster of the test's own, which it may end."""
    try:
        yield broker.start()
    finally:
        broker.close()


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def protocol_text(text):
    """A string as Kafka's protocol has it."""
    return struct.pack(">h", len(text)) + text.encode()


class Message(NamedTuple):
    """value None is a tombstone. What is read also says where it was."""
    value: Optional[bytes]
    key: Optional[bytes] = None
    headers: tuple = ()  # ((name, value bytes or None), ...)
    topic: str = ""
    partition: int = -1
    offset: int = -1
    timestamp: int = -1

    @property
    def json(self):
        return json.loads(self.value)

    @property
    def header(self):
        return {name: value.decode("utf-8", "replace") for name, value in self.headers}


def message_of(line):
    """One line of kcat -J. It copies bytes into its JSON as they are, UTF-8 or not."""
    said = json.loads(line.decode("utf-8", "surrogateescape"))

    def raw(text):
        return None if text is None else text.encode("utf-8", "surrogateescape")
    flat = said.get("headers", [])
    headers = tuple((flat[i], raw(flat[i + 1])) for i in range(0, len(flat), 2))
    return Message(raw(said["payload"]), raw(said["key"]), headers, said["topic"],
                   said["partition"], said["offset"], said["ts"])


class Broker:
    """Ports and data stay the same through stop(), kill9() and start(). settings: what counts
    instead of script/lib/kafka.sh's, by its names; heap: of the JVM."""

    def __init__(self, settings=None, heap="512m"):
        self.dir = tempfile.mkdtemp(prefix="scrc-k.", dir="/tmp")
        self.process = None
        self.heap = heap
        with open(self.dir + "/more.properties", "w") as f:
            f.writelines(f"{name}={value}\n" for name, value in (settings or {}).items())

    def _shell(self, *command):
        return ["bash", "-c", 'set -eu; . "$0"; "$@"', KAFKA_SH, *command]

    def spawn(self):
        """Starts it without waiting for an answer."""
        with open(self.dir + "/log", "ab") as log:
            self.process = subprocess.Popen(self._shell("kafka_run", self.dir), stdout=log,
                                            stdin=subprocess.DEVNULL, stderr=log,
                                            env={**os.environ, "SCRC_KAFKA_HEAP": self.heap})
        return self

    def start(self):
        self.spawn()
        wait_for(self.answers, READY, "Kafka broker", pause=0.2)
        return self

    @property
    def bootstrap(self):
        with open(self.dir + "/server.properties") as f:
            listeners = [line for line in f if line.startswith("advertised.listeners=")]
        return listeners[-1].strip().split(",")[0].split("//")[1]

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def answers(self):
        assert self.alive(), "the broker ended:\n" + self.log()[-3000:]
        if not os.path.exists(self.dir + "/server.properties"):
            return False
        return subprocess.run(["kcat", "-b", self.bootstrap, "-L", "-m", "2"],
                              stdin=subprocess.DEVNULL, capture_output=True).returncode == 0

    def log(self):
        with open(self.dir + "/log", errors="replace") as f:
            return f.read()

    def _end(self, how):
        if self.alive():
            self.process.send_signal(how)
            self.process.wait(60)

    def stop(self):
        self._end(signal.SIGTERM)

    def kill9(self):
        self._end(signal.SIGKILL)

    def restart(self, kill=False):
        self.kill9() if kill else self.stop()
        return self.start()

    def close(self):
        self.kill9()
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- Kafka's own commands ----

    def tool(self, name, *arguments):
        command = self._shell("kafka_tool", "org.apache.kafka.tools." + name,
                              "--bootstrap-server", self.bootstrap, *arguments)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0 and "Error:" not in done.stdout, (arguments, done)
        return done.stdout

    def create_topic(self, name, partitions=1, replicas=None, **settings):
        """create_topic("t", 3, max_message_bytes=5000); replicas: of the one partition, by the ids
        of their brokers, of which the first leads. It is there for every client when this returns:
        the controller has it a moment before the broker that is asked."""
        entry = protocol_text(name)
        if replicas is None:
            entry += struct.pack(">ihi", partitions, 1, 0)
        else:
            entry += struct.pack(">ihiii", -1, -1, 1, 0, len(replicas))
            entry += b"".join(struct.pack(">i", id) for id in replicas)
        entry += struct.pack(">i", len(settings))
        for setting, value in settings.items():
            entry += protocol_text(setting.replace("_", ".")) + protocol_text(str(value))
        create_topics, limit_ms, only_try = 19, 30000, False
        said = self.ask(create_topics, 2, struct.pack(">i", 1) + entry +
                        struct.pack(">i?", limit_ms, only_try))
        (error,) = struct.unpack_from(">h", said, 12 + len(protocol_text(name)))
        assert error == 0, said
        wait_for(lambda: name in self.topics(), 60, f"the broker to know of {name}", pause=0.02)
        return name

    def ask(self, api, version, body):
        """One request of Kafka's protocol and its answer: its own commands take a JVM's start."""
        head = struct.pack(">hhih4s", api, version, 7, 4, b"test")
        host, port = self.bootstrap.split(":")
        with socket.create_connection((host, int(port)), 30) as s:
            s.sendall(struct.pack(">i", len(head + body)) + head + body)
            answer = s.makefile("rb")
            (size,) = struct.unpack(">i", answer.read(4))
            return answer.read(size)

    def delete_records(self, name, before):
        """Of each partition in {partition: offset} what lies before the offset."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump({"version": 1, "partitions": [
                {"topic": name, "partition": p, "offset": o} for p, o in before.items()]}, f)
            f.flush()
            self.tool("DeleteRecordsCommand", "--offset-json-file", f.name)

    def topics(self):
        said = json.loads(self.kcat("-L", "-J").stdout)
        return {t["topic"] for t in said["topics"]}

    def delete_topic(self, name):
        self.tool("TopicCommand", "--delete", "--topic", name)

    def add_partitions(self, name, total):
        self.tool("TopicCommand", "--alter", "--topic", name, "--partitions", str(total))

    def reset_offsets(self, group, topic, to=None):
        """Of a group without members: to the beginning, or to the offset `to` in each partition."""
        where = ["--to-earliest"] if to is None else ["--to-offset", str(to)]
        said = self.tool("consumer.group.ConsumerGroupCommand", "--group", group, "--topic", topic,
                         "--reset-offsets", *where, "--execute")
        assert topic in said, said

    def committed(self, group, topic):
        """{partition: offset} of what the group has committed."""
        offset_fetch, every_topic = 9, -1

        def answer():
            said = self.ask(offset_fetch, 2, protocol_text(group) + struct.pack(">i", every_topic))
            (error,) = struct.unpack(">h", said[-2:])
            assert error == 0 or error in COORDINATOR_NOT_YET, said
            return said if error == 0 else None
        said = wait_for(answer, 30, "the group's coordinator", pause=0.1)
        found, at = {}, 4

        def take(form):
            nonlocal at
            values = struct.unpack_from(form, said, at)
            at += struct.calcsize(form)
            return values
        for _ in range(*take(">i")):
            (length,) = take(">h")
            (name,) = take(f"{length}s")
            for _ in range(*take(">i")):
                partition, offset, length = take(">iqh")
                at += max(length, 0)
                take(">h")
                if name.decode() == topic and offset >= 0:
                    found[partition] = offset
        return found

    def lags(self, group, topic):
        """{partition: messages behind}, None where the group has committed nothing."""
        said = self.tool("consumer.group.ConsumerGroupCommand", "--group", group, "--describe")
        rows = [line.split() for line in said.splitlines()]
        return {int(r[2]): None if r[5] == "-" else int(r[5]) for r in rows
                if r[:2] == [group, topic]}

    def produce_in_transactions(self, topic, count, *lines):
        """count messages, each one of the lines, a transaction for every few."""
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
            f.write("\n".join(lines) + "\n")
            f.flush()
            self.tool("ProducerPerformance", "--topic", topic, "--num-records", str(count),
                      "--throughput", "50", "--payload-file", f.name, "--transactional-id",
                      topic + "-t", "--transaction-duration-ms", "50")

    def members(self, group, topic):
        """{member: how many partitions of the topic it has}"""
        said = self.tool("consumer.group.ConsumerGroupCommand", "--group", group, "--describe")
        rows = [line.split() for line in said.splitlines()]
        return Counter(r[6] for r in rows if r[:2] == [group, topic] and r[6] != "-")

    def leave_transaction(self, topic, seconds):
        """A producer that dies with a transaction open on the topic, which the broker ends after so
        many seconds."""
        before = len(self.consume(topic, uncommitted=True))
        tool = subprocess.Popen(self._shell(
            "kafka_tool", "org.apache.kafka.tools.ProducerPerformance", "--topic", topic,
            "--num-records", "100000", "--record-size", "10", "--throughput", "20",
            "--transactional-id", "somebody", "--transaction-duration-ms", "600000",
            "--producer-props", "bootstrap.servers=" + self.bootstrap, "linger.ms=0",
            f"transaction.timeout.ms={seconds * 1000}"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        try:
            wait_for(lambda: len(self.consume(topic, uncommitted=True)) > before, 60,
                     "a message of an open transaction", pause=0.1)
        finally:
            os.killpg(tool.pid, signal.SIGKILL)
            tool.wait()

    # ---- kcat ----

    def kcat(self, *arguments, data=b"", seconds=60):
        return subprocess.run(["kcat", "-b", self.bootstrap, *arguments], input=data,
                              capture_output=True, timeout=seconds)

    def produce(self, topic, *messages, partition=None):
        """Messages or plain bytes, in this order."""
        messages = [m if isinstance(m, Message) else Message(m) for m in messages]
        while messages:
            first = messages[0]
            run = next((i for i, m in enumerate(messages) if _kind(m) != _kind(first)),
                       len(messages))
            self._produce(topic, messages[:run], partition)
            messages = messages[run:]

    def _produce(self, topic, messages, partition):
        options = [] if partition is None else ["-p", str(partition)]
        for name, value in messages[0].headers:
            options += ["-H", name.encode() + b"=" + value]
        if messages[0].value is None:
            options += ["-Z"]
        done = self.kcat("-P", "-t", topic, *DELIMITERS, *options,
                         data=b"".join(map(_framed, messages)))
        assert done.returncode == 0 and not done.stderr, done

    def consume(self, *topics, uncommitted=False):
        """All that is on the topics now, in the order of their partitions' offsets."""
        isolation = "read_uncommitted" if uncommitted else "read_committed"
        found = []
        for topic in topics:
            # The end is an answer without messages: a short wait, or a busy topic never has one.
            done = self.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J",
                             "-X", "fetch.wait.max.ms=5", "-X", "isolation.level=" + isolation)
            if done.returncode != 0:
                assert b"Unknown topic" in done.stderr, done  # nobody wrote to it yet
                continue
            found += map(message_of, done.stdout.splitlines())
        return sorted(found, key=lambda m: (m.topic, m.partition, m.offset))

    def await_messages(self, topic, count, seconds=60):
        """All on the topic, once there are at least count."""
        seen = []

        def enough():
            seen[:] = self.consume(topic)
            return len(seen) >= count
        wait_for(enough, seconds, f"{count} messages on {topic}", pause=0.1)
        return seen


def _kind(m):
    """What one call of kcat cannot mix."""
    return m.headers, m.value is None


def _framed(m):
    assert all(mark not in part for mark in (END, KEY) for part in (m.value or b"", m.key or b""))
    if m.value is None:
        assert m.key != b"", "kcat -Z makes no difference between an empty key and none"
        return (m.key or b"") + KEY + END
    assert m.key is not None or m.value, "kcat leaves out an empty value without a key"
    return (b"" if m.key is None else m.key + KEY) + m.value + END
