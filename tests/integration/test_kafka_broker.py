"""The broker that other tests stand on: what goes in comes out, and it survives what they do to it."""

import subprocess
import uuid

import pytest

from broker import KAFKA_HOME, KAFKA_SH, Message

EVERY_BYTE = bytes(range(256)) + b"\xed\xa0\x80\"\\/\xc3\xa9\r\n\n"


@pytest.fixture
def topic():
    return "t-" + uuid.uuid4().hex[:8]


def plain(messages):
    return [Message(m.value, m.key, m.headers) for m in messages]


def group_reads(broker, group, topic, count):
    """As a new member of a group that goes on where it was."""
    done = broker.kcat("-G", group, "-X", "auto.offset.reset=earliest", "-c", str(count), topic)
    return done.stdout.split()


def test_bytes_come_back_as_they_went(broker, topic):
    sent = [
        Message(EVERY_BYTE, EVERY_BYTE[::-1], (("scrc-reason", b"a,b=c\xff\n"), ("empty", b""))),
        Message(b"", b"key of nothing"),
        Message(b"no key"),
        Message(b"\x00", b""),
        Message(b"a line\nand another\n", b"k"),
    ]
    broker.produce(topic, *sent)
    found = broker.consume(topic)
    assert plain(found) == sent
    assert [(m.topic, m.partition, m.offset) for m in found] == [(topic, 0, i) for i in range(5)]
    assert all(m.timestamp > 0 for m in found)


def test_tombstones_are_not_empty_values(broker, topic):
    sent = [Message(b"", b"a"), Message(None, b"a"), Message(None), Message(b"x", b"a")]
    broker.produce(topic, *sent)
    assert plain(broker.consume(topic)) == sent


def test_partitions_and_limits_of_a_topic(broker, topic):
    broker.create_topic(topic, 3, max_message_bytes=2000)
    for partition in range(3):
        broker.produce(topic, b"%d" % partition, partition=partition)
    assert [(m.partition, m.value) for m in broker.consume(topic)] == \
        [(0, b"0"), (1, b"1"), (2, b"2")]
    with pytest.raises(AssertionError, match="Message size too large"):
        broker.produce(topic, b"x" * 3000)
    broker.add_partitions(topic, 4)
    broker.produce(topic, b"3", partition=3)
    assert len(broker.consume(topic)) == 4


def test_a_topic_that_nobody_wrote_to_is_empty(broker, topic):
    assert broker.consume(topic) == []
    with pytest.raises(AssertionError, match="not within"):
        broker.await_messages(topic, 1, seconds=0.5)


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_restart_keeps_port_data_and_offsets(broker, topic, kill):
    group = "g-" + topic
    broker.produce(topic, Message(b"before", b"k"))
    assert group_reads(broker, group, topic, 1) == [b"before"]
    assert broker.committed(group, topic) == {0: 1}
    bootstrap = broker.bootstrap
    broker.kill9() if kill else broker.stop()
    assert not broker.alive()
    broker.start()
    assert broker.bootstrap == bootstrap
    broker.produce(topic, Message(b"after", b"k"))
    assert [m.value for m in broker.consume(topic)] == [b"before", b"after"]
    assert broker.committed(group, topic) == {0: 1}


def test_offsets_can_be_set_back(broker, topic):
    group = "g-" + topic
    broker.produce(topic, b"a", b"b", b"c")
    assert group_reads(broker, group, topic, 3) == [b"a", b"b", b"c"]
    broker.reset_offsets(group, topic, to=2)
    assert group_reads(broker, group, topic, 1) == [b"c"]
    broker.reset_offsets(group, topic)
    assert broker.committed(group, topic) == {0: 0}
    assert group_reads(broker, group, topic, 1) == [b"a"]


@pytest.mark.skipif(not KAFKA_HOME, reason="no Kafka broker: SCRC_KAFKA_HOME is not set")
def test_for_scripts(tmp_path):
    """kafka_start answers when it returns, kafka_stop leaves nothing, and it says why it fails."""
    script = """set -euo pipefail; . "$0"
        kafka_start "$1/a"; bootstrap=$(kafka_bootstrap "$1/a"); pid=$(cat "$1/a/pid")
        kcat -b "$bootstrap" -L >/dev/null && echo up
        kafka_stop "$1/a"; kill -0 "$pid" 2>/dev/null || echo down
        mkdir "$1/b" && echo nonsense >"$1/b/server.properties"
        kafka_start "$1/b" || echo refused"""
    done = subprocess.run(["bash", "-c", script, KAFKA_SH, str(tmp_path)], timeout=120,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout.split() == ["up", "down", "refused"], done
    assert "Exception" in done.stderr
