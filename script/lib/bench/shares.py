"""shares.py - where the CPU time of a load went: the tables of script/profile.

shares.py perf FILE SERVER LOAD COMPILERS HZ SUBMISSIONS SVG
    FILE: what `perf script -F comm,pid,tid,ip,sym --show-task-events` says of the whole machine. SERVER and
    LOAD are process ids: of scrc, and of what sent the submissions, which is nobody's cost. COMPILERS is a
    file with those of resident compilers, which have the name of what they run in. Prints the table and
    draws the stacks of the server and of the agents as SVG.
shares.py compilers                 the process ids of the resident compilers that there are now
shares.py look SERVER                 what /proc has of it and of Docker now, as JSON
shares.py proc BEFORE AFTER SUBMISSIONS
    the same table from two such files, where perf may not be used: programs, agents and shims, which
    come and go, are one line then

A process belongs to a cell when an agent is its ancestor; the cell is one for builds when a compiler has
run in it.
"""

import collections
import json
import os
import pathlib
import re
import sys

import flame

EVENT = re.compile(r"PERF_RECORD_(FORK|COMM)(?: exec)?(?:\((\d+):\d+\):\((\d+):\d+\)|: (.*):(\d+)/(\d+))\s*$")
SAMPLE = re.compile(r"(\S.*?)\s+(-?\d+)/(-?\d+)\s*$")
FRAME = re.compile(r"\s+[0-9a-f]+ (.*)$")
DOCKER = ("dockerd", "containerd", "containerd-shim", "runc", "docker-init", "docker")
COMPILERS = {"gcc", "g++", "cc1", "cc1plus", "as", "collect2", "ld", "ld.gold", "ld.mold", "mold", "javac",
             "go", "compile", "link", "asm"}
KTHREADD = 2


class Process:
    def __init__(self, comm="?", parent=0, cell=None):
        self.comm, self.parent, self.cell = comm, parent, cell


class Profile:
    """What was sampled, by (group, name); programs by their cell until all of it has been read."""

    def __init__(self, server, load, resident=()):
        self.server, self.load, self.resident = server, load, resident
        self.processes = {}
        self.samples = collections.Counter()
        self.programs = collections.Counter()  # (cell, comm)
        self.builds = set()                    # cells in which a compiler has run
        self.stacks = collections.Counter()    # frames from the outermost in

    def forked(self, pid, parent):
        if pid == parent:
            return  # a thread
        of = self.processes.get(parent, Process())
        self.processes[pid] = Process(of.comm, parent, of.cell)

    def named(self, pid, tid, comm):
        if pid != tid:
            return
        process = self.processes.setdefault(pid, Process())
        process.comm = comm
        if comm == "agent" and process.cell is None:
            process.cell = pid
        if comm in COMPILERS and process.cell is not None:
            self.builds.add(process.cell)

    def sampled(self, comm, pid, frames):
        process = self.processes.get(pid, Process(comm))
        if pid == self.server:
            self.samples["server", thread_of(comm)] += 1
            self.stacks["server", thread_of(comm), *frames] += 1
        elif pid == 0:
            self.samples["idle", ""] += 1
        elif process.cell is not None and process.comm == "agent":
            self.samples["agents", ""] += 1
            self.stacks["agents", *frames] += 1
        elif process.cell is not None:
            self.programs[process.cell, process.comm] += 1
            if pid in self.resident:
                self.builds.add(process.cell)
        elif process.comm.startswith(DOCKER):
            self.samples["docker", process.comm.split(":")[0]] += 1
        elif pid == self.load:
            self.samples["not counted", "the load"] += 1
        elif pid == KTHREADD or process.parent == KTHREADD:
            self.samples["kernel threads", ""] += 1
        else:
            self.samples["not counted", "other processes"] += 1

    def ended(self):
        for (cell, comm), n in self.programs.items():
            self.samples["builds" if cell in self.builds else "runs", comm] += n


def thread_of(comm):
    """One name for all threads of a kind: rdk:broker1, curl's and such end in a number."""
    return comm.rstrip("0123456789") or comm


def read(lines, server, load, resident=()):
    profile, sample, frames = Profile(server, load, resident), None, []
    for line in lines:
        if sample and (frame := FRAME.match(line)):
            if frames[-1:] != ["[unknown]"] or frame[1] != "[unknown]":
                frames.append(frame[1])
            continue
        if sample:
            profile.sampled(sample[1], int(sample[2]), frames[::-1])
        sample, frames = None, []
        if event := EVENT.search(line):
            if event[1] == "FORK":
                profile.forked(int(event[2]), int(event[3]))
            else:
                profile.named(int(event[5]), int(event[6]), event[4])
        else:
            sample = SAMPLE.match(line)
    if sample:
        profile.sampled(sample[1], int(sample[2]), frames[::-1])
    profile.ended()
    return profile


def sums(seconds):
    groups = collections.Counter()
    for (group, _), value in seconds.items():
        groups[group] += value
    return groups


def table(seconds, submissions, shown=8):
    """seconds: CPU seconds by (group, name). Shares are of what judging took."""
    groups = sums(seconds)
    judging = ["server", "agents", "docker", "kernel threads", "builds", "runs", "programs"]
    total = sum(groups[g] for g in judging) or 1
    lines = ["%-34s %10s %8s %16s" % ("", "CPU s", "share", "ms a submission")]
    for group in judging + ["not counted", "idle"]:
        if group not in groups:
            continue
        share = f"{100 * groups[group] / total:.1f} %" if group in judging else "-"
        each = f"{1000 * groups[group] / max(submissions, 1):.2f}" if group in judging else "-"
        lines.append("%-34s %10.2f %8s %16s" % (group, groups[group], share, each))
        names = sorted(((v, n) for (g, n), v in seconds.items() if g == group and n), reverse=True)
        for value, name in names[:shown]:
            lines.append("    %-30s %10.2f %8s" % (name, value, f"{100 * value / total:.1f} %"
                                                   if group in judging else "-"))
    programs = groups["builds"] + groups["runs"] + groups["programs"]
    if programs:
        lines.append(f"the server's own CPU is {100 * groups['server'] / programs:.2f} % of the programs', "
                     f"Docker's {100 * groups['docker'] / programs:.1f} %; {submissions} submissions")
    return "\n".join(lines)


def resident_compilers():
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"\0CompileServer\0" in (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            pass  # it has ended
    return found


# ---- without perf ----

TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(stat, children):
    """Seconds in the text of a stat file, and of the children it has waited for."""
    fields = stat.rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15] if children else fields[11:13])) / TICK


def look(server):
    seconds = {}
    for task in pathlib.Path(f"/proc/{server}/task").iterdir():
        name = thread_of((task / "comm").read_text().strip())
        seconds[f"server|{name}"] = seconds.get(f"server|{name}", 0) + cpu_of((task / "stat").read_text(), False)
    whole = cpu_of(pathlib.Path(f"/proc/{server}/stat").read_text(), False)
    seconds["server|ended threads"] = whole - sum(seconds.values())
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            name = (process / "comm").read_text().strip()
            if name in ("dockerd", "containerd"):
                value = cpu_of((process / "stat").read_text(), True)
                seconds[f"docker|{name}"] = seconds.get(f"docker|{name}", 0) + value
        except OSError:
            pass  # it has ended
    busy = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]))
    seconds["all|"] = (sum(busy[:8]) - busy[3] - busy[4]) / TICK
    return seconds


def difference(before, after):
    seconds = {tuple(k.split("|")): max(0, v - before.get(k, 0)) for k, v in after.items() if k != "all|"}
    seconds["programs", "with agents, shims and all else"] = (
        after["all|"] - before["all|"] - sum(seconds.values()))
    return seconds


def main(verb, *arguments):
    if verb == "compilers":
        print(*resident_compilers(), sep="\n")
    elif verb == "look":
        print(json.dumps(look(arguments[0])))
    elif verb == "proc":
        before, after = (json.loads(pathlib.Path(a).read_text()) for a in arguments[:2])
        print(table(difference(before, after), int(arguments[2])))
    else:
        file, server, load, compilers, hz, submissions, svg = arguments
        resident = set(map(int, pathlib.Path(compilers).read_text().split()))
        with open(file, encoding="utf-8", errors="replace") as lines:
            profile = read(lines, int(server), int(load), resident)
        print(table({k: n / float(hz) for k, n in profile.samples.items()}, int(submissions)))
        pathlib.Path(svg).write_text(flame.draw(profile.stacks, "CPU of the server and of the agents"))


if __name__ == "__main__":
    main(*sys.argv[1:])
