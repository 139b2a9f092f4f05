"""placement.py PORT SOURCE PROGRAM ROUNDS DIR - does a program's CPU time depend on who runs beside it?

In turn: SOURCE is judged as often at once as there are cores; PROGRAM, which is the same, runs as often at
once, each kept to a core. Writes DIR/mine and DIR/other: the CPU time of each, in milliseconds, without the
tenth that took longest and the tenth that took least: a virtual machine's cores are taken away now and then,
which some programs of either side show.
"""

import json
import os
import pathlib
import sys
import threading
import urllib.request

CORES = sorted(os.sched_getaffinity(0))


def judge(port, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/submissions?wait=60", body,
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=90) as answer:
        report = json.load(answer)
    if report["verdict"] != "OK":
        sys.exit(f"{report['verdict']} {report['error']} {report['build_log']}")
    return report["tests"][0]["cpu_time_ms"]


def judge_at_once(port, body):
    took = []
    threads = [threading.Thread(target=lambda: took.append(judge(port, body))) for _ in CORES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(took) != len(CORES):
        sys.exit("not every program was judged")
    return took


def start(program, core):
    pid = os.fork()
    if pid == 0:
        os.sched_setaffinity(0, {core})
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execv(program, [program])
    return pid


def run_at_once(program):
    took = []
    for pid in [start(program, core) for core in CORES]:
        _, status, usage = os.wait4(pid, 0)
        if status:
            sys.exit(f"{program}: {status}")
        took.append((usage.ru_utime + usage.ru_stime) * 1000)
    return took


def main(port, source, program, rounds, directory):
    body = json.dumps({"language": "c", "source": pathlib.Path(source).read_text(), "tests": [
        {"input": "", "expected_output": "1"}], "limits": {"time_limit_ms": 10000}}).encode()
    judge_at_once(port, body)
    sides = {"mine": [], "other": []}
    for _ in range(int(rounds)):
        sides["mine"] += judge_at_once(port, body)
        sides["other"] += run_at_once(program)
    for side, values in sides.items():
        tenth = -(-len(values) // 10)
        values = sorted(values)[tenth:-tenth]
        pathlib.Path(directory, side).write_text("".join(f"{v}\n" for v in values))


main(*sys.argv[1:])
