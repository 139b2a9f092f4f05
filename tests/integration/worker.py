"""A member of a consumer group whose metadata is, byte by byte, what the Go worker's client
(segmentio/kafka-go) sends: version 1, which it says, without the partitions that belong to it."""

import socket
import struct
import threading
import time

from broker import COORDINATOR_NOT_YET

CLIENT = "worker@go (github.com/segmentio/kafka-go)"
FIND, JOIN, HEARTBEAT, LEAVE, SYNC = (10, 1), (11, 2), (12, 1), (13, 1), (14, 1)  # API and version
REBALANCE = 27
SESSION_MS, REBALANCE_MS = 6000, 30000


def text(s):
    return struct.pack(">h", len(s)) + s.encode()


def data(b):
    return struct.pack(">i", -1 if b is None else len(b)) + (b or b"")


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def metadata(topic):
    return struct.pack(">h", 1) + array([text(topic)]) + data(None)


def assignment(topic, partitions):
    return (struct.pack(">h", 1) + array([text(topic) + array([struct.pack(">i", p)
                                                               for p in partitions])]) + data(None))


class Reader:
    def __init__(self, b):
        self.b, self.at = b, 0

    def number(self, kind):
        (n,) = struct.unpack_from(">" + kind, self.b, self.at)
        self.at += struct.calcsize(kind)
        return n

    def data(self, kind="i"):
        n = self.number(kind)
        self.at += max(n, 0)
        return self.b[self.at - n:self.at] if n > 0 else b""

    def text(self):
        return self.data("h").decode()


class Worker:
    """Joins, and joins again at each rebalance; who leads shares the partitions out by range."""

    def __init__(self, bootstrap, group, topic, partitions):
        host, port = bootstrap.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.group, self.topic, self.partitions = group, topic, partitions
        self.member, self.generation, self.mine, self.joined = "", -1, None, 0
        self.ending = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self._live, daemon=True)
        self.thread.start()

    def _ask(self, api, body):
        request = struct.pack(">hhi", *api, 1) + text(CLIENT) + body
        self.socket.sendall(data(request))
        size = struct.unpack(">i", self._read(4))[0]
        answer = Reader(self._read(size))
        answer.number("i")  # correlation
        answer.number("i")  # throttle
        return answer, answer.number("h")

    def _read(self, n):
        out = b""
        while len(out) < n:
            more = self.socket.recv(n - len(out))
            assert more, "the broker has hung up"
            out += more
        return out

    def _join(self):
        protocols = array([text(name) + data(metadata(self.topic))
                           for name in ("range", "roundrobin")])
        answer, error = self._ask(JOIN, text(self.group) + struct.pack(">ii", SESSION_MS, REBALANCE_MS)
                                  + text(self.member) + text("consumer") + protocols)
        if error in COORDINATOR_NOT_YET:
            self._ask(FIND, text(self.group) + b"\0")
            time.sleep(0.2)
            return self._join()
        assert error == 0, f"join: {error}"
        self.generation = answer.number("i")
        answer.text()  # protocol
        leader, self.member = answer.text(), answer.text()
        members = [(answer.text(), answer.data())[0] for _ in range(answer.number("i"))]
        shares = self._shares(sorted(members)) if leader == self.member else []
        answer, error = self._ask(SYNC, text(self.group) + struct.pack(">i", self.generation)
                                  + text(self.member) + array(shares))
        if error == REBALANCE:
            return
        assert error == 0, f"sync: {error}"
        self.mine = self._assigned(Reader(answer.data()))
        self.joined += 1

    def _shares(self, members):
        return [text(m) + data(assignment(self.topic, [p for p in range(self.partitions)
                                                       if p * len(members) // self.partitions == n]))
                for n, m in enumerate(members)]

    def _assigned(self, share):
        if not share.b:
            return []
        share.number("h")
        found = []
        for _ in range(share.number("i")):
            share.text()
            found += [share.number("i") for _ in range(share.number("i"))]
        return found

    def _live(self):
        try:
            self._join()
            while not self.ending.wait(0.2):
                _, error = self._ask(HEARTBEAT, text(self.group) +
                                     struct.pack(">i", self.generation) + text(self.member))
                if error == REBALANCE:
                    self._join()
                else:
                    assert error == 0, f"heartbeat: {error}"
            self._ask(LEAVE, text(self.group) + text(self.member))
        except Exception as e:  # told where the test looks
            self.error = e
        finally:
            self.socket.close()

    def leave(self):
        self.ending.set()
        self.thread.join(60)
        assert self.error is None, self.error
