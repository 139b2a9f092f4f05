"""What a restored table publishes: nothing that Kafka has already of what waited in the backup, and all that is
new, whatever numbers the table has given since the backup."""

import sqlite3
import time

from harness import in_file
from kafka import Topics, quick
from test_backup import scrc

pytestmark = in_file


def add_row(data, number=None):
    """The report of the first submission waits to be published; `number`: under that one."""
    with sqlite3.connect(data + "/scrc.db") as db:
        db.execute("INSERT INTO outbox(number, kind, seq, created_ms) VALUES(?, 0, 1, ?)",
                   (number, int(time.time() * 1000)))


def test_published_once(broker, fresh_server, tmp_path):
    topics = Topics(broker)
    server = topics.server(fresh_server).start().ready()
    topics.send(quick("first"))
    topics.wait_reports({"first"})
    server.kill9()
    (sent,) = broker.consume(topics.results)
    number = int(sent.header["scrc-outbox"].split(":")[1])
    with sqlite3.connect(server.data + "/scrc.db") as db:
        db.execute("UPDATE watermark SET offset = 0")
    add_row(server.data, number)  # as it is for a moment: Kafka has it, and the table does not know yet
    scrc(server, "--backup", str(tmp_path / "b"))
    server.start().ready()
    topics.send(quick("later"))  # the number that the backup would give next
    topics.wait_reports({"first", "later"})
    server.kill9()

    there = topics.server(fresh_server)
    scrc(there, "--restore", str(tmp_path / "b"))
    add_row(there.data)
    there.start().ready()
    found = topics.wait_reports({"first", "later"})
    broker.await_messages(topics.results, 3)
    topics.send(quick("last"))
    topics.wait_reports({"first", "later", "last"})
    told = [(m.json["id"], m.header["scrc-outbox"]) for m in broker.consume(topics.results)]
    assert len(found["later"]) == 1
    assert sorted(id for id, _ in told) == ["first", "first", "last", "later"], told
    assert len({outbox for _, outbox in told}) == 4, told
    assert there.terminate() == 0
