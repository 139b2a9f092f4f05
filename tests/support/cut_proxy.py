#!/usr/bin/python3
"""cut_proxy.py URL - a way to a PostgreSQL server that can break: a proxy on loopback which knows the
messages of the protocol (version 3) and may hold them or cut the connection at one of them.

As a program it says `ready URL`, the way through it, obeys a line at a time and answers `ok` or `failed`:
  pass              what is held goes on, and who was refused may come (as at the beginning)
  hold              both ways: connections stay open, new ones too, and nothing arrives
  hold answers      what clients send arrives, what the server answers does not
  cut               all connections, now
  refuse            cuts all and refuses new ones
  cut commit N      the connection that sends its Nth COMMIT from now, before the server has it
  cut answer N      the connection whose COMMIT is answered as the Nth from now, before the client has it
  cut bytes N       the connection that carries the Nth byte of answers from now, in the middle of a message
  cut WHAT N refuse cuts all then, and refuses new ones
  wait              answers when the cut that was asked for has come: `ok`, or `failed` after a minute
It ends when its input does. Without TLS, which it declines when a client asks.

In Python: with CutProxy(url) as proxy: proxy.cut_at("answer", 1); ...; proxy.wait()
"""

import contextlib
import re
import socket
import struct
import sys
import threading
import urllib.parse

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
PATIENCE = 60  # seconds


def address_of(url):
    """(host or directory of the socket, port)"""
    parts = urllib.parse.urlsplit(url)
    given = urllib.parse.parse_qs(parts.query)
    return (parts.hostname or given.get("host", ["/var/run/postgresql"])[0],
            parts.port or int(given.get("port", ["5432"])[0]))


def url_through(url, port):
    parts = urllib.parse.urlsplit(url)
    who = parts.netloc.rpartition("@")[0]
    return f"{parts.scheme}://{who}{'@' if who else ''}127.0.0.1:{port}{parts.path}?sslmode=disable"


class Gone(Exception):
    """The other side has closed, or we have."""


def read_exactly(sock, size):
    found = bytearray()
    while len(found) < size:
        some = sock.recv(size - len(found))
        if not some:
            raise Gone
        found += some
    return bytes(found)


def read_message(sock):
    head = read_exactly(sock, 5)
    return head + read_exactly(sock, struct.unpack(">I", head[1:])[0] - 4)


def texts(body):
    """The first two texts of a message, each with a NUL behind it."""
    return (body.split(b"\0", 2) + [b"", b""])[:2]


class Commits:
    """Finds COMMIT among the messages of one client, in all ways to send it."""

    def __init__(self):
        self.statements, self.portals = {}, {}

    def is_one(self, message):
        """True for the last message that does it: with it the server would commit."""
        kind, body = message[:1], message[5:]
        if kind == b"Q":
            return self.commits(body)
        first, second = texts(body)
        if kind == b"P":
            self.statements[first] = self.commits(second)
        elif kind == b"B":
            self.portals[first] = self.statements.get(second, False)
        return kind == b"E" and self.portals.get(first, False)

    @staticmethod
    def commits(text):
        return re.search(rb"(^|;)\s*(COMMIT|END)( TRANSACTION| WORK)?[\s;\0]*$", text, re.I) is not None


class Connection:
    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.server = None
        self.commits = Commits()

    def run(self):
        answers = threading.Thread(target=self.carry_answers, daemon=True)
        with contextlib.suppress(OSError, Gone):
            startup = self.read_startup()
            self.server = self.proxy.connect()
            self.proxy.may_pass("to server")
            self.server.sendall(startup)
            answers.start()
            self.carry_requests()
        self.cut()
        if answers.ident:
            answers.join()
        for sock in filter(None, (self.client, self.server)):
            sock.close()
        self.proxy.forget(self)

    def read_startup(self):
        """The first message has no letter; before it a client may ask for encryption."""
        while True:
            head = read_exactly(self.client, 8)
            size, code = struct.unpack(">II", head)
            if code not in (SSL_REQUEST, GSS_REQUEST):
                return head + read_exactly(self.client, size - 8)
            self.proxy.may_pass("to client")
            self.client.sendall(b"N")

    def carry_requests(self):
        while True:
            message = read_message(self.client)
            self.proxy.may_pass("to server")
            if self.commits.is_one(message) and self.proxy.is_due("commit", 1):
                return
            self.server.sendall(message)

    def carry_answers(self):
        with contextlib.suppress(OSError, Gone):
            while True:
                message = read_message(self.server)
                self.proxy.may_pass("to client")
                if message[:1] == b"C" and message[5:] == b"COMMIT\0" and self.proxy.is_due("answer", 1):
                    break
                if self.proxy.is_due("bytes", len(message)):
                    self.client.sendall(message[:len(message) // 2])
                    break
                self.client.sendall(message)
        self.cut()

    def cut(self):
        for sock in filter(None, (self.client, self.server)):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes whoever reads it, on both sides


class CutProxy:
    """Threads: its own, one for each direction of each connection; all methods from any thread."""

    def __init__(self, url):
        self.upstream = address_of(url)
        self.changed = threading.Condition()
        self.held = set()  # the directions that are held
        self.holding = 0  # how many messages wait to go on
        self.due = None  # what is cut next: "commit", "answer" or "bytes"
        self.left = 0
        self.then_refuse = False
        self.refused = self.closed = False
        self.connections = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = url_through(url, self.port)
        self._accept_in_background()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.close()

    def close(self):
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self._close_listener()
        self.cut()

    # ---- what a test asks for ----

    def pass_on(self):
        """What is held goes on, and who was refused may come."""
        with self.changed:
            self.held = set()
            refused, self.refused = self.refused, False
            self.changed.notify_all()
        if refused:
            self._accept_in_background()

    def hold(self, *directions):
        """Of "to server", "to client"; without a word both."""
        with self.changed:
            self.held = set(directions or ("to server", "to client"))

    def cut(self):
        """All connections, now."""
        for connection in list(self.connections):
            connection.cut()

    def refuse(self):
        with self.changed:
            refused, self.refused = self.refused, True
        if not refused:
            self._close_listener()
            self.listener = socket.socket()  # it keeps the port, and does not listen yet
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", self.port))
        self.cut()

    def _close_listener(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()

    def cut_at(self, what, nth=1, then_refuse=False):
        """The connection that carries the nth "commit" to the server, "answer" to a COMMIT or "bytes" of
        answers from now: cut instead of it. then_refuse: all others too, and nobody connects again."""
        assert what in ("commit", "answer", "bytes"), what
        with self.changed:
            self.due, self.left, self.then_refuse = what, nth, then_refuse

    def wait(self, seconds=PATIENCE):
        """Until the cut that was asked for has come."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.due is None, seconds), f"no {self.due} to cut at"

    # ---- what connections ask ----

    def _accept_in_background(self):
        self.listener.listen(64)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an answer is many messages
                connection = Connection(self, client)
                with self.changed:
                    if self.refused or self.closed:  # it came in the last moment
                        connection.client.close()
                        return
                    self.connections.add(connection)
                threading.Thread(target=connection.run, daemon=True).start()

    def connect(self):
        host, port = self.upstream
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def may_pass(self, direction):
        with self.changed:
            self.holding += 1
            self.changed.wait_for(lambda: self.closed or direction not in self.held)
            self.holding -= 1

    def is_due(self, what, amount):
        with self.changed:
            if self.due != what:
                return False
            self.left -= amount
            if self.left > 0:
                return False
            self.due = None
            then_refuse, self.then_refuse = self.then_refuse, False
        if then_refuse:
            self.refuse()
        with self.changed:
            self.changed.notify_all()
        return True

    def forget(self, connection):
        with self.changed:
            self.connections.discard(connection)


def obey(proxy, words):
    match words:
        case ["pass"]:
            proxy.pass_on()
        case ["hold"]:
            proxy.hold()
        case ["hold", "answers"]:
            proxy.hold("to client")
        case ["cut"]:
            proxy.cut()
        case ["refuse"]:
            proxy.refuse()
        case ["cut", what, nth]:
            proxy.cut_at(what, int(nth))
        case ["cut", what, nth, "refuse"]:
            proxy.cut_at(what, int(nth), True)
        case ["wait"]:
            proxy.wait()
        case _:
            raise ValueError(words)


def main(url):
    with CutProxy(url) as proxy:
        print("ready", proxy.url, flush=True)
        for line in sys.stdin:
            try:
                obey(proxy, line.split())
                print("ok", flush=True)
            except (AssertionError, OSError, ValueError) as e:
                print("failed:", e, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
