"""The programs of script/bench's throughput row: five languages in equal parts, each source once.

throughput.py make DIR COUNT FIRST   COUNT submissions, numbered from FIRST
throughput.py judge PORT DIR [IDS EACH]  judges them all; prints the seconds from first POST to last
                                     report. Each id is written EACH times to IDS when it is accepted
throughput.py post PORT FILE         accepted, and not waited for: a submission of each line
throughput.py kafka BROKERS TOPIC DIR  the same by way of Kafka; from sending to the last report
throughput.py lines BROKERS TOPIC FILE  likewise, of what is in FILE: an id, a tab, a submission a line
throughput.py plain PORT DIR         writes DIR/plain.<language>: the same commands as a script for sh

`plain` takes the commands from the server's own reports, so that both sides run the same ones.
"""

import http.client
import json
import pathlib
import subprocess
import sys
import time

TESTS = [("1 2\n", "3"), ("40 2\n", "42")]
# Language: file name, where its run looks for what was built, source.
PROGRAMS = {
    "python": ("script.py", ".", """\
# {n}
a, b = map(int, input().split())
print(a + b)
"""),
    "c": ("main.c", ".", """\
#include <stdio.h>
int unique = {n};
int main(void)
{{
    int a, b;
    if (scanf("%d %d", &a, &b) != 2)
        return 1;
    printf("%d\\n", a + b);
    return 0;
}}
"""),
    "cpp": ("main.cpp", ".", """\
#include <iostream>
int unique = {n};
int main()
{{
    int a, b;
    std::cin >> a >> b;
    std::cout << a + b << '\\n';
}}
"""),
    "go": ("main.go", ".", """\
package main

import "fmt"

var unique = {n}

func main() {{
\tvar a, b int
\tfmt.Scan(&a, &b)
\tfmt.Println(a + b)
}}
"""),
    "java": ("Main.java", "out", """\
import java.util.Scanner;

public class Main {{
    static int unique = {n};

    public static void main(String[] args) {{
        Scanner in = new Scanner(System.in);
        System.out.println(in.nextInt() + in.nextInt());
    }}
}}
"""),
}


def make(directory, count, first):
    for n in range(int(first), int(first) + int(count)):
        language = list(PROGRAMS)[n % len(PROGRAMS)]
        name, _, source = PROGRAMS[language]
        here = pathlib.Path(directory, f"{n}.{language}")
        here.mkdir(parents=True)
        (here / name).write_text(source.format(n=n))
        for number, (given, _) in enumerate(TESTS, 1):
            (here / f"{number}.in").write_text(given)
        (here / "submission.json").write_text(json.dumps({
            "language": language, "source": source.format(n=n),
            "tests": [{"input": i, "expected_output": o} for i, o in TESTS]}))


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
        if report["verdict"] != "OK":
            sys.exit(f"{report['language']}: {report['verdict']} {report['error']}")


def plain(port, directory):
    client = Client(port)
    for path in pathlib.Path(directory).glob("*/submission.json"):
        body = path.read_bytes()
        language = json.loads(body)["language"]
        made = client.final(client.ask("POST", "/submissions", body)[1]["id"])["produced_by"]
        name, place, _ = PROGRAMS[language]
        assert pathlib.Path(name).stem in made["build"] + made["run"], made
        runs = "".join(f" && {made['run']} <$here/{i}.in >$here/{i}.out"
                       for i in range(1, len(TESTS) + 1))
        pathlib.Path(directory, f"plain.{language}").write_text(
            f"here=$1\ncd $here && {made['build'] or ':'} && cd {place}{runs}\n")


sys.exit({"make": make, "judge": judge, "post": post, "kafka": kafka, "lines": lines,
          "plain": plain}[sys.argv[1]](*sys.argv[2:]))
