"""lives.py IMAGE COUNT THREADS COMMAND... - the whole lives of so many containers, bare. COUNT is a multiple
of THREADS.

Each is created, started, waited for and removed over Docker's socket, without a network, and runs COMMAND;
THREADS at a time. This is what judging with a container for each submission cannot do without. Prints the
seconds they took.
"""

import http.client
import json
import os
import socket
import sys
import threading
import time


class Docker(http.client.HTTPConnection):
    def __init__(self):
        super().__init__("localhost", timeout=120)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))

    def ask(self, method, path, body=None):
        self.request(method, path, json.dumps(body) if body else None,
                     {"Content-Type": "application/json"})
        answer = self.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text) if text else None


def live(docker, image, command):
    made = docker.ask("POST", "/containers/create", {
        "Image": image, "Cmd": command, "NetworkDisabled": True,
        "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}}})["Id"]
    docker.ask("POST", f"/containers/{made}/start")
    status = docker.ask("POST", f"/containers/{made}/wait")["StatusCode"]
    docker.ask("DELETE", f"/containers/{made}")
    if status:
        raise RuntimeError(f"the program ended with {status}")


def main(image, count, threads, *command):
    failed = []

    def lives():
        docker = Docker()
        try:
            for _ in range(int(count) // int(threads)):
                live(docker, image, list(command))
        except (RuntimeError, OSError) as e:
            failed.append(e)
    all_of_them = [threading.Thread(target=lives) for _ in range(int(threads))]
    begin = time.monotonic()
    for thread in all_of_them:
        thread.start()
    for thread in all_of_them:
        thread.join()
    if failed:
        sys.exit(str(failed[0]))
    print(f"{time.monotonic() - begin:.3f}")


main(*sys.argv[1:])
