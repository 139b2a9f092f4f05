"""The simulator (tests/simulator): it believes nothing, neither of a worker of straw nor of scrc."""

import json
import os
import re
import signal
import subprocess
import uuid

import pytest

from broker import Message
from harness import LANGUAGES, SCRC_BIN, wait_for
from test_verdicts import LIMITS, simulated

SIMULATOR = os.path.join(os.path.dirname(SCRC_BIN), "tests/simulator/simulator")
STATUSES = {"ok": ["OK", "OK"], "wa": ["WA", "-"], "tl": ["TL"], "ml": ["ML"], "bf": []}


class Simulator:
    def __init__(self, broker, directory, **settings):
        self.name = uuid.uuid4().hex[:8]
        self.topic, self.results = f"scripts-{self.name}", f"results-{self.name}"
        self.log_path = str(directory / "consumer.log")
        self.broker = broker
        self.environment = {
            "PATH": os.environ["PATH"], "KAFKA_BROKER": broker.bootstrap,
            "KAFKA_TOPIC": self.topic, "KAFKA_RESULTS_TOPIC": self.results,
            "RESULT_CONSUMER_LOG_PATH": self.log_path, "RESULT_WAIT_TIMEOUT_SECONDS": "60",
            "CONSUMER_POLL_TIMEOUT_MS": "500",
            **{k: str(v) for k, v in settings.items()},
        }

    def start(self, **more):
        self.process = subprocess.Popen([SIMULATOR], env={**self.environment, **more},
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        return self

    def end(self, seconds=90):
        """(exit code, the table as {"python ok": [sent, right, wrong, missing, doubled]}, stderr)"""
        out, said = self.process.communicate(timeout=seconds)
        table = {}
        for line in out.splitlines()[1:]:
            *name, numbers = re.match(r"([a-z]+) +([a-z]*) +(\d.*)", line).groups()
            table[" ".join(filter(None, name))] = [int(n) for n in re.findall(r"\d+", numbers)][:5]
        return self.process.returncode, table, said

    def scripts(self, count=25):
        return [m.json for m in self.broker.await_messages(self.topic, count)]

    def log(self):
        with open(self.log_path) as f:
            return f.read()


@pytest.fixture
def simulator(broker, tmp_path):
    made = []

    def make(**settings):
        made.append(Simulator(broker, tmp_path, **settings).start())
        return made[-1]
    yield make
    for s in made:
        if s.process.poll() is None:
            s.process.kill()
            s.process.wait()


def result(script, **changed):
    """What a worker that judges by the name would say."""
    outcome = script["id"].split("-")[-2]
    report = {"id": script["id"], "status": outcome.upper(), "error": "",
              "tests": [{"number": i + 1, "status": status}
                        for i, status in enumerate(STATUSES[outcome])], **changed}
    return Message(json.dumps(report).encode(), report["id"].encode())


def test_right_results_are_right(simulator):
    s = simulator()
    scripts = s.scripts()
    s.broker.produce(s.results, *map(result, scripts))
    code, table, said = s.end()
    assert code == 0, said
    assert table["all"] == [25, 25, 0, 0, 0]
    assert set(table) == {f"{l} {o}" for l in LANGUAGES for o in LIMITS} | {"all"}
    assert all(row == [1, 1, 0, 0, 0] for name, row in table.items() if name != "all")
    assert s.log().count(" right\n") == 25


def test_the_scripts_are_those_of_the_matrix(simulator):
    s = simulator(SCRIPT_RUN="run7", SCRIPT_ITERATIONS=2, SCRIPT_INTERVAL_SECONDS=0.2)
    scripts = s.scripts(50)
    expected = [{"type": "script", "tests": [], "id": f"run7-{l}-{o}-{i}",
                 **{k: v for k, v in simulated(l, o).items() if v is not None}}
                for i in (1, 2) for l in LANGUAGES for o in LIMITS]
    for script in expected:
        script["tests"] = [{**test, "number": i + 1} for i, test in enumerate(script["tests"])]
    by_id = {script["id"]: script for script in expected}
    assert [script["id"] for script in scripts] == sorted(
        by_id, key=lambda id: (id[-1], LANGUAGES.index(id.split("-")[1]),
                               ("ok", "wa", "tl", "ml", "bf").index(id.split("-")[2])))
    assert {script["id"]: script for script in scripts} == by_id
    messages = s.broker.consume(s.topic)
    assert [m.key.decode() for m in messages] == [m.json["id"] for m in messages]
    s.broker.produce(s.results, *map(result, scripts))
    code, table, said = s.end()
    assert code == 0 and table["all"] == [50, 50, 0, 0, 0], said


def test_wrong_results_are_named(simulator):
    """By their status, and by what they say of their tests."""
    s = simulator()
    changes = [{"status": "WA", "error": "a\nb"}, {"tests": [{"status": "OK"}, {"status": "-"}]},
               {"tests": []}]
    scripts = s.scripts()
    s.broker.produce(s.results, *[result(x, **changed) for x, changed in
                                  zip(scripts, changes + [{}] * 22)])
    code, table, said = s.end()
    assert code == 1 and table["all"] == [25, 22, 3, 0, 0], said
    assert table["python ok"] == [1, 0, 1, 0, 0]
    assert re.search(r"^wrong: python-ok-1: WA, not OK; a\?b$", said, re.M), said
    assert len(re.findall("^wrong: ", said, re.M)) == 3


def test_a_key_that_is_not_the_id_is_wrong(simulator):
    s = simulator()
    first, *rest = s.scripts()
    s.broker.produce(s.results, result(first)._replace(key=b"other"), *map(result, rest))
    code, table, said = s.end()
    assert code == 1 and table["all"] == [25, 24, 1, 0, 0], said


def test_a_missing_result(simulator):
    s = simulator(RESULT_WAIT_TIMEOUT_SECONDS=4)
    scripts = s.scripts()
    s.broker.produce(s.results, *[result(x) for x in scripts if x["id"] != "java-tl-1"])
    code, table, said = s.end()
    assert code == 1
    assert table["java tl"] == [1, 0, 0, 1, 0] and table["all"] == [25, 24, 0, 1, 0]
    assert "missing: java-tl-1" in said and "missing id=java-tl-1" in s.log()


def test_a_doubled_result(simulator):
    s = simulator()
    scripts = s.scripts()
    s.broker.produce(s.results, *map(result, scripts), result(scripts[7]))
    code, table, said = s.end()
    assert code == 1 and table["all"] == [25, 25, 0, 0, 1], said
    assert f"doubled: {scripts[7]['id']}" in said


def test_what_was_not_asked_for(simulator):
    """Another id, another spelling of one, one not sent yet, no JSON, a tombstone."""
    s = simulator()
    scripts = s.scripts()
    for id in (b"somebody", b"python-ok-01", b"python-ok-2"):
        s.broker.produce(s.results, Message(b'{"id": "%s", "status": "OK"}' % id, id))
    s.broker.produce(s.results, Message(b"not JSON", b"k"), Message(None, b"python-ok-1"),
                     *map(result, scripts))
    code, table, said = s.end()
    assert code == 1 and table["all"] == [25, 25, 0, 0, 0], said
    assert len(re.findall("^not asked for: ", said, re.M)) == 5, said


def test_results_of_before_do_not_count(simulator, broker, tmp_path):
    s = Simulator(broker, tmp_path)
    broker.produce(s.results, Message(b'{"id": "python-ok-1", "status": "BF"}', b"python-ok-1"))
    s.start()
    broker.produce(s.results, *map(result, s.scripts()))
    code, table, said = s.end()
    assert code == 0 and table["all"] == [25, 25, 0, 0, 0], said


def test_without_end_until_a_signal(simulator):
    s = simulator(SCRIPT_ITERATIONS=0, SCRIPT_INTERVAL_SECONDS=0.3)
    s.scripts(75)
    s.process.send_signal(signal.SIGTERM)
    answered = 0

    def answer():
        """What was on its way when the signal came is answered too."""
        nonlocal answered
        scripts = [m.json for m in s.broker.consume(s.topic)]
        s.broker.produce(s.results, *map(result, scripts[answered:]))
        answered = len(scripts)
        return s.process.poll() is not None
    wait_for(answer, 60, "the simulator's end", pause=0.2)
    code, table, said = s.end()
    assert code == 0 and table["all"] == [answered, answered, 0, 0, 0], said
    assert answered >= 75 and answered % 25 == 0


def test_a_second_signal_does_not_wait(simulator):
    s = simulator()
    s.scripts()
    s.process.send_signal(signal.SIGTERM)
    s.process.send_signal(signal.SIGINT)
    code, table, said = s.end(20)
    assert code == 1 and table["all"] == [25, 0, 0, 25, 0], said


# ---- scrc itself ----

def test_all_25_by_scrc_and_twice_more(simulator, fresh_server):
    """With the same ids scrc says again what it knows; with a SCRIPT_RUN it judges anew."""
    s = simulator(RESULT_WAIT_TIMEOUT_SECONDS=120)
    server = fresh_server(LANGUAGES=None, KAFKA_BROKERS=s.broker.bootstrap, KAFKA_TOPIC=s.topic,
                          KAFKA_RESULTS_TOPIC=s.results, KAFKA_GROUP_ID="g-" + s.name).start()
    for run in ({}, {}, {"SCRIPT_RUN": "anew"}):
        if s.process.poll() is not None:
            s.start(**run)
        code, table, said = s.end(300)
        assert code == 0 and table["all"] == [25, 25, 0, 0, 0], said
    ids = [r["id"] for r in server.get("/results?limit=500").json["results"]]
    assert len(ids) == 50 and sum(id.startswith("anew-") for id in ids) == 25


def test_settings_that_are_none(broker, tmp_path):
    for name, value in (("SCRIPT_ITERATIONS", "many"), ("SCRIPT_INTERVAL_SECONDS", "-1"),
                        ("CONSUMER_POLL_TIMEOUT_MS", "nan"), ("SCRIPT_RUN", "x" * 101),
                        ("RESULT_CONSUMER_LOG_PATH", "/nowhere/log")):
        code, _, said = Simulator(broker, tmp_path, **{name: value}).start().end(20)
        assert code == 2 and name in said, (name, code, said)
    nobody = Simulator(broker, tmp_path, KAFKA_BROKER="127.0.0.1:1", RESULT_WAIT_TIMEOUT_SECONDS=1)
    code, _, said = nobody.start().end(20)
    assert code == 1 and "127.0.0.1:1" in said
