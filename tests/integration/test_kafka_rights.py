"""What a broker refuses: which right or which setting is missing is said, once and for as long as
it is so, in the log, by /readyz, by the System page and by a metric."""

import os
import re
import time
from collections import Counter

import pytest

from broker import need_kafka, running
from harness import LONG, ROOT, wait_for
from kafka import Topics, quick
from secured import SecuredBroker

SEEN = 2.5  # seconds of statistics, one a second, that must not wipe what was said

TABLES = "scrc-*"  # the transactional ids of all servers, one for each job table


@pytest.fixture(scope="module")
def secured():
    need_kafka()
    with running(SecuredBroker()) as b:
        yield b


class Guest:
    """A user of its own with topics of its own, and the server that comes as him."""

    count = 0

    def __init__(self, broker, make):
        self.broker, self.make = broker, make
        Guest.count += 1
        self.user = f"user{Guest.count}"
        self.topics = t = Topics(broker)
        # All that a server needs.
        self.rights = [
            ("topic", t.scripts, "READ"), ("group", t.group, "READ"),
            *[("topic", name, right) for name in (t.results, t.dead)
              for right in ("WRITE", "READ")],
            ("transactional-id", TABLES, "WRITE")]

    def name(self, which):
        t = self.topics
        return {"scripts": ("topic", t.scripts), "results": ("topic", t.results),
                "dead": ("topic", t.dead), "group": ("group", t.group),
                "tables": ("transactional-id", TABLES)}[which]

    def allow(self, *left_out):
        """All rights but those."""
        given = [r for r in self.rights if r not in left_out]
        assert len(given) == len(self.rights) - len(left_out), left_out
        self.broker.allow(self.user, *given)

    def give(self, *rights):
        self.broker.allow(self.user, *rights)

    def take(self, *rights):
        self.broker.forbid(self.user, *rights)

    def make_topics(self, *left_out):
        for name in (self.topics.scripts, self.topics.results, self.topics.dead):
            if name not in left_out:
                self.broker.create_topic(name)

    def server(self, **more):
        settings = {**self.topics.settings(), **self.broker.settings(self.user),
                    "KAFKA_PROP_TOPIC_METADATA_PROPAGATION_MAX_MS": "1000", **more}
        return self.make(**settings)


@pytest.fixture
def guests(secured, fresh_server):
    return lambda: Guest(secured, fresh_server)


@pytest.fixture
def guest(guests):
    return guests()


# ---- what is said ----

def told(server, part):
    """By /readyz and by the metric."""
    return (server.metric('scrc_kafka_trouble{part="%s"}' % part),
            [d for d in server.degraded() if d.startswith(f"Kafka, {part}: ")])


def finding(server, part):
    """The System page's. It is 15 s old at most, so the first look is a new one."""
    name = f"kafka, {part.replace('_', ' ')}"
    found = [f for f in server.get("/system").json["findings"] if f["name"] == name]
    return found[0] if found else None


def said(server, part):
    """The lines of the log that something is wrong with the part."""
    if part == "connection":
        return [line for line in server.lines if "event=kafka_away" in line]
    return [line for line in server.lines
            if "event=kafka_trouble" in line and f"part={part}" in line]


def repeated(server):
    """Lines about Kafka that something is wrong, and that were written before in the same words."""
    lines = Counter(line.split(" ", 1)[1] for line in server.lines
                    if re.search(r"level=(warning|error) event=kafka_", line))
    return [line for line, times in lines.items() if times > 1]


def is_told(server, part, words):
    metric, degraded = told(server, part)
    return metric == 1 and len(degraded) == 1 and all(w in degraded[0] for w in words)


def await_troubles(*cases, seconds=60):
    """Each (server, part, words): said everywhere with these words, once, and still when
    statistics have come and gone. The System page is asked once for each part: it looks at the
    whole host."""
    asked = set()
    for server, part, words in cases:
        try:
            wait_for(lambda: is_told(server, part, words), seconds, f"{part}: {words}", pause=0.1)
        finally:
            print(*told(server, part), *said(server, part), sep="\n")
        if part not in asked:
            found = finding(server, part)
            assert found and found["state"] == "warn", found
            assert all(w in str(found) for w in words), found
        asked.add(part)
    end = time.monotonic() + SEEN
    while time.monotonic() < end:
        for server, part, words in cases:
            assert is_told(server, part, words), (told(server, part), words)
        time.sleep(0.1)  # the pace of looking
    for server, part, words in cases:
        lines = [line for line in said(server, part) if all(w in line for w in words)]
        assert len(lines) == 1, said(server, part)
        assert not repeated(server)


def await_well(server, seconds=60):
    wait_for(lambda: not server.degraded(), seconds, "nothing degraded",
             pause=0.1)
    for part in ("connection", "reading", "publishing", "dead_letters"):
        assert told(server, part)[0] == 0


def await_assigned(server):
    wait_for(lambda: "event=kafka_assigned" in server.log(), 60, "a partition", pause=0.1)
    await_well(server)


# ---- rights ----

def test_all_rights(guest):
    """Nothing but what README lists is needed, whatever there is to do."""
    guest.make_topics()
    guest.allow()
    guest.topics.send(quick("a"))
    guest.topics.send_bytes(b'{"id": "bad"}')
    server = guest.server().start()
    guest.topics.wait_reports({"a", "bad"})
    wait_for(guest.topics.dead_letters, 30, "a dead letter", pause=0.2)
    server.restart(kill=True)
    guest.topics.send(quick("b"))
    guest.topics.wait_reports({"b"})
    await_well(server)
    assert "event=kafka_trouble" not in server.log()


def readme_lines():
    """Its kafka-acls commands, each as arguments."""
    with open(os.path.join(ROOT, "README.md")) as f:
        lines = [line.strip() for line in f if line.strip().startswith("kafka-acls.sh ")]
    return [line.split()[1:] for line in lines]


def read_rights(arguments, names):
    """The rights that such a command gives, on the things that names knows by README's names."""
    found = list(zip(arguments, arguments[1:]))
    rights = [v.upper() for o, v in found if o == "--operation"]
    things = [(o[2:], names[v]) for o, v in found
              if o[2:] in ("topic", "group", "transactional-id")]
    assert ("--allow-principal", "User:scrc") in found
    assert ("--resource-pattern-type", "prefixed") in found or "*" not in str(things)
    return [(kind, name, right) for kind, name in things for right in rights]


def test_readme_gives_these_rights(guest):
    names = {"scripts": guest.topics.scripts, "script-results": guest.topics.results,
             "scripts.dead-letter": guest.topics.dead, "scrc-runner": guest.topics.group,
             "scrc-": TABLES}
    given = [right for line in readme_lines() for right in read_rights(line, names)]
    assert sorted(given) == sorted(guest.rights)


@pytest.mark.skipif(not LONG, reason="Kafka's own command takes seconds: --all")
def test_readme_as_it_is_written(guest):
    """Default names, and the commands by Kafka's own tool."""
    broker, topics = guest.broker, guest.topics
    topics.scripts, topics.results, topics.dead = "scripts", "script-results", "scripts.dead-letter"
    topics.group = "scrc-runner"
    guest.make_topics()
    for line in readme_lines():
        broker.tool("AclCommand", *line)
    guest.user = "scrc"
    topics.send(quick("a"))
    topics.send_bytes(b'{"id": "bad"}')
    server = guest.server().start()
    topics.wait_reports({"a", "bad"})
    wait_for(topics.dead_letters, 30, "a dead letter", pause=0.2)
    server.restart(kill=True)
    topics.send(quick("b"))
    topics.wait_reports({"b"})
    await_well(server)


# What is missing, what there is instead of it, and what is said.
MISSING = [
    ("scripts", "READ", None, "reading"),
    ("scripts", "READ", "DESCRIBE", "reading"),
    ("group", "READ", None, "reading"),
    ("results", "WRITE", None, "publishing"),
    ("dead", "WRITE", None, "dead_letters"),
]


def test_rights_that_are_missing(guests):
    """A server for each. What is given later counts without a restart, and nothing is lost."""
    cases = []
    for which, right, instead, part in MISSING:
        guest = guests()
        kind, name = guest.name(which)
        guest.make_topics()
        guest.allow((kind, name, right))
        if instead:
            guest.give((kind, name, instead))
        guest.topics.send_bytes(b'{"id": "bad"}')
        cases.append((guest, guest.server().start(), part, (kind, name, right)))
    await_troubles(*[(server, part, missing[1:]) for _, server, part, missing in cases])
    for guest, server, part, missing in cases:
        if part == "dead_letters":
            guest.topics.wait_reports({"bad"})  # one topic holds nothing back from the other
        guest.give(missing)
    for guest, server, _, _ in cases:
        guest.topics.wait_reports({"bad"})
        wait_for(guest.topics.dead_letters, 60, "the dead letter", pause=0.2)
        await_well(server)


def test_rights_that_are_taken_away(guests):
    """What was wrong and is not any more is not said for ever, though no message comes; and the
    server still ends when it is told to."""
    cases = []
    for which, left in (("scripts", None), ("scripts", "DESCRIBE"), ("group", None)):
        guest = guests()
        kind, name = guest.name(which)
        guest.make_topics()
        guest.allow()
        if left:
            guest.give((kind, name, left))
        cases.append((guest, guest.server().start(), (kind, name, "READ")))
    for guest, server, right in cases:
        await_assigned(server)
        guest.take(right)
    await_troubles(*[(server, "reading", right[1:]) for _, server, right in cases])
    for guest, server, right in cases:
        guest.give(right)
    for guest, server, right in cases:
        await_well(server)
        assert server.terminate(20) == 0


def test_topic_and_group(guest):
    """Both are wrong, and both are said."""
    guest.make_topics()
    server = guest.server().start()
    await_troubles((server, "reading", (guest.topics.group, "; ", guest.topics.scripts)))
    guest.allow()
    await_well(server)


# ---- connections ----

PROTOCOL, LOGIN = "KAFKA_PROP_SECURITY_PROTOCOL", "KAFKA_PROP_SASL_MECHANISM"
WRONG = [
    ({"KAFKA_PROP_SASL_PASSWORD": "not-his"}, "KAFKA_PROP_SASL_PASSWORD"),
    ({"KAFKA_PROP_SASL_USERNAME": "nobody"}, "KAFKA_PROP_SASL_USERNAME"),
    ({LOGIN: "SCRAM-SHA-256"}, LOGIN),
    ({PROTOCOL: "plaintext"}, PROTOCOL),
    ({PROTOCOL: "ssl"}, PROTOCOL),
    ({PROTOCOL: "ssl", "KAFKA_BROKERS": "bootstrap"}, PROTOCOL),
    ({"KAFKA_BROKERS": "bootstrap"}, PROTOCOL),
    ({PROTOCOL: "plaintext", "KAFKA_BROKERS": "tls_listener"}, PROTOCOL),
    ({PROTOCOL: "ssl", "KAFKA_BROKERS": "tls_listener"}, "KAFKA_PROP_SSL_CA_LOCATION"),
    ({"KAFKA_BROKERS": "no-such-host.invalid:9092"}, "KAFKA_BROKERS"),
    ({PROTOCOL: "plaintext", "KAFKA_BROKERS": "lost"}, "advertises"),
]


def test_wrong_settings_of_the_connection(guest):
    cases = []
    for settings, word in WRONG:
        at = settings.get("KAFKA_BROKERS", "sasl")
        address = getattr(guest.broker, at, at)
        cases.append((guest.server(**{**settings, "KAFKA_BROKERS": address}).start(),
                      "connection", [word]))
    await_troubles(*cases)
    for server, _, _ in cases:
        assert "not-his" not in server.log()
        server.kill9()


def test_tls(guest):
    """Trusted, it is taken."""
    guest.make_topics()
    guest.topics.send_bytes(b'{"id": "bad"}')
    settings = {"KAFKA_BROKERS": guest.broker.tls_listener, PROTOCOL: "ssl",
                "KAFKA_PROP_SSL_CA_LOCATION": guest.broker.certificate}
    server = guest.make(**{**guest.topics.settings(), **settings}).start()
    guest.topics.wait_reports({"bad"})
    await_well(server)


# ---- topics ----

def test_a_topic_that_is_not_there(guest):
    guest.make_topics(guest.topics.scripts)
    guest.allow()
    server = guest.server().start()
    await_troubles((server, "reading", [guest.topics.scripts, "does not exist"]))
    guest.broker.create_topic(guest.topics.scripts)
    await_well(server)


# ---- publishing ----

def test_no_right_to_transactions(guest):
    """Each table has a transactional id of its own, and all of them begin alike."""
    missing = ("transactional-id", TABLES, "WRITE")
    guest.make_topics()
    guest.allow(missing)
    guest.topics.send_bytes(b'{"id": "a"}')
    server = guest.server().start()
    await_troubles((server, "publishing", [TABLES.rstrip("*"), "WRITE"]))
    guest.give(missing)
    guest.topics.wait_reports({"a"})
    await_well(server)


def test_a_user_who_may_do_nothing(guest):
    """What came over HTTP has a report that cannot go: that is said beside what cannot be read."""
    guest.make_topics()
    server = guest.server().start().ready()
    server.submit(quick("a"))
    await_troubles((server, "publishing", ["WRITE"]), (server, "reading", ["READ", "; "]))
    guest.allow()
    guest.topics.wait_reports({"a"})
    await_well(server)


@pytest.mark.parametrize("which, part", [("results", "publishing"), ("dead", "dead_letters")])
def test_a_topic_to_publish_to_is_not_there(guest, which, part):
    """Neither keeps what is meant for the other."""
    name = guest.name(which)[1]
    guest.make_topics(name)
    guest.allow()
    guest.topics.send_bytes(b'{"id": "bad"}')
    server = guest.server().start()
    await_troubles((server, part, [name, "does not exist"]))
    if which == "dead":
        guest.topics.wait_reports({"bad"})
    else:
        wait_for(guest.topics.dead_letters, 60, "the dead letter", pause=0.2)
    guest.broker.create_topic(name)
    guest.topics.wait_reports({"bad"})
    wait_for(guest.topics.dead_letters, 60, "the dead letter", pause=0.2)
    await_well(server)


def test_no_right_to_dead_letters_at_all(guest):
    """Nor to look whether they are there: after a start reports go all the same."""
    rights = [("topic", guest.topics.dead, right) for right in ("READ", "WRITE")]
    guest.make_topics()
    guest.allow(*rights)
    server = guest.server().start()
    guest.topics.send_bytes(b'{"id": "a"}')
    guest.topics.wait_reports({"a"})
    server.restart(kill=True)
    guest.topics.send_bytes(b'{"id": "b"}')
    guest.topics.wait_reports({"b"})
    await_troubles((server, "dead_letters", [guest.topics.dead, "WRITE"]))
    guest.give(*rights)
    wait_for(lambda: len(guest.topics.dead_letters()) == 2, 60, "dead letters", pause=0.2)
    await_well(server)


def test_results_that_may_not_be_read(guest):
    """After a kill nobody can tell what of the outbox is there already: it is sent, with a warning
    that it may be there once more."""
    name = guest.topics.results
    read, write = (("topic", name, right) for right in ("READ", "WRITE"))
    guest.make_topics()
    guest.allow(read)
    guest.topics.send_bytes(b'{"id": "a"}')
    server = guest.server().start()
    guest.topics.wait_reports({"a"})
    guest.take(write)
    guest.topics.send_bytes(b'{"id": "b"}')
    await_troubles((server, "publishing", [name, "WRITE"]))
    server.kill9()
    guest.topics.broker.produce(name, b'{"id": "of-another"}')
    guest.give(write)
    server.start()
    guest.topics.wait_reports({"b"})
    [warning] = [line for line in server.lines if "event=kafka_not_read" in line]
    assert "level=warning" in warning and name in warning and "READ" in warning
    await_well(server)


# ---- members ----

def test_members_of_one_name(guest):
    """The one that was there is thrown out; both say why, and they do so ever more rarely. When
    one ends, the other judges."""
    guest.make_topics()
    guest.allow()
    one, other = (guest.server(KAFKA_PROP_GROUP_INSTANCE_ID="judge") for _ in range(2))
    await_assigned(one.start())
    other.start()
    for server, times in ((one, 1), (other, 1), (one, 2)):
        wait_for(lambda: server.log().count("event=kafka_consumer_renewed") >= times, 60, "fenced",
                 pause=0.1)
        assert "KAFKA_PROP_GROUP_INSTANCE_ID" in said(server, "reading")[-1]
    assert is_told(one, "reading", ["KAFKA_PROP_GROUP_INSTANCE_ID"])
    for server in (one, other):
        waits = [int(w) for w in re.findall(r"event=kafka_consumer_renewed wait_ms=(\d+)",
                                            server.log())]
        assert waits == [1000 << n for n in range(len(waits))]
    other.kill9()
    guest.topics.send(quick("a"))
    guest.topics.wait_reports({"a"})
    await_well(one)
    assert one.get("/results/a").status == 200
