"""builds.py WORK NEW KNOWN ROUNDS - what a warm build costs, beside the plain command.

In turn, for each kind of program: a new source to the server at port NEW, which keeps no builds; a source
that was built before to the one at port KNOWN; the plain build command in the tree of its image. The first
less the second is the build. Writes WORK/<kind>.mine and .other: the medians of each round, in
milliseconds. To be run by mounted.sh.
"""

import http.client
import json
import os
import pathlib
import statistics
import sys
import time

from programs import PROGRAMS, TESTS, plain_commands

EACH = 9  # builds of a kind in a round
BITS = "#include <bits/stdc++.h>\n" + PROGRAMS["cpp"][2].split("\n", 1)[1]
KINDS = {"c": ("c", PROGRAMS["c"][2]), "cpp": ("cpp", PROGRAMS["cpp"][2]), "bits": ("cpp", BITS),
         "go": ("go", PROGRAMS["go"][2]), "java": ("java", PROGRAMS["java"][2])}


class Judge:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=90)

    def wait(self, language, source):
        """Milliseconds from POST to report."""
        body = json.dumps({"language": language, "source": source, "tests": [
            {"input": i, "expected_output": o} for i, o in TESTS[:1]]})
        self.connection.close()  # the server may have, while others were measured
        self.connection.connect()
        begin = time.monotonic()
        self.connection.request("POST", "/submissions?wait=60", body,
                                {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        report = json.loads(answer.read())
        took = time.monotonic() - begin
        if answer.status != 200 or report["verdict"] != "OK":
            sys.exit(f"{language}: {answer.status} {report}")
        return took * 1000


class Plain:
    def __init__(self, work, language):
        self.tree = pathlib.Path(work, f"tree.{language}").read_text().strip()
        self.name = PROGRAMS[language][0]
        self.argv, _ = plain_commands(language)
        image = pathlib.Path(work, f"env.{language}").read_text().splitlines()
        self.env = {**os.environ, **dict(line.split("=", 1) for line in image)}

    def build(self, source, n):
        here = f"/tmp/{n}"
        os.mkdir(self.tree + here)
        pathlib.Path(self.tree + here, self.name).write_text(source)
        begin = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.chroot(self.tree)
            os.chdir(here)
            os.execvpe(self.argv[0], self.argv, self.env)
        _, status = os.waitpid(pid, 0)
        if status:
            sys.exit(f"{self.argv}: {status}")
        return (time.monotonic() - begin) * 1000


def measure(new, known, plain, kind, number):
    language, source = KINDS[kind]
    took = {"new": [], "known": [], "plain": []}
    for _ in range(EACH):
        number += 1
        took["new"].append(new.wait(language, source.format(n=number)))
        took["known"].append(known.wait(language, source.format(n=0)))
        took["plain"].append(plain.build(source.format(n=number), f"{kind}{number}"))
    return {side: statistics.median(values) for side, values in took.items()}


def main(work, new_port, known_port, rounds):
    new, known = Judge(new_port), Judge(known_port)
    plains = {kind: Plain(work, language) for kind, (language, _) in KINDS.items()}
    for kind, (language, source) in KINDS.items():  # what is first of its kind is not warm
        new.wait(language, source.format(n=0))
        known.wait(language, source.format(n=0))
        plains[kind].build(source.format(n=0), f"{kind}0")
    for n in range(int(rounds)):
        for kind in KINDS:
            got = measure(new, known, plains[kind], kind, 1 + n * EACH)
            for side, value in (("mine", got["new"] - got["known"]), ("other", got["plain"])):
                with open(f"{work}/{kind}.{side}", "a", encoding="utf-8") as file:
                    file.write(f"{value:.3f}\n")


main(*sys.argv[1:])
