"""go-judge as the other side of script/bench's row of that name, over its own REST API.

peer_go_judge.py mounts TREE FILE           writes its mount.yaml: the file system of an image unpacked at TREE
peer_go_judge.py judge WORK BATCH THREADS   builds and runs every program of BATCH, THREADS at a time; prints
                                            the seconds that took. WORK/port.<language> is where each listens
"""

import http.client
import json
import os
import pathlib
import queue
import sys
import threading
import time

from programs import PROGRAMS, TESTS, plain_commands

DIRECTORIES = ("bin", "sbin", "lib", "lib32", "lib64", "usr", "opt", "etc", "var")
# Of each language what its build leaves, and under which name its run finds that.
ARTEFACTS = {"c": ("main", "main"), "cpp": ("main", "main"), "go": ("main", "main"),
             "java": ("out/Main.class", "Main.class")}
DEVICES = ("null", "zero", "full", "random", "urandom")


def mounts(tree, file):
    lines = ["mount:"]
    for name in DIRECTORIES:
        if pathlib.Path(tree, name).is_dir():
            lines += ["  - type: bind", f"    source: {os.path.realpath(f'{tree}/{name}')}",
                      f"    target: /{name}", "    readonly: true"]
    for name in DEVICES:
        lines += ["  - type: bind", f"    source: /dev/{name}", f"    target: /dev/{name}"]
    for name in ("w", "tmp"):
        lines += ["  - type: tmpfs", f"    target: /{name}", "    data: size=256m,nr_inodes=16k"]
    lines += ["proc: true", "workDir: /w", "hostName: judge", "domainName: judge", "uid: 1536", "gid: 1536"]
    pathlib.Path(file).write_text("\n".join(lines) + "\n")


class Peer:
    """One thread's connections, and how each language is built and run."""

    def __init__(self, work):
        self.connections, self.env, self.commands = {}, {}, {}
        for language in PROGRAMS:
            port = int(pathlib.Path(work, f"port.{language}").read_text())
            self.connections[language] = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            tree = pathlib.Path(work, f"tree.{language}").read_text().strip()
            image = pathlib.Path(work, f"env.{language}").read_text().splitlines()
            self.env[language] = image + [
                "HOME=/tmp", "LANG=C.UTF-8", "CGO_ENABLED=0", "GOPROXY=off", "GOTOOLCHAIN=local",
                "GOENV=off", "GOPATH=/tmp/go", "GOCACHE=/var/tmp/go-build", "PYTHONDONTWRITEBYTECODE=1"]
            self.commands[language] = [found(words, tree, image) for words in plain_commands(language)]

    def ask(self, language, method, path, body=None):
        connection = self.connections[language]
        connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"go-judge {path}: {answer.status} {text[:300]}")
        return json.loads(text) if body else None

    def run(self, language, args, given, files, keep=()):
        out = self.ask(language, "POST", "/run", {"cmd": [{
            "args": args, "env": self.env[language],
            "files": [{"content": given}, {"name": "stdout", "max": 65536}, {"name": "stderr", "max": 65536}],
            "cpuLimit": 10 * 10**9, "clockLimit": 30 * 10**9, "memoryLimit": 1 << 30, "procLimit": 200,
            "copyIn": files, "copyOut": ["stdout", "stderr"], "copyOutCached": list(keep)}]})[0]
        if out["status"] != "Accepted":
            raise RuntimeError(f"go-judge {args}: {out}")
        return out

    def judge(self, language, source):
        name = PROGRAMS[language][0]
        build, run = self.commands[language]
        files = {name: {"content": source}}
        kept = None
        if build:
            built, target = ARTEFACTS[language]
            kept = self.run(language, build, "", files, [built])["fileIds"][built]
            files = {target: {"fileId": kept}}
        for given, expected in TESTS:
            if self.run(language, run, given, files)["files"]["stdout"] != expected:
                raise RuntimeError(f"go-judge {language}: another output")
        if kept:
            self.ask(language, "DELETE", f"/file/{kept}")


def found(words, tree, image):
    """With the program's whole path: go-judge looks into no PATH."""
    if not words or "/" in words[0]:
        return words
    paths = [line.removeprefix("PATH=") for line in image if line.startswith("PATH=")]
    for directory in (paths or ["/usr/local/bin:/usr/bin:/bin"])[0].split(":"):
        if os.path.lexists(f"{tree}{directory}/{words[0]}"):
            return [f"{directory}/{words[0]}", *words[1:]]
    sys.exit(f"{tree} has no {words[0]}")


def judge(work, batch, threads):
    todo = queue.SimpleQueue()
    for path in sorted(pathlib.Path(batch).glob("*/submission.json")):
        todo.put(json.loads(path.read_text()))
    failed = []

    def work_on():
        peer = Peer(work)
        try:
            while True:
                submission = todo.get_nowait()
                peer.judge(submission["language"], submission["source"])
        except queue.Empty:
            pass
        except (RuntimeError, OSError, KeyError) as e:
            failed.append(e)
    workers = [threading.Thread(target=work_on) for _ in range(int(threads))]
    begin = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failed:
        sys.exit(repr(failed[0]))
    print(f"{time.monotonic() - begin:.3f}")


{"mounts": mounts, "judge": judge}[sys.argv[1]](*sys.argv[2:])
