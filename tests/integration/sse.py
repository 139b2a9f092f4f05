"""A client of server-sent events that shows every byte: when it came, and what it was."""

import json
import re
import socket
import time


class Event:
    def __init__(self, at, block):
        self.at, self.block = at, block
        self.name, self.id, self.data = None, None, None
        for line in block.split("\n"):
            field, _, value = line.partition(": ")
            assert field in ("event", "id", "data", "retry", ":", ""), f"forged: {block!r}"
            if field == "event":
                assert self.name is None, f"two events in one: {block!r}"
                self.name = value
            elif field == "id":
                self.id = value
            elif field == "data":
                assert self.data is None, f"two lines of data: {block!r}"
                self.data = json.loads(value)

    @property
    def number(self):
        return int(self.id.rsplit("-", 1)[1]) if self.id else None

    def __repr__(self):
        return f"<{self.name} {self.id} {self.data}>"


class Stream:
    """GET path. Events that carry neither a name nor data (greeting, heartbeat) are in `quiet`."""

    def __init__(self, server, path, last=None, receive_buffer=None, method="GET"):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((server.client.host, server.client.port))
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
        head += f"Last-Event-ID: {last}\r\n" if last is not None else ""
        self.socket.sendall(head.encode() + b"\r\n")
        self.raw, self.text, self.events, self.quiet = b"", "", [], []
        self.head, self.ended, self.last_id = None, False, None

    def read_head(self, seconds=20):
        self._until(lambda: self.head, seconds, "an answer")
        return self

    @property
    def status(self):
        return int(self.head.split(" ")[1])

    def header(self, name):
        found = re.search(rf"\r\n{name}: ([^\r]*)", self.head, re.IGNORECASE)
        return found and found.group(1)

    def until(self, condition, seconds=30):
        """Reads until condition(events) or the end; the events so far."""
        self._until(lambda: condition(self.events), seconds, "the event waited for")
        return self.events

    def to_end(self, seconds=60):
        self._until(lambda: self.ended, seconds, "the end")
        return self.events

    def _until(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition() and not self.ended:
            left = end - time.monotonic()
            assert left > 0, f"{what}: not within {seconds} s; so far {self.events[-5:]}"
            self.socket.settimeout(left)
            try:
                piece = self.socket.recv(1 << 20)
            except socket.timeout:
                continue
            except ConnectionResetError:
                piece = b""
            self.take(piece)
        assert condition() or self.ended, what

    def take(self, piece):
        now = time.monotonic()
        self.ended = self.ended or not piece
        self.raw += piece
        if self.head is None:
            head, found, rest = self.raw.partition(b"\r\n\r\n")
            if not found:
                return
            self.head, self.raw = head.decode(), rest
        if not self.chunked():
            return
        blocks = self.text.split("\n\n")
        self.text = blocks.pop()
        for block in blocks:
            event = Event(now, block)
            self.last_id = event.id or self.last_id
            (self.events if event.name else self.quiet).append(event)

    def chunked(self):
        """Moves whole chunks of raw to text."""
        if self.header("Transfer-Encoding") != "chunked":
            self.text = self.raw.decode()
            return False
        while True:
            size, found, rest = self.raw.partition(b"\r\n")
            if not found:
                return True
            length = int(size, 16)
            if len(rest) < length + 2:
                return True
            self.text += rest[:length].decode()
            self.raw = rest[length + 2:]
            self.ended = self.ended or length == 0

    def close(self):
        self.socket.close()
