"""More than one server on a topic: what waits is shared, what leaves takes nothing along."""

import json
import random
import re
import shutil
import signal
import threading
import time

import pytest

from harness import LONG, QUEUED, RUNNING, states, submission, test, wait_for
from kafka import SESSION, Topics, duplicates, messages, quick
from worker import Worker


def waiting(server):
    return server.get("/stats").json["present"]["queued"]


def sleeper(id, seconds):
    """A submission that takes its time and leaves the cores to others."""
    return {"id": id, **submission("python", f"import time; time.sleep({seconds})", [test("", "")],
                                   limits={"time_limit_ms": 1000, "wall_time_limit_ms": 60000})}


def accepted(server):
    return messages(server, "accepted")


def produced_everywhere(topics, ids, partitions, make=quick):
    """One call of kcat for each partition: it puts a run of keys where it likes."""
    for p in range(partitions):
        topics.broker.produce(topics.scripts, *[json.dumps(make(id)).encode()
                                                for id in sorted(ids)[p::partitions]], partition=p)


def assigned(server):
    """Of how many partitions it was told, each time."""
    return [int(n) for n in re.findall(r"event=kafka_assigned .*partitions=(\d+)", server.log())]


def test_three_join_one_with_a_backlog(broker, fresh_server):
    """What one server has not begun is left to the others: all four judge, and none keeps a backlog.
    The long form also says what it costs to have come later."""
    count, took = (400 if LONG else 80), {}
    ids = {f"j{i:03}" for i in range(count)}
    for others_come in ("later", "before") if LONG else ("later",):
        topics = Topics(broker)
        topics.broker.create_topic(topics.scripts, 12)
        servers = [topics.server(fresh_server, RUNNER_MAX_PARALLEL=1, KAFKA_PREFETCH=16)
                   for _ in range(4)]
        early = servers[:1] if others_come == "later" else servers
        for server in early:
            server.start().ready()
        wait_for(lambda: sum(assigned(s)[-1] if assigned(s) else 0 for s in early) == 12, 60,
                 "all partitions are taken", pause=0.2)
        produced_everywhere(topics, ids, 12, lambda id: sleeper(id, 0.5))
        begun = time.monotonic()
        wait_for(topics.reports, 60, "it judges", pause=0.2)
        assert all(waiting(s) <= 16 for s in early)
        for server in servers[len(early):]:
            server.spawn()
        for server in servers[len(early):]:
            server.is_listening()
        found = topics.wait_reports(ids, 300)
        took[others_come] = time.monotonic() - begun
        assert duplicates(found) == 0
        judged = [s.metric("scrc_submissions_finished_total") or 0 for s in servers]
        assert min(judged) >= count / 16, judged
        for server in servers:
            assert server.terminate() == 0
    print(f"{count} submissions: " + ", ".join(f"{t:.1f} s, the others there {how}"
                                               for how, t in took.items()))


def test_who_leaves_gives_back_what_is_not_begun(topics, fresh_server):
    """SIGTERM: what runs is finished, reported and committed; the rest is judged by the other."""
    topics.broker.create_topic(topics.scripts, 4)
    ids = {f"l{i:03}" for i in range(80)}
    first = topics.server(fresh_server, RUNNER_MAX_PARALLEL=2).start().ready()
    produced_everywhere(topics, ids, 4)
    wait_for(lambda: len(topics.reports()) >= 4, 60, "it judges", pause=0.2)
    assert first.terminate() == 0
    assert "kafka_given_back" in first.log()
    assert states(first.data).get(QUEUED, 0) == 0  # nothing waits in what it left behind
    second = topics.server(fresh_server, RUNNER_MAX_PARALLEL=2).start().ready()
    found = topics.wait_reports(ids, 300)
    assert duplicates(found) == 0
    topics.wait_committed(80)
    assert second.get("/readyz").status == 200


def test_who_leaves_is_not_waited_for(topics, fresh_server):
    """SIGTERM at a server with a backlog: the others have it when what ran of the topic is
    reported, whatever else that server still finishes."""
    topics.broker.create_topic(topics.scripts, 4)
    first = topics.server(fresh_server, SHUTDOWN_TIMEOUT="120s").start().ready()
    first.submit(sleeper("long", 45))
    wait_for(lambda: states(first.data) == {RUNNING: 1}, 60, "it runs", pause=0.1)
    second = topics.server(fresh_server).start().ready()
    wait_for(lambda: assigned(first)[-1:] == [2] and assigned(second)[-1:] == [2], 60, "shared")
    ids = {f"f{i:03}" for i in range(60)}
    produced_everywhere(topics, ids, 4)
    wait_for(lambda: accepted(first) > 0 and waiting(first) > 0, 60, "it judges")
    first.process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    wait_for(lambda: assigned(second)[-1] == 4, 40, "the other has the partitions")
    print(f"the other has the partitions {time.monotonic() - begun:.1f} s after SIGTERM")
    found = topics.wait_reports(ids)
    assert duplicates(found) == 0
    assert first.alive() and states(first.data).get(RUNNING) == 1  # `long`
    first.kill9()


def test_a_server_ends_in_the_middle_of_a_rebalance(topics, fresh_server):
    """What runs holds a rebalance up, but not its server's end: then it goes back as well."""
    topics.broker.create_topic(topics.scripts, 2)
    first = topics.server(fresh_server, RUNNER_MAX_PARALLEL=1, SHUTDOWN_TIMEOUT="1s").start().ready()
    topics.broker.produce(topics.scripts, *[json.dumps(s).encode() for s in (
        sleeper("long", 8), quick("next"), quick("behind"))], partition=0)
    wait_for(lambda: states(first.data) == {RUNNING: 1, QUEUED: 2}, 60, "one runs, one is next, one waits")
    topics.server(fresh_server).start().ready()
    wait_for(lambda: "kafka_given_back" in first.log(), 60, "a rebalance", pause=0.01)
    assert first.terminate(12) == 0
    found = topics.wait_reports({"long", "next", "behind"})
    assert duplicates(found) == 0 and found["long"][0]["verdict"] == "OK"


def test_a_moved_partition_is_judged_once(topics, fresh_server):
    """What the first server reported behind an unreported message is not judged by the second."""
    slow = submission("python", "import time; time.sleep(60)", [test("", "")],
                      limits={"time_limit_ms": 1000, "wall_time_limit_ms": 61000})
    first = topics.server(fresh_server, RUNNER_MAX_PARALLEL=2).start().ready()
    topics.send({"id": "slow", **slow}, *[quick(f"m{i}") for i in range(10)])
    topics.wait_reports({f"m{i}" for i in range(10)})
    assert topics.committed().get(0, 0) == 0  # behind `slow`
    first.kill9()
    second = topics.server(fresh_server, RUNNER_MAX_PARALLEL=2).start().ready()
    topics.send(quick("last"))
    topics.wait_reports({"last"})
    wait_for(lambda: second.get("/results/slow").status == 202, 30, "slow is judged again")
    assert [r["id"] for r in topics.reports()].count("m3") == 1
    assert second.get("/results/m3").status == 404
    assert messages(second, "reported_elsewhere") == 10
    second.kill9()  # nobody needs to wait for `slow`


def test_a_killed_server_and_its_table(topics, fresh_server):
    """kill -9 with a backlog. It is started again at once, and others have some of its partitions.
    What it had not begun is judged once."""
    topics.broker.create_topic(topics.scripts, 12)
    first, second, third = (topics.server(fresh_server, RUNNER_MAX_PARALLEL=1) for _ in range(3))
    for server in (first, second):
        server.start().ready()
    wait_for(lambda: assigned(first)[-1:] == [6] and assigned(second)[-1:] == [6], 60, "shared")
    ids = {f"z{i:03}" for i in range(72)}
    produced_everywhere(topics, ids, 12, lambda id: sleeper(id, 0.3))
    wait_for(lambda: accepted(first) == 36, 60, "it has its share")
    first.kill9()
    for server in (first, third):
        server.spawn()
    found = topics.wait_reports(ids)
    print(f"{duplicates(found)} reported twice")
    # What ran at the kill, and what ran or was claimed ahead in the old table when it was asked.
    assert duplicates(found) <= 3
    assert waiting(second) == 0


def test_a_lost_disk_loses_nothing(topics, fresh_server):
    """An offset is committed when the report is acknowledged, not when it is in the table."""
    ids = {f"d{i}" for i in range(10)}
    first = topics.server(fresh_server, KAFKA_PROP_TRANSACTION_TIMEOUT_MS="1000000",
                          KAFKA_PROP_AUTO_COMMIT_INTERVAL_MS=200).start().ready()
    topics.send(*[quick(id) for id in sorted(ids)])
    wait_for(lambda: all(first.get(f"/results/{id}").status == 200 for id in ids), 60, "judged")
    time.sleep(0.6)  # three commit intervals in which nothing may happen
    assert topics.committed().get(0, 0) == 0
    first.kill9()
    assert topics.reports() == []
    second = topics.server(fresh_server).start().ready()
    found = topics.wait_reports(ids)
    assert duplicates(found) == 0 and second.alive()
    topics.wait_committed({0: 10})


def test_killed_again_and_again_each_time_with_its_disk(topics, fresh_server):
    """Nothing is lost, and what is told twice ran when its server was killed."""
    kills, session = (12 if LONG else 3), 1500
    server = topics.server(fresh_server, KAFKA_PROP_SESSION_TIMEOUT_MS=session)
    ids = [f"d{i:03}" for i in range(12 * kills)]
    for kill in range(kills):
        server.start().ready()
        before = len(topics.reports())
        topics.send(*[quick(id) for id in ids[12 * kill:12 * (kill + 1)]])
        wait_for(lambda: len(topics.reports()) >= before + 3, 90, "it judges", pause=0.1)
        server.kill9()
        shutil.rmtree(server.data)
    server.start().ready()
    found = topics.wait_reports(set(ids))
    print(f"{len(ids)} submissions, {kills} disks lost, {duplicates(found)} reported twice")
    assert duplicates(found) <= 2 * kills
    topics.wait_committed({0: len(ids)})


def test_who_cannot_judge_leaves_it_to_others(topics, engine, fresh_server):
    """Docker is nowhere for one and ends under another: what waits stays in Kafka, and after 30 s
    the third has it. Who can judge again comes back."""
    topics.broker.create_topic(topics.scripts, 6)
    never = topics.server(fresh_server, DOCKER_HOST="unix:///nonexistent/docker.sock").start()
    hurt = topics.server(fresh_server, RUNNER_MAX_PARALLEL=1, DOCKER_HOST=engine.host)
    well = topics.server(fresh_server, RUNNER_MAX_PARALLEL=1)
    for server in (hurt, well):
        server.start().ready()
    wait_for(lambda: all(assigned(s)[-1:] == [2] for s in (never, hurt, well)) or
             "kafka_left" in never.log(), 60, "shared", pause=0.2)
    ids = {f"n{i:02}" for i in range(30)}
    produced_everywhere(topics, ids, 6)
    wait_for(lambda: accepted(hurt) > 0, 30, "it judges", pause=0.1)
    engine.stop(signal.SIGKILL)
    ended = time.monotonic()
    wait_for(lambda: assigned(well)[-1] == 6, 60, "the third has all partitions", pause=0.1)
    moved = time.monotonic()
    found = topics.wait_reports(ids, 150)
    print(f"{moved - ended:.1f} s after Docker has ended under one its partitions are another's, "
          f"and after {time.monotonic() - ended:.1f} s all is judged")
    assert duplicates(found) == 0
    assert waiting(never) == 0 and accepted(never) == 0
    assert waiting(hurt) == 0 and states(hurt.data).get(RUNNING, 0) == 0
    assert all("kafka_left" in s.log() for s in (never, hurt)) and "kafka_left" not in well.log()
    engine.start()
    wait_for(lambda: "kafka_joined" in hurt.log(), 90, "it comes back", pause=0.2)
    wait_for(lambda: assigned(well)[-1] == 3, 60, "it shares again", pause=0.2)


def test_beside_the_go_worker(topics, fresh_server):
    """A group whose other member is the worker's client. Each can take the other's place. They cannot
    share: where the server leads, the worker gets nothing, and the server goes on as if alone."""
    topics.broker.create_topic(topics.scripts, 4)
    worker = Worker(topics.broker.bootstrap, topics.group, topics.scripts, 4)
    wait_for(lambda: worker.mine == [0, 1, 2, 3] or worker.error, 30, "the worker has all")
    server = topics.server(fresh_server).start().ready()
    wait_for(lambda: (worker.mine == [0, 1] or worker.mine == [2, 3]) and assigned(server) or
             worker.error, 30, "where the worker leads, it shares")
    ids = {f"w{i:02}" for i in range(20)}
    produced_everywhere(topics, ids, 4)
    worker.leave()
    assert duplicates(topics.wait_reports(ids)) == 0
    assert assigned(server)[-1] == 4

    joined = Worker(topics.broker.bootstrap, topics.group, topics.scripts, 4)
    wait_for(lambda: joined.joined or joined.error, 30, "the worker is a member")
    more = {f"x{i:02}" for i in range(20)}
    produced_everywhere(topics, more, 4)
    assert duplicates(topics.wait_reports(ids | more)) == 0
    assert joined.mine == [] and assigned(server)[-1] == 4
    topics.wait_committed(40)

    assert server.terminate() == 0
    wait_for(lambda: joined.mine == [0, 1, 2, 3] or joined.error, 30, "the worker has all")
    joined.leave()


def test_what_was_deleted_unread_is_said(topics, fresh_server):
    server = topics.server(fresh_server).start().ready()
    topics.send(quick("a"))
    topics.wait_reports({"a"})
    topics.wait_committed({0: 1})
    assert server.terminate() == 0
    topics.send(*[quick(f"lost{i}") for i in range(5)])
    topics.broker.delete_records(topics.scripts, {0: 4})
    server.start().ready()
    topics.wait_reports({"lost3", "lost4"})
    assert messages(server, "lost") == 3
    assert "kafka_messages_lost" in server.log() and "messages=3" in server.log()


# Where a server may be when SIGTERM comes: what is waited for, and up to how many seconds more.
MOMENTS = {
    "start": ("", 2),
    "listening": ("event=listening", 1),
    "assigned": ("event=kafka_assigned", 0.4),
    "judging": ("event=finished", 1),
    "rebalance": ("event=kafka_revoked", 0.4),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.skipif(not LONG, reason="script/test --all")
def test_a_server_ends_at_any_moment(topics, fresh_server, moment):
    """SIGTERM: it ends with 0 in its time, and every submission has one report."""
    event, more = MOMENTS[moment]
    rounds, rng, ids = 12, random.Random(moment), []
    topics.broker.create_topic(topics.scripts, 6)
    stays = topics.server(fresh_server, RUNNER_MAX_PARALLEL=1).start().ready()
    victim = topics.server(fresh_server, RUNNER_MAX_PARALLEL=1)
    third = topics.server(fresh_server, RUNNER_MAX_PARALLEL=1)
    for n in range(rounds):
        new = [f"e{n:02}-{i:02}" for i in range(12)]
        ids += new
        produced_everywhere(topics, new, 6)
        victim.spawn()
        if moment == "rebalance":
            victim.is_listening()
            wait_for(lambda: assigned(victim), 60, "a member", pause=0.01)
            third.spawn()
        wait_for(lambda: event in victim.log(), 60, event, pause=0.005)
        time.sleep(rng.uniform(0, more))  # the moment
        begun = time.monotonic()
        code = victim.terminate(60)  # one that has said nothing yet may not know the signal
        assert code == 0 or code == -signal.SIGTERM and not victim.lines, victim.log()
        print(f"{moment}: ended in {time.monotonic() - begun:.1f} s")
        if third.alive():
            assert third.terminate(60) == 0, third.log()
    found = topics.wait_reports(set(ids), 200)
    assert duplicates(found) == 0
    topics.wait_committed(len(ids))
    assert stays.terminate(60) == 0


def lateness(sent, told):
    """By how many seconds the last report came after its turn: when the n-th submission was sent and
    n reports were out; and how far at most the servers as a whole were behind what was sent."""
    first = {}
    for at, id in told:
        first.setdefault(id, at)
    out = sorted(first.values())
    order = sorted(first, key=lambda id: sent[id])
    return (max(first[id] - max(sent[id], out[n]) for n, id in enumerate(order)),
            max(out[n] - sent[id] for n, id in enumerate(order)))


@pytest.mark.skipif(not LONG, reason="script/test --all")
def test_churn(topics, fresh_server):
    """Two join, one is told to go, one is killed: nothing is lost, only what ran at the kill is
    reported twice, and no report comes much later than the kill explains."""
    topics.broker.create_topic(topics.scripts, 12)
    count, sent = 400, {}

    def produce():
        for i in range(0, count, 6):
            ids = [f"c{j:04}" for j in range(i, min(i + 6, count))]
            sent.update({id: time.time() for id in ids})
            topics.send(*[quick(id) for id in ids])
            time.sleep(0.5)  # 12 a second
    def server():  # used cells keep up with 12 a second on two cores, so nothing else makes them wait
        return topics.server(fresh_server, RUNNER_CELL_USES=1000).start().ready()
    thread = threading.Thread(target=produce)
    servers = [server() for _ in range(2)]
    thread.start()
    wait_for(lambda: len(sent) >= 60, 60, "some are sent", pause=0.1)
    servers += [server() for _ in range(2)]
    wait_for(lambda: len(sent) >= 160, 60, "more are sent", pause=0.1)
    assert servers[0].terminate() == 0
    wait_for(lambda: len(sent) >= 240, 60, "more are sent", pause=0.1)
    servers[1].kill9()
    thread.join()
    found = topics.wait_reports(set(sent), 120)
    told = [(m.timestamp / 1000, m.json["id"]) for m in topics.broker.consume(topics.results)]
    late, behind = lateness(sent, told)
    print(f"sent {len(sent)}, reported {len(found)}, doubled {duplicates(found)}, the latest "
          f"{late:.1f} s after its turn; all together at most {behind:.1f} s behind")
    assert duplicates(found) <= 2  # what ran at the kill
    # What moves goes behind what its new owner has: where the machine is slow, that takes as long.
    assert late <= SESSION + 5 + behind
