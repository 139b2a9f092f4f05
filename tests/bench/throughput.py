"""The programs of script/bench's throughput row: five languages in equal parts, each source once.

throughput.py make DIR COUNT FIRST   COUNT submissions, numbered from FIRST
throughput.py judge PORT DIR [IDS EACH]  judges them all; prints the seconds from first POST to last
                                     report. Each id is written EACH times to IDS when it is accepted
throughput.py steady PORT SECONDS FIRST FLYING  for so long FLYING of them are with the server, whatever
                                     it has judged; prints how many it judged
throughput.py post PORT FILE         accepted, and not waited for: a submission of each line
throughput.py kafka BROKERS TOPIC DIR  the same by way of Kafka; from sending to the last report
throughput.py lines BROKERS TOPIC FILE  likewise, of what is in FILE: an id, a tab, a submission a line
throughput.py plain DIR              writes DIR/plain.<language>: the plain commands as a script for sh
"""

import http.client
import json
import pathlib
import shlex
import subprocess
import sys
import time

from programs import PROGRAMS, TESTS, plain_commands

def program(n):
    """(language, source, submission) of that number."""
    language = list(PROGRAMS)[n % len(PROGRAMS)]
    source = PROGRAMS[language][2].format(n=n)
    return language, source, json.dumps({
        "language": language, "source": source,
        "tests": [{"input": i, "expected_output": o} for i, o in TESTS]})


def make(directory, count, first):
    for n in range(int(first), int(first) + int(count)):
        language, source, submission = program(n)
        here = pathlib.Path(directory, f"{n}.{language}")
        here.mkdir(parents=True)
        (here / PROGRAMS[language][0]).write_text(source)
        for number, (given, _) in enumerate(TESTS, 1):
            (here / f"{number}.in").write_text(given)
        (here / "submission.json").write_text(submission)


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=330)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 202):
            sys.exit(f"{method} {path}: {answer.status} {text[:300]}")
        return answer.status, json.loads(text)

    def final(self, id):
        while True:
            status, report = self.ask("GET", f"/results/{id}?wait=300")
            if status == 200:
                if report["verdict"] != "OK":
                    sys.exit(f"{report['language']}: {report['verdict']} {report['error']}")
                return report


def judge(port, directory, ids_to=None, each=0):
    client = Client(port)
    bodies = [p.read_bytes() for p in sorted(pathlib.Path(directory).glob("*/submission.json"))]
    begin = time.monotonic()
    ids = [client.ask("POST", "/submissions", b)[1]["id"] for b in bodies]
    if ids_to:
        pathlib.Path(ids_to).write_text("".join(f"{id}\n" * int(each) for id in ids))
    for id in ids:
        client.final(id)
    print(f"{time.monotonic() - begin:.3f}")


def steady(port, seconds, first, flying):
    client = Client(port)
    n, done, ids = int(first), 0, []
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        while len(ids) < int(flying):
            ids.append(client.ask("POST", "/submissions", program(n)[2])[1]["id"])
            n += 1
        client.final(ids.pop(0))
        done += 1
    for id in ids:
        client.final(id)
    print(done + len(ids))


def post(port, file):
    client = Client(port)
    for line in pathlib.Path(file).read_bytes().splitlines():
        client.ask("POST", "/submissions", line)


def kcat(brokers, *arguments, data=None):
    done = subprocess.run(["kcat", "-b", brokers, "-q", *arguments], input=data,
                          capture_output=True, check=True, timeout=300)
    return done.stdout


def kafka(brokers, topic, directory):
    paths = sorted(pathlib.Path(directory).glob("*/submission.json"))
    judge_lines(brokers, topic,
                [f"{p.parent.name}\t".encode() + p.read_bytes() + b"\n" for p in paths])


def lines(brokers, topic, file):
    judge_lines(brokers, topic, pathlib.Path(file).read_bytes().splitlines(keepends=True))


def judge_lines(brokers, topic, lines):
    end = int(kcat(brokers, "-Q", "-t", f"{topic}-results:0:-1").split()[-1])
    begin = time.monotonic()
    kcat(brokers, "-P", "-t", topic, "-K", "\t", data=b"".join(lines))
    out = kcat(brokers, "-C", "-t", f"{topic}-results", "-o", str(end), "-c", str(len(lines)))
    print(f"{time.monotonic() - begin:.3f}")
    for line in out.splitlines():
        report = json.loads(line)
        if report["status"] != "OK":
            sys.exit(f"{report['id']}: {report['status']} {report.get('error')}")


def plain(directory):
    for language, (_, place, _) in PROGRAMS.items():
        build, run = map(shlex.join, plain_commands(language))
        runs = "".join(f" && {run} <$here/{i}.in >$here/{i}.out" for i in range(1, len(TESTS) + 1))
        pathlib.Path(directory, f"plain.{language}").write_text(
            f"here=$1\ncd $here && {build or ':'} && cd {place}{runs}\n")


sys.exit({"make": make, "judge": judge, "steady": steady, "post": post, "kafka": kafka, "lines": lines,
          "plain": plain}[sys.argv[1]](*sys.argv[2:]))
