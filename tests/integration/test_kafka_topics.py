"""What the topics are like: how large a message they take, and what `scrc --check` says of them."""

import pytest

from broker import DELIMITERS, END, KEY
from harness import check_report, run_scrc, submission, test, wait_for
from kafka import Topics, quick


@pytest.fixture
def topics(broker):
    return Topics(broker)


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
    assert b'event="dropped"} 0' in server.get("/metrics").body


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


def test_check_without_a_broker(topics):
    code, rows, said = check(topics, KAFKA_BROKERS="127.0.0.1:1")
    assert code == 0, said
    [row] = rows["warning", "kafka"]
    assert "no broker" in row and "127.0.0.1:1" in row
    assert ("warning", "results") not in rows and ("ok", "results") not in rows


def test_check_of_wrong_settings(topics):
    code, _, said = check(topics, KAFKA_PROP_ACKS="1")
    assert code == 2 and "KAFKA_PROP_ACKS" in said
