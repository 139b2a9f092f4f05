"""The bridge against a real broker: what comes in, what goes out, what the group sees."""

import json
import subprocess
import time

import pytest

from harness import check_report, run_scrc, submission, test, wait_for
from broker import Message
from kafka import SESSION, duplicates, messages, quick


# ---- what comes in, what goes out ----

def test_a_submission_becomes_a_report(topics, fresh_server):
    topics.send(quick("a"), quick("b", 2))
    server = topics.server(fresh_server).start()
    found = topics.wait_reports({"a", "b"})
    for id in ("a", "b"):
        [report] = found[id]
        check_report(report)
        assert report["status"] == "OK" and report["tests"][0]["expected_output"]
        assert server.report(id)["verdict"] == "OK"
    assert sorted(m.key for m in topics.broker.consume(topics.results)) == [b"a", b"b"]
    topics.wait_committed({0: 2})


def test_hidden_tests_and_strict_words(topics, fresh_server):
    """On the topic a consumer of the Go worker sees its six words; `verdict` is beside them."""
    topics.server(fresh_server, REPORT_TEST_IO=0).start()
    crash = submission("python", "import os; os.abort()", [test("secret", "x")])
    topics.send({"id": "re", **crash}, {"id": "exit", **submission("python", "raise SystemExit(3)")},
                {"id": "wa", **submission("python", "print(input())", [test("secret", "2")])})
    found = topics.wait_reports({"re", "exit", "wa"})
    words = {id: (r[0]["status"], r[0]["verdict"]) for id, r in found.items()}
    assert words == {"re": ("WA", "RE"), "exit": ("OK", "RE"), "wa": ("WA", "WA")}
    assert found["re"][0]["tests"][0]["input"] == ""
    assert "secret" not in json.dumps(found)
    assert found["wa"][0]["tests"][0]["first_difference"] is None


def test_full_words_when_asked_for(topics, fresh_server):
    topics.server(fresh_server, RUNNER_STATUS_SET="full").start()
    topics.send({"id": "re", **submission("python", "raise SystemExit(3)", [test("", "")])})
    assert topics.wait_reports({"re"})["re"][0]["status"] == "RE"


def test_ids_as_the_reference_derives_them(topics, fresh_server):
    server = topics.server(fresh_server).start()
    topics.send(quick(None), quick(None, 2), quick(None, 3), keys=["key", "key", None])
    found = topics.wait_reports({"key", f"{topics.scripts}:0:2"})
    wait_for(lambda: len(topics.reports()) == 3, 30, "three reports", pause=0.3)
    assert sorted(m.key for m in topics.broker.consume(topics.results)) == \
        sorted([b"key", b"key", f"{topics.scripts}:0:2".encode()])
    assert server.report("key")["id"] == "key"
    assert server.report("key@0:1")["stdout"] == "2\n"
    assert found["key"]


def test_two_partitions_have_ids_of_their_own(topics, fresh_server):
    """Messages without id and key at one offset of two partitions are two submissions."""
    topics.broker.create_topic(topics.scripts, 2)
    topics.server(fresh_server).start()
    for p in (0, 1):
        topics.broker.produce(topics.scripts, json.dumps(quick(None, p)).encode(), partition=p)
    found = topics.wait_reports({f"{topics.scripts}:{p}:0" for p in (0, 1)})
    assert [found[f"{topics.scripts}:{p}:0"][0]["stdout"] for p in (0, 1)] == ["0\n", "1\n"]


PLACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = (("traceparent", PLACE.encode()),
         ("correlation-id", b"c-1"), ("ce_id", b"e-1"), ("odd", "\u00e9=".encode()))


def test_headers_go_through(topics, fresh_server):
    """Reports and dead letters carry what the message carried, and say where it was read."""
    server = topics.server(fresh_server).start()
    broker = topics.broker
    broker.produce(topics.scripts, Message(json.dumps(quick("a")).encode(), b"a", TRACE))
    broker.produce(topics.scripts, Message(b'{"id": "bad"}', b"bad", TRACE[:2]))
    topics.wait_reports({"a", "bad"})
    broker.produce(topics.scripts, Message(json.dumps(quick("a")).encode(), b"a",
                                           (("correlation-id", b"c-2"),)))
    server.post(quick("http"), headers={"traceparent": PLACE})
    topics.wait_reports({"http"})
    wait_for(lambda: len(topics.reports()) == 4, 30, "told again", pause=0.3)
    wait_for(topics.dead_letters, 30, "the dead letter", pause=0.3)
    found = {}
    for m in broker.consume(topics.results, topics.dead):
        found.setdefault(m.key.decode(), []).append(m)

    def theirs(m):
        return tuple(h for h in m.headers if not h[0].startswith("scrc-"))

    first, again = found["a"]
    assert theirs(first) == TRACE
    assert theirs(again) == (("correlation-id", b"c-2"), TRACE[0])  # that of its report
    assert [m.header["scrc-source-offset"] for m in found["a"]] == ["0", "2"]
    sent = [m.timestamp for m in broker.consume(topics.scripts)]
    assert first.header["scrc-source-topic"] == topics.scripts
    assert first.header["scrc-source-partition"] == "0"
    assert first.header["scrc-source-timestamp"] == str(sent[0])
    assert len(found["bad"]) == 2  # its report, and the dead letter
    for m in found["bad"]:
        assert theirs(m) == TRACE[:2] and m.header["scrc-source-offset"] == "1"
    [http] = found["http"]
    assert [h[0] for h in http.headers] == ["traceparent", "scrc-outbox"]
    assert http.header["traceparent"] == PLACE
    reports = {m.key.decode(): m.json for m in broker.consume(topics.results)}
    assert {id: (r["door"], r["traceparent"]) for id, r in reports.items()} == {
        "a": ("kafka", PLACE), "bad": ("kafka", PLACE), "http": ("http", PLACE)}


def test_frames_around_a_submission(topics, fresh_server):
    """A CloudEvent in structured mode, and what serializers of a schema registry put in front."""
    server = topics.server(fresh_server).start()
    event = {"specversion": "1.0", "id": "e1", "source": "/lms", "type": "com.lms.sent",
             "data": quick("in-event")}
    topics.send_bytes(json.dumps(event).encode(), key="k")
    topics.send_bytes(b"\0\0\0\0\7" + json.dumps(quick("framed")).encode(), key="k")
    topics.send_bytes(b'{"type": "com.lms.left", "id": "x"}', key="k")
    topics.send_bytes(b'{"type": "com.lms.left", "id": "y"}', key="k")
    topics.wait_reports({"in-event", "framed"})
    wait_for(lambda: "kafka_foreign_type" in server.log(), 20, "said")
    assert topics.dead_letters() == []
    assert server.log().count("kafka_foreign_type") == 1 and "com.lms.left" in server.log()


def test_attributes_of_an_event_go_through(topics, fresh_server):
    """In either mode report and dead letter have them as headers of binary mode."""
    attributes = {"specversion": "1.0", "id": "e1", "source": "/lms", "type": "com.lms.sent",
                  "subject": "caf\u00e9", "time": "2026-01-01T00:00:00Z",
                  "traceparent": TRACE[0][1].decode(), "attempt": 3}
    want = {"ce_" + name: str(value) for name, value in attributes.items()}
    topics.server(fresh_server).start()
    structured = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
    bodies = {"good": quick(None), "bad": {"language": "cobol"}}
    for name, body in bodies.items():
        topics.broker.produce(
            topics.scripts,
            Message(json.dumps({**attributes, "datacontenttype": "application/json",
                                "data": body}).encode(), f"s-{name}".encode(), structured),
            Message(json.dumps(body).encode(), f"b-{name}".encode(),
                    (*((n, v.encode()) for n, v in want.items()),
                     ("content-type", b"application/json"))))
    topics.wait_reports({f"{m}-{n}" for m in "sb" for n in bodies})
    wait_for(lambda: len(topics.dead_letters()) == 2, 30, "dead letters", pause=0.3)
    for m in topics.broker.consume(topics.results, topics.dead):
        had = {n: v for n, v in m.header.items() if n.startswith("ce_")}
        binary = m.key.startswith(b"b-")
        assert had == (want if binary else {**want, "ce_datacontenttype": "application/json"}), m
        if binary:
            assert m.header["content-type"] == "application/json"
        elif m.key == b"s-good":  # a report is no CloudEvent
            assert "content-type" not in m.header
        elif m.topic == topics.dead:  # the letter still is one
            assert m.header["content-type"] == structured[0][1].decode()


def test_over_http_and_kafka_it_is_one(topics, fresh_server):
    server = topics.server(fresh_server).start()
    server.submit(quick("one"))
    topics.wait_reports({"one"})
    topics.send(quick("one"))  # the same, by way of Kafka: judged once, told once more
    wait_for(lambda: len(topics.reports()) == 2, 30, "told again", pause=0.3)
    first, again = topics.reports()
    assert first == again
    topics.send(quick("two"))
    topics.wait_reports({"two"})
    assert server.post(quick("two")).status == 200
    assert server.post(quick("two", 5)).status == 409
    before = len(topics.reports())
    assert server.request("POST", "/results/one/publish").status == 202
    wait_for(lambda: len(topics.reports()) == before + 1, 30, "published when asked", pause=0.3)
    assert topics.reports().count(first) == 3


def test_a_topic_made_anew_is_read_anew(topics, fresh_server):
    """Its offsets begin at 0 once more: they are no replay of what was there before."""
    server = topics.server(fresh_server).start()
    topics.send(quick("a"), quick(None), quick("c"))
    topics.wait_reports({"a", f"{topics.scripts}:0:1", "c"})
    server.terminate()
    topics.broker.delete_topic(topics.scripts)
    wait_for(lambda: topics.scripts not in topics.broker.topics(), 30, "it is gone", pause=0.3)
    topics.send(quick("d"), quick(None, 2))
    server.start()
    topics.wait_reports({"d"})
    wait_for(lambda: [r["id"] for r in topics.reports()].count(f"{topics.scripts}:0:1") == 2, 60,
             "both that are told by their offset", pause=0.5)
    assert "topic_made_anew" in server.log()


def test_http_is_not_published_when_it_should_not(topics, fresh_server):
    server = topics.server(fresh_server, KAFKA_PUBLISH_HTTP=0).start()
    server.judge(quick("http"))
    topics.send(quick("kafka"))
    topics.wait_reports({"kafka"})
    assert [r["id"] for r in topics.reports()] == ["kafka"]


def test_what_the_server_says_of_kafka(topics, fresh_server):
    server = topics.server(fresh_server, KAFKA_PROP_SASL_PASSWORD="canary-5ec2e7",
                           KAFKA_PROP_SASL_USERNAME="canary-user",
                           KAFKA_PROP_SASL_OAUTHBEARER_CONFIG="principal=canary",
                           KAFKA_PROP_LINGER_MS="1").start()
    topics.send(quick("a"))
    topics.wait_reports({"a"})
    wait_for(lambda: messages(server, "sent") == 1, 20, "sent", pause=0.2)
    assert server.metric("scrc_kafka_up") == 1 and messages(server, "accepted") == 1
    wait_for(lambda: server.metric("scrc_kafka_lag_messages") == 0, 20, "lag", pause=0.2)
    now = server.get("/stats").json["present"]["kafka"]
    assert now["connected"] and now["outbox"] == 0 and now["partitions"] == 1
    assert now["messages"]["consumed"] == 1
    system = server.get("/system").json
    [finding] = [f for f in system["findings"] if f["name"] == "kafka"]
    assert finding["state"] == "ok" and topics.scripts in finding["says"]
    shown = {s["name"]: s["value"] for s in system["settings"]}
    for name in ("PASSWORD", "USERNAME", "OAUTHBEARER_CONFIG"):
        assert shown["KAFKA_PROP_SASL_" + name] == "***"
    assert shown["KAFKA_PROP_LINGER_MS"] == "1"
    assert b"canary" not in server.get("/system").body and "canary" not in server.log()


# ---- bad messages ----

POISON = {
    "not JSON": b"hello", "empty": b"", "0xff": b"\xff" * 20,
    "an array": b"[]", "nothing in it": b"{}", "NUL": b"\x00\n\x00", "cut off": b'{"id": "x',
    "no such language": json.dumps({"language": "cobol", "source": "x"}).encode(),
    "too deep": b"[" * 3000, "wrong type": b'{"type": 7}',
    "wrong types": b'{"language": 1, "source": [], "tests": {}}',
    "negative": json.dumps({**quick(None), "limits": {"time_limit_ms": -1}}).encode(),
    "large": b'{"language": "python", "source": "' + b"x" * 300000 + b'"}',
    "duplicate keys": b'{"language": "c", "language": "c", "source": "x"}',
}


def test_poison(topics, fresh_server):
    """Between good ones: each lands in the dead letters byte for byte, and the good go on."""
    n = 100
    server = topics.server(fresh_server, MAX_BODY_BYTES=200000).start()
    topics.send(quick("warm"))
    topics.wait_reports({"warm"})
    kinds = list(POISON.items())
    for i in range(n):
        name, value = kinds[i % len(kinds)]
        topics.send_bytes(value, key=f"bad{i}")
        if i % 10 == 9:
            topics.send(*[quick(f"good{j}", j) for j in range(i - 9, i + 1)])
    good = {f"good{i}" for i in range(n)}
    found = topics.wait_reports(good, 180)
    assert all(found[id][0]["verdict"] == "OK" for id in good)
    dead = topics.dead_letters()
    assert len(dead) == n
    for i, m in enumerate(sorted(dead, key=lambda m: int(m.key[3:]))):
        name, value = kinds[i % len(kinds)]
        assert (m.key, m.value) == (f"bad{i}".encode(), value), name
        assert m.header["scrc-reason"] and m.header["scrc-source-topic"] == topics.scripts
        assert m.header["scrc-source-partition"] == "0" and m.header["scrc-source-offset"]
        assert "scrc-truncated" not in m.header
        told = found.get(f"bad{i}", [])
        assert len(told) == 1 and told[0]["status"] == "-" and told[0]["error"], name
        assert server.get(f"/results/bad{i}").status == 404
    begin = time.monotonic()
    topics.send_bytes(b"hello", key="last-bad")
    topics.send(quick("last"))
    topics.wait_reports({"last"}, 20)
    print(f"good one after poison: {time.monotonic() - begin:.2f} s with two kcat processes")


def test_what_is_meant_for_nobody_is_skipped(topics, fresh_server):
    """Tombstones and types of others: no dead letter, no report, and the offset moves on."""
    server = topics.server(fresh_server).start()
    topics.send_bytes(None, key="tomb")
    topics.send_bytes(b'{"type": "other", "id": "theirs"}', key="theirs")
    topics.send(quick("end"))
    topics.wait_reports({"end"})
    assert [r["id"] for r in topics.reports()] == ["end"]
    assert server.terminate() == 0
    assert topics.dead_letters() == []
    server.start()
    topics.send(quick("next"))
    topics.wait_reports({"next"})
    assert [r["id"] for r in topics.reports()] == ["end", "next"]


def test_a_conflict_is_a_dead_letter_only(topics, fresh_server):
    server = topics.server(fresh_server).start()
    topics.send(quick("c", 1))
    topics.wait_reports({"c"})
    topics.send(quick("c", 2))
    topics.send_bytes(b'{"id": "c", "language": "cobol"}')  # refused, and its id is taken
    topics.send(quick("end"))
    topics.wait_reports({"end"})
    dead = wait_for(lambda: len(topics.dead_letters()) == 2 and topics.dead_letters(), 20,
                    "dead letters", pause=0.3)
    reasons = {m.value: m.header["scrc-reason"] for m in dead}  # in either order
    assert "taken" in reasons.pop(json.dumps(quick("c", 2)).encode())
    assert "/language" in reasons.pop(b'{"id": "c", "language": "cobol"}')
    assert [r["id"] for r in topics.reports()] == ["c", "end"]
    assert server.report("c")["stdout"] == "1\n"


def test_a_result_too_large_is_cut(topics, fresh_server):
    """The topic takes 60 kB; the report has two outputs of 64 KiB and more."""
    topics.broker.create_topic(topics.results, max_message_bytes=60000)
    topics.broker.create_topic(topics.dead, max_message_bytes=60000)
    server = topics.server(fresh_server).start()
    flood = submission("python", "print('x' * 60000)", [test("", "y"), test("y" * 50000, "z")],
                       stop_on_failure=False)
    topics.send({"id": "big", **flood}, *[quick(f"small{i}") for i in range(5)])
    found = topics.wait_reports({"big"} | {f"small{i}" for i in range(5)})
    [report] = found["big"]
    check_report(report)
    assert report["verdict"] == "WA" and report["tests"][0]["stdout_truncated"]
    assert all(not t["stdout_truncated"] for t in found["small0"][0]["tests"])
    assert len(server.report("big")["tests"][0]["stdout"]) > 60000  # over HTTP it is whole
    topics.send_bytes(b"q" * 100000, key="huge")
    dead = wait_for(lambda: topics.dead_letters(), 30, "dead letter", pause=0.3)
    assert dead[0].header["scrc-truncated"] == "1" and set(dead[0].value) == {ord("q")}
    assert 1000 < len(dead[0].value) < 60000


# ---- the group ----

def test_a_topic_that_appears_later(topics, fresh_server):
    server = topics.server(
        fresh_server, KAFKA_PROP_TOPIC_METADATA_REFRESH_INTERVAL_MS=None).start()  # the server's own
    wait_for(lambda: any(topics.scripts in line for line in server.degraded()), 30, "said",
             pause=0.2)
    topics.send(quick("late"))
    topics.wait_reports({"late"}, 60)
    wait_for(lambda: not server.degraded(), 10, "well again", pause=0.2)


def test_judging_longer_than_the_poll_interval(topics, fresh_server):
    server = topics.server(fresh_server, KAFKA_PROP_MAX_POLL_INTERVAL_MS=SESSION * 1000,
                           RUNNER_MAX_PARALLEL=1).start()
    slow = submission("python", f"import time; time.sleep({2 * SESSION}); print(1)", [test("", "1")],
                      limits={"wall_time_limit_ms": 30000})
    topics.send({"id": "slow", **slow}, quick("next"))
    topics.wait_reports({"slow", "next"})
    assert "kafka_revoked" not in server.log()
    assert server.report("slow")["verdict"] == "OK"


def test_replay_judges_nothing_twice(topics, fresh_server):
    server = topics.server(fresh_server).start()
    ids = {f"r{i}" for i in range(20)}
    topics.send(*[quick(id) for id in sorted(ids)])
    topics.wait_reports(ids)
    topics.wait_committed({0: 20})
    stamps = {id: server.report(id)["timestamp"] for id in ids}
    assert server.terminate() == 0
    topics.broker.reset_offsets(topics.group, topics.scripts)
    server.start()
    topics.send(quick("new"))
    topics.wait_reports({"new"})
    reports = topics.reports()
    assert sorted(r["id"] for r in reports) == sorted(ids | {"new"})
    assert {id: server.report(id)["timestamp"] for id in ids} == stamps
    topics.send(quick("r3"))  # at a new offset it is told again, and not judged again
    wait_for(lambda: len(topics.reports()) == 22, 30, "r3 again", pause=0.3)
    assert topics.reports()[-1]["timestamp"] == stamps["r3"]


def test_a_foreign_member_in_the_group(topics, fresh_server, tmp_path):
    """The Go worker's place during a replacement: range and roundrobin are spoken by both."""
    topics.broker.create_topic(topics.scripts, 4)
    server = topics.server(fresh_server).start()
    wait_for(lambda: "partitions=4" in server.log(), 30, "alone", pause=0.2)
    eaten_file = open(tmp_path / "eaten", "wb")
    other = subprocess.Popen(["kcat", "-b", topics.broker.bootstrap, "-q", "-u", "-X",
                              "session.timeout.ms=6000", "-X", "auto.offset.reset=earliest", "-X",
                              "partition.assignment.strategy=range,roundrobin",
                              "-G", topics.group, topics.scripts],
                             stdout=eaten_file, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: "partitions=2" in server.log(), 60, "shared", pause=0.2)
        topics.send(*[quick(f"s{i}") for i in range(20)])
        wait_for(lambda: len(topics.reports()) + len((tmp_path / "eaten").read_bytes().splitlines())
                 >= 20, 60, "all with one of them", pause=0.3)
    finally:
        other.terminate()
        other.wait()
        eaten_file.close()
    ids = {f"s{i}" for i in range(20)}
    eaten = {json.loads(line)["id"] for line in (tmp_path / "eaten").read_bytes().splitlines()}
    topics.wait_reports(ids - eaten)
    assert eaten and ids - eaten, (eaten, ids)
    assert server.log().count("partitions=4") >= 1


def test_offsets_wait_for_reports_when_asked(topics, fresh_server):
    server = topics.server(fresh_server, KAFKA_COMMIT="reported", RUNNER_MAX_PARALLEL=0,
                           KAFKA_PROP_AUTO_COMMIT_INTERVAL_MS=200).start()
    topics.send(quick("a"), quick("b"), quick("c"))
    wait_for(lambda: server.get("/results/c").status == 202, 30, "accepted")
    time.sleep(0.6)  # three commit intervals in which nothing may happen
    assert topics.committed().get(0, 0) == 0
    assert server.delete("b").status == 200
    assert server.delete("a").status == 200
    topics.wait_committed({0: 2})
    server.kill9()
    server.settings["RUNNER_MAX_PARALLEL"] = "2"
    server.start()
    topics.wait_reports({"a", "b", "c"})
    topics.wait_committed({0: 3})
    assert sorted(r["id"] for r in topics.reports()) == ["a", "b", "c"]


def test_a_full_queue_pauses_and_goes_on(topics, fresh_server):
    server = topics.server(fresh_server, MAX_QUEUED=10, RUNNER_MAX_PARALLEL=0).start()
    n = 60
    topics.send(*[quick(f"q{i}") for i in range(n)])
    wait_for(lambda: "kafka_paused" in server.log(), 30, "paused")
    # A shared table is counted a moment later.
    wait_for(lambda: server.get("/stats").json["present"]["queued"] >= 10, 10, "they are counted")
    assert server.post(quick(None)).status == 429
    assert server.terminate() == 0
    server.settings["RUNNER_MAX_PARALLEL"] = "2"
    server.start()
    found = topics.wait_reports({f"q{i}" for i in range(n)})
    assert duplicates(found) == 0


# ---- the end ----

def test_done_ends_it(topics, fresh_server):
    server = topics.server(fresh_server).start()
    topics.send(*[quick(f"d{i}") for i in range(10)])
    topics.send_bytes(b'{"type": "done"}')
    topics.send(quick("behind"))
    assert server._end(60) == 0
    assert {r["id"] for r in topics.reports()} == {f"d{i}" for i in range(10)}
    assert topics.committed() == {0: 11}
    server.start()
    topics.wait_reports({"behind"})


def test_done_can_be_ignored(topics, fresh_server):
    server = topics.server(fresh_server, KAFKA_IGNORE_DONE=1).start()
    topics.send_bytes(b'{"type": "done"}')
    topics.send(quick("behind"))
    topics.wait_reports({"behind"})
    assert server.alive()


def test_script_expected(topics, fresh_server):
    server = topics.server(fresh_server, SCRIPT_EXPECTED=5).start()
    topics.send_bytes(b"poison", key="p")
    topics.send(*[quick(f"e{i}") for i in range(8)])
    assert server._end(60) == 0
    assert {r["id"] for r in topics.reports()} == {"p"} | {f"e{i}" for i in range(4)}
    assert topics.committed() == {0: 5}


def test_sigterm_loses_nothing(topics, fresh_server):
    server = topics.server(fresh_server).start()
    ids = {f"s{i}" for i in range(40)}
    topics.send(*[quick(id) for id in sorted(ids)])
    wait_for(lambda: len(topics.reports()) >= 3, 60, "some reports", pause=0.2)
    begin = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - begin < 20
    server.start()
    assert duplicates(topics.wait_reports(ids)) == 0


# ---- settings ----

@pytest.mark.parametrize("name, value, code", [
    ("KAFKA_PROP_NO_SUCH_THING", "1", 2), ("KAFKA_PROP_SECURITY_PROTOCOL", "telnet", 2),
    ("KAFKA_PROP_PLUGIN_LIBRARY_PATHS", "x", 2), ("KAFKA_TOPIC", "a b", 2),
    ("KAFKA_COMMIT", "never", 2),
])
def test_wrong_settings_are_named(name, value, code):
    got, _, said = run_scrc(KAFKA_BROKERS="127.0.0.1:1", **{name: value})
    assert got == code and name in said


def test_secrets_are_not_logged():
    got, _, said = run_scrc(KAFKA_BROKERS="127.0.0.1:1", KAFKA_PROP_SASL_PASSWORD="hunter2",
                            LOG_LEVEL="debug", **{"KAFKA_PROP_sasl.password": "hunter3"})
    assert got == 2 and "hunter" not in said


def test_what_waits_over_http_does_not_keep_kafka_waiting(topics, fresh_server):
    """KAFKA_PREFETCH bounds the submissions of Kafka in the table, and no others."""
    server = topics.server(fresh_server, RUNNER_MAX_PARALLEL=1, KAFKA_PREFETCH=2).start().ready()
    long = submission("python", "import time; time.sleep(120)", [test("", "")],
                      limits={"time_limit_ms": 1000, "wall_time_limit_ms": 150000})
    ids = [server.submit(long) for _ in range(4)]
    wait_for(lambda: server.get(f"/results/{ids[0]}").json.get("state") == "running", 60, "the first runs")
    topics.send(*[quick(f"k{n}") for n in range(4)])
    wait_for(lambda: server.get("/results/k1").status == 202, 60, "two of Kafka are accepted")
    assert server.get("/results/k2").status == 404 and server.get("/results/k3").status == 404
    for id in reversed(ids):
        server.delete(id)
    topics.wait_reports({f"k{n}" for n in range(4)})
