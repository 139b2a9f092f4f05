"""script/profile: how it counts what perf and /proc say, and what it draws."""

import os
import sys
import xml.dom.minidom

import pytest

from harness import ROOT, wait_for

sys.path.insert(0, os.path.join(ROOT, "script/lib/bench"))
import flame
import shares

PERF = """\
swapper     0/0     PERF_RECORD_FORK(2:2):(0:0)
swapper     0/0     PERF_RECORD_COMM: kthreadd:2/2
kthreadd     0/0     PERF_RECORD_FORK(9:9):(2:2)
scrc   100/100  PERF_RECORD_COMM exec: scrc:100/100
scrc   100/100  PERF_RECORD_FORK(100:101):(100:100)
worker   100/101 
\tffffffff81000000 do_syscall_64
\t    7f0000000000 write
\t          401000 worker_main

rdk:broker12   100/102 
\t          401000 poll

kworker/0:1     9/9 
\tffffffff81000000 work

runc:[2:INIT]   200/200  PERF_RECORD_COMM: runc:[2:INIT]:200/200
runc:[2:INIT]   200/200 
\t          401000 main.main

runc:[2:INIT]   200/200  PERF_RECORD_COMM exec: agent:200/200
agent   200/200 
\t             123 [unknown]
\t             456 [unknown]
\t          401000 main

agent   200/200  PERF_RECORD_FORK(201:201):(200:200)
agent   201/201 
\t          401000 box

agent   201/201  PERF_RECORD_COMM exec: g++:201/201
g++   201/201  PERF_RECORD_FORK(202:202):(201:201)
g++   202/202  PERF_RECORD_COMM exec: cc1plus:202/202
cc1plus   202/202 

cc1plus   202/202 
\t          401000 parse

agent   300/300  PERF_RECORD_COMM exec: agent:300/300
agent   300/300  PERF_RECORD_FORK(301:301):(300:300)
agent   301/301  PERF_RECORD_COMM exec: a b:301/301
a b   301/301 
\t          401000 main

python3   400/400 

agent   500/500 

swapper     0/0 
"""


def test_samples_are_counted_by_whose_work_they_were():
    read = shares.read(PERF.splitlines(keepends=True), 100, 400)
    assert dict(read.samples) == {
        ("server", "worker"): 1, ("server", "rdk:broker"): 1, ("kernel threads", ""): 1,
        ("docker", "runc"): 1, ("agents", ""): 2, ("builds", "cc1plus"): 2, ("runs", "a b"): 1,
        ("not counted", "the load"): 1, ("not counted", "other processes"): 1, ("idle", ""): 1}
    assert read.stacks["server", "worker", "worker_main", "write", "do_syscall_64"] == 1
    assert read.stacks["agents", "main", "[unknown]"] == 1


def test_a_resident_compiler_is_told_by_its_process():
    read = shares.read(PERF.splitlines(keepends=True), 100, 400, {301})
    assert read.samples["builds", "a b"] == 1 and not read.samples["runs", "a b"]


def test_the_table_says_how_much_is_the_servers_own():
    said = shares.table({("server", "worker"): 1.0, ("builds", "cc1"): 30.0, ("runs", "main"): 10.0,
                          ("docker", "runc"): 9.0, ("idle", ""): 50.0}, 100)
    assert "2.50 % of the programs', Docker's 22.5 %; 100 submissions" in said
    assert "server 1.00 2.0 % 10.00" in [" ".join(line.split()) for line in said.splitlines()]


def test_what_proc_says_is_taken_as_a_difference():
    got = shares.difference({"server|worker": 1.0, "docker|dockerd": 2.0, "all|": 10.0},
                             {"server|worker": 1.5, "server|pool": 0.25, "docker|dockerd": 3.0, "all|": 20.0})
    assert got == {("server", "worker"): 0.5, ("server", "pool"): 0.25, ("docker", "dockerd"): 1.0,
                   ("programs", "with agents, shims and all else"): 8.25}


def test_a_flame_graph_is_svg_with_every_name():
    svg = flame.draw({("server", "worker", "a<b>"): 3, ("server", "pool"): 1, ("agents",): 4}, "a & b")
    root = xml.dom.minidom.parseString(svg).documentElement
    titles = [t.firstChild.data for t in root.getElementsByTagName("title")]
    assert titles == ["all: 8 samples, 100.00 %", "agents: 4 samples, 50.00 %", "server: 4 samples, 50.00 %",
                      "pool: 1 samples, 12.50 %", "worker: 3 samples, 37.50 %", "a<b>: 3 samples, 37.50 %"]
    widths = [float(r.getAttribute("width")) for r in root.getElementsByTagName("rect")][1:]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.01) == pytest.approx(8 * widths[3], rel=0.01)


def test_the_threads_of_the_server_have_names(server):
    tasks = f"/proc/{server.process.pid}/task"

    def names():
        return {open(f"{tasks}/{task}/comm").read().strip() for task in os.listdir(tasks)}
    wait_for(lambda: "worker" in names(), 10)
    assert {"worker", "table-writer", "supervisor", "pool", "waiters", "events", "signals"} <= names()
