"""What the topics are like: how large a message they take, that labels come back, what `scrc --check`
says of them, and how far behind the group is."""

import json

from broker import DELIMITERS, END, KEY
from harness import check_report, run_scrc, submission, test, wait_for
from kafka import messages, quick


# ---- how large ----

def test_a_dead_letter_is_as_large_as_its_topic_takes(topics, fresh_server):
    """3 MB that are no submission, where the topics take 4 MB: byte for byte."""
    large = {"max_message_bytes": 4 << 20}
    topics.broker.create_topic(topics.scripts, **large)
    topics.broker.create_topic(topics.dead, **large)
    topics.server(fresh_server).start()
    value = bytes(i % 251 + 1 for i in range(3000)).replace(END[:1], b"?") * 1000
    done = topics.broker.kcat("-P", "-t", topics.scripts, *DELIMITERS, "-X",
                              f"message.max.bytes={4 << 20}", data=b"large" + KEY + value + END)
    assert done.returncode == 0, done
    [letter] = topics.broker.await_messages(topics.dead, 1)
    assert letter.key == b"large" and len(letter.value) == len(value) and letter.value == value
    assert "scrc-truncated" not in letter.header
    [report] = topics.wait_reports({"large"})["large"]
    assert report["status"] == "-" and report["error"]


def test_a_topic_that_takes_hardly_anything(topics, fresh_server):
    """1100 bytes: the id and what became of it arrive, for each submission."""
    topics.broker.create_topic(topics.results, max_message_bytes=1100)
    server = topics.server(fresh_server).start()
    crash = submission("python", "import os; os.abort()", [test("in", "x" * 500)])
    topics.send(quick("one"), {"id": "an-id-of-some-length-0123456789", **crash}, quick("two", 2))
    found = topics.wait_reports({"one", "an-id-of-some-length-0123456789", "two"})
    words = {id: (r[0]["status"], r[0]["verdict"]) for id, r in found.items()}
    assert words == {"one": ("OK", "OK"), "two": ("OK", "OK"),
                     "an-id-of-some-length-0123456789": ("WA", "RE")}
    assert all("cut to fit" in r[0]["error"] for r in found.values())
    check_report(server.report("one"))  # over HTTP it is whole
    assert messages(server, "dropped") == 0


# ---- labels ----

def test_labels_come_back(topics, fresh_server):
    """In the report on the results topic; wrong ones are a dead letter that names them."""
    server = topics.server(fresh_server).start()
    labels = {"course": "data bases", "note": 'a "quoted" \u00e9 of more than thirty-two bytes'}
    event = {"specversion": "1.0", "id": "e", "source": "/lms", "type": "sent",
             "data": {**quick("in-event", 2), "labels": {"course": "data bases"}}}
    topics.send({**quick("with"), "labels": labels}, event, quick("without"),
                {**quick("wrong"), "labels": {"course": 7}}, {**quick("with"), "labels": {"course": "os"}})
    found = topics.wait_reports({"with", "in-event", "without", "wrong"})
    assert [found[id][0]["labels"] for id in ("with", "in-event", "without", "wrong")] == \
        [labels, {"course": "data bases"}, {}, {}]
    check_report(found["with"][0])
    assert found["wrong"][0]["error"] == "/labels/course: must be a string"
    listed = server.get("/results?label=course:data%20bases&sort=submitted_at").json["results"]
    assert [item["id"] for item in listed] == ["with", "in-event"]
    wait_for(lambda: len(topics.dead_letters()) == 2, 30, "the conflict is one too", pause=0.3)
    assert server.report("with")["labels"] == labels


# ---- scrc --check ----

def check(topics, **more):
    """The exit code, and {(state, name): [what is said, meant and to be done], ...}."""
    code, out, err = run_scrc("--check", seconds=60, **{**topics.settings(), **more})
    rows = {}
    for line in out.splitlines():
        if line[:8].strip() in ("ok", "warning", "UNFIT"):
            last = rows.setdefault((line[:8].strip(), line[9:22].strip()), [])
            last.append(line[22:].strip())
        elif last and line.startswith(" " * 21):
            last[-1] += " " + line.strip()
    return code, rows, out + err


def test_check_compares_the_topics(topics):
    broker = topics.broker
    broker.create_topic(topics.scripts, 6)
    broker.create_topic(topics.results, 1, max_message_bytes=20000, retention_ms=3600000)
    code, rows, said = check(topics)
    assert code == 0, said
    [scripts] = rows["warning", "submissions"]  # there is one broker
    assert "6 partitions, replication factor 1" in scripts
    results = "\n".join(rows["warning", "results"])
    for part in ("replication factor 1", "cleanup.policy is delete", "retention.ms is 3600000",
                 "max.message.bytes is 20000",
                 f"--entity-name {topics.results} --add-config cleanup.policy=[compact,delete]"):
        assert part in results, said
    [dead] = rows["warning", "dead letters"]
    assert f"{topics.dead} does not exist" in dead and "kafka-topics.sh --create" in dead
    assert topics.dead not in broker.topics()  # nor is it made by asking

    broker.tool("ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name",
                topics.results, "--add-config",
                "cleanup.policy=[compact,delete],retention.ms=604800000,max.message.bytes=1048588")
    _, rows, said = check(topics)
    [results] = rows["warning", "results"]
    assert "replication factor 1" in results, said


def test_the_system_page_has_them_too(topics, fresh_server):
    topics.broker.create_topic(topics.scripts, 2)
    topics.broker.create_topic(topics.results, 1, max_message_bytes=500)
    server = topics.server(fresh_server).start()
    wait_for(lambda: not server.degraded(), 30, "connected", pause=0.2)
    found = server.get("/system").json["findings"]
    results = [f for f in found if f["name"] == "results"]
    assert {f["state"] for f in results} == {"warn"}
    assert any("max.message.bytes is 500" in f["says"] and "dropped" in f["means"]
               for f in results)
    assert any(f["name"] == "dead letters" and "does not exist" in f["says"] for f in found)


def test_check_without_a_broker(topics):
    code, rows, said = check(topics, KAFKA_BROKERS="127.0.0.1:1")
    assert code == 0, said
    [row] = rows["warning", "kafka"]
    assert "no broker" in row and "127.0.0.1:1" in row
    assert ("warning", "results") not in rows and ("ok", "results") not in rows


def test_check_of_wrong_settings(topics):
    code, _, said = check(topics, KAFKA_PROP_ACKS="1")
    assert code == 2 and "KAFKA_PROP_ACKS" in said


# ---- lag ----

def lags(server):
    """{partition: messages}, as /metrics has it."""
    return {int(name.split('"')[1]): int(value) for name, value in server.samples().items()
            if name.startswith("scrc_kafka_lag_messages{")}


def await_same_lags(topics, server, want):
    """The tool and /metrics say the same; want: {partition: messages} of the tool."""
    said = {}

    def same():
        said["tool"], said["ours"] = topics.broker.lags(topics.group, topics.scripts), lags(server)
        return said["tool"] == want and said["ours"] == {p: n or 0 for p, n in want.items()}
    try:
        wait_for(same, 40, "the same lag", pause=0.3)
    except AssertionError as e:
        raise AssertionError(said) from e
    assert server.get("/stats").json["present"]["kafka"]["lag"] == sum(n or 0 for n in want.values())


def test_lag_of_what_waits(topics, fresh_server):
    """390 wait behind one that runs: most of them were never fetched into the table."""
    broker = topics.broker
    broker.create_topic(topics.scripts, 4)
    server = topics.server(fresh_server, RUNNER_MAX_PARALLEL=1, KAFKA_PREFETCH=16,
                           KAFKA_PROP_QUEUED_MIN_MESSAGES="20").start()
    for p in range(3):
        broker.produce(topics.scripts, json.dumps(quick(f"first{p}")).encode(), partition=p)
    topics.wait_reports({f"first{p}" for p in range(3)})
    await_same_lags(topics, server, {0: 0, 1: 0, 2: 0, 3: None})  # nobody wrote to the last
    wait_for(lambda: server.metric("scrc_unreported") == 0, 20, "all is reported")
    slow = submission("python", "import time; time.sleep(300)", [test("", "")],
                      limits={"time_limit_ms": 1000, "wall_time_limit_ms": 301000})
    broker.produce(topics.scripts, json.dumps({"id": "slow", **slow}).encode(), partition=0)
    server.wait_running("slow")
    for p in range(3):
        broker.produce(topics.scripts, *[json.dumps(quick(f"w{p}-{i:03}")).encode()
                                         for i in range(130)], partition=p)
    await_same_lags(topics, server, {0: 131, 1: 130, 2: 130, 3: None})
    wait_for(lambda: server.metric("scrc_unreported") == 17, 20, "the rest is left in Kafka")
    broker.delete_records(topics.scripts, {1: 101})
    wait_for(lambda: lags(server)[1] == 30, 30, "what was deleted does not wait")
    server.kill9()  # or it would wait for what runs


def test_lag_when_all_is_reported(topics, fresh_server):
    """Behind a transactional producer, whose marks are no messages, and after a restart."""
    broker, none = topics.broker, {0: 0, 1: 0}
    broker.create_topic(topics.scripts, 2)
    server = topics.server(fresh_server).start()
    for p in none:
        broker.produce(topics.scripts, json.dumps(quick(f"p{p}")).encode(), partition=p)
    ids = [f"t{i}" for i in range(3)]
    broker.produce_in_transactions(topics.scripts, 20, *[json.dumps(quick(id)) for id in ids])
    topics.wait_reports(["p0", "p1", *ids])
    await_same_lags(topics, server, none)
    wait_for(lambda: server.metric("scrc_unreported") == 0, 20, "all is reported")
    server.kill9()
    server.start().ready()
    await_same_lags(topics, server, none)
    broker.leave_transaction(topics.scripts, 60)  # what nobody may read yet counts as well
    behind = broker.lags(topics.group, topics.scripts)
    assert sum(behind.values()) > 0
    await_same_lags(topics, server, behind)
