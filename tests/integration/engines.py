"""Docker as the tests see it: the engine that is there, and a second one that may be hurt."""

import http.client
import http.server
import json
import os
import re
import select
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import urllib.parse

from harness import wait_for

DOCKER_HOST = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def docker(path, host=DOCKER_HOST):
    """GET of the Engine API, or None for a 404."""
    connection = UnixConnection(host.removeprefix("unix://"))
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status in (200, 404), body
        return json.loads(body) if answer.status == 200 else None
    finally:
        connection.close()


def containers(server, host=DOCKER_HOST):
    """Every container, running or not, whose cell directory is one of this server's."""
    filters = urllib.parse.quote(json.dumps({"label": ["scrc.table"]}))
    found = docker(f"/containers/json?all=1&filters={filters}", host) or []
    return [c for c in found
            if any(m.get("Source", "").startswith(server.cells + "/") for m in c["Mounts"])]


def instances(server, host=DOCKER_HOST):
    return {c["Labels"]["scrc.instance"] for c in containers(server, host)}


class RefusingEngine:
    """The engine that is there, which refuses some of what it is asked."""

    def __init__(self, path):
        self.path, self.rules, self.refused = path, [], 0
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host(self):
        return "unix://" + self.path

    def refuse(self, request, times=1 << 30, silent=False):
        """So many requests whose first line fits get a 500, or no answer at all."""
        self.rules.append([re.compile(request), times, silent])

    def relent(self):
        self.rules = []

    def _rule(self, data):
        line = data.split(b"\r\n", 1)[0].decode(errors="replace")
        for rule in self.rules:
            if rule[0].match(line) and rule[1] > 0:
                rule[1], self.refused = rule[1] - 1, self.refused + 1
                return rule
        return None

    def _accept(self):
        try:
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()
        except OSError:
            pass  # closed

    def _carry(self, client):
        with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
            engine.connect(DOCKER_HOST.removeprefix("unix://"))
            other = {client: engine, engine: client}
            try:
                while True:
                    for s in select.select([client, engine], [], [])[0]:
                        data = s.recv(65536)
                        if not data:
                            return
                        rule = self._rule(data) if s is client else None
                        if rule and rule[2]:
                            while client.recv(65536):
                                pass
                            return
                        if rule:
                            client.sendall(b"HTTP/1.1 500 Not now\r\nContent-Length: 24\r\n\r\n"
                                           b'{"message": "not today"}')
                        else:
                            other[s].sendall(data)
            except OSError:
                pass  # whoever is left sees the end

    def close(self):
        self.listener.close()


class WatchedEngine:
    """The engine that is there, which tells what it is asked, `calls` of (method, path), and may be
    made to tell something else: change(method, path, document) of every JSON answer that is good."""

    def __init__(self, path, change=lambda method, path, document: document):
        self.path, self.calls = path, []
        calls = self.calls

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except OSError:  # whoever asked has gone
                    self.close_connection = True

            def carry(self):
                calls.append((self.command, self.path))
                length = int(self.headers.get("Content-Length", 0))
                headers = {k: v for k, v in self.headers.items() if k in ("Host", "Content-Type")}
                engine = UnixConnection(DOCKER_HOST.removeprefix("unix://"))
                engine.request(self.command, self.path, self.rfile.read(length), headers)
                answer = engine.getresponse()
                body, kind = answer.read(), answer.headers.get("Content-Type", "")
                if body and answer.status in (200, 201) and kind == "application/json":
                    document = change(self.command, self.path, json.loads(body))
                    body = json.dumps(document).encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", kind)
                if answer.status not in (204, 304):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                engine.close()

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = carry

            def address_string(self):
                return "scrc"

            def log_message(self, *_):
                pass

        class Listener(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads, request_queue_size = True, 64

        self.listener = Listener(path, Handler)
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    @property
    def host(self):
        return "unix://" + self.path

    def close(self):
        self.listener.shutdown()
        self.listener.server_close()


class Engine:
    """A dockerd of our own, on a disk of 1 GiB that can be filled. Its images come from the first
    one by save and load."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="scrc-e.", dir="/tmp")
        self.socket = self.dir + "/docker.sock"
        self.host = "unix://" + self.socket
        self.process = None
        os.mkdir(self.dir + "/data")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "scrc-test", self.dir + "/data"],
                       check=True)

    def start(self, *options):
        log = open(self.dir + "/log", "ab")
        self.process = subprocess.Popen(
            ["dockerd", "-H", self.host, "--data-root", self.dir + "/data",
             "--exec-root", self.dir + "/exec", "--pidfile", self.dir + "/pid",
             "--iptables=false", "--ip6tables=false", "--bridge=none", *options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_for(self.answers, 60, "second dockerd", pause=0.1)
        return self

    def answers(self):
        assert self.process.poll() is None, open(self.dir + "/log").read()[-2000:]
        try:
            return docker("/version", self.host)
        except (OSError, http.client.HTTPException):
            return None

    def load(self, *images):
        save = subprocess.Popen(["docker", "-H", DOCKER_HOST, "save", *images],
                                stdout=subprocess.PIPE)
        subprocess.run(["docker", "-H", self.host, "load", "-q"], stdin=save.stdout,
                       stdout=subprocess.DEVNULL, check=True, timeout=180)
        assert save.wait(30) == 0

    def stop(self, how=signal.SIGTERM):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)
        # What a killed one leaves: where init reaps late, the pids look alive to the next start.
        for name in ("docker.sock", "pid", "exec/containerd/containerd.pid"):
            if os.path.exists(f"{self.dir}/{name}"):
                os.unlink(f"{self.dir}/{name}")

    def leftovers(self):
        """Processes that name our directory: containerd and shims of a killed dockerd."""
        pids = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if self.dir.encode() in f.read() and int(pid) != os.getpid():
                        pids.append(int(pid))
            except OSError:
                pass
        return pids

    def close(self):
        self.stop()
        for pid in self.leftovers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for(lambda: not self.leftovers(), 20, "second dockerd's children")
        with open("/proc/self/mounts") as f:
            mounts = [line.split()[1] for line in f if line.split()[1].startswith(self.dir)]
        for mount in sorted(mounts, reverse=True):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
