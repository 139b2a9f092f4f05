"""A real Prometheus reads real servers, with the rules and the dashboard that scrc ships."""

import json
import re

import pytest

from broker import Broker, running
from harness import submission, test, wait_for
from kafka import Topics, quick
from prometheus import MONITORING, prometheus

# The answers that the server hopes never to give: each is a series from the first one on, and the alert asks for many.
COMES_LATER = {'scrc_http_requests_total{code=~"500|507"}'}

# A name and what is in its braces, of an expression without its functions and labels of `by` and `on`.
SELECTOR = re.compile(r"\b(?:scrc|process)_\w+(?:\{[^}]*\})?|\bup(?:\{[^}]*\})?(?=[ =])")


def filled(expression):
    """With what Grafana puts in for its variables."""
    return expression.replace("$__rate_interval", "1m").replace("$instance", ".*")


def panels():
    with open(f"{MONITORING}/dashboard.json") as f:
        return [(p["title"], filled(t["expr"])) for p in json.load(f)["panels"] for t in p["targets"]]


@pytest.fixture(scope="module")
def watched(_broker, postgres, module_server, tmp_path_factory):
    """Prometheus, and the two servers it reads: one with a table of its own, one with a database."""
    if not _broker.alive():
        _broker.start()
    database = postgres.create()
    topics = Topics(_broker)
    for topic in (topics.scripts, topics.results, topics.dead):
        _broker.create_topic(topic, 2)
    servers = [topics.server(module_server, **more).start() for more in ({"KAFKA_GROUP_ID": "f" + topics.group},
                                                                       {"STORE": database})]
    for s in servers:
        s.ready(120)
    with prometheus(tmp_path_factory.mktemp("prometheus"), *servers) as p:
        ids = [f"p{n}" for n in range(3)]
        topics.send(*[quick(id) for id in ids])
        topics.wait_reports(ids)
        for s in servers:
            assert s.judge(submission("python", "print(1)", [test("", "2")]))["verdict"] == "WA"
            s.get("/nowhere")
        yield p, servers
    for s in servers:
        s.close()
    postgres.drop(database)


def until_none(missing, what):
    """A failure shows what is missing still."""
    try:
        wait_for(lambda: not missing(), 60, what, pause=1)
    except AssertionError:
        assert missing() == []


def test_every_name_in_rules_and_dashboard_is_a_series(watched):
    """With its labels: an alert on a counter that comes to be with its first event misses that event."""
    p, _ = watched
    expressions = [rule["query"] for rule in p.rules()] + [expression for _, expression in panels()]
    selectors = {s for expression in expressions for s in SELECTOR.findall(expression)} - COMES_LATER
    assert len(selectors) > 60

    until_none(lambda: sorted(s for s in selectors if not p.query(s)), "series")


def test_every_panel_shows_something(watched):
    p, _ = watched
    until_none(lambda: [(title, expression) for title, expression in panels() if not p.query(expression)], "panels")


def test_every_rule_is_evaluated(watched):
    p, _ = watched

    def looked_at():
        return all(rule["health"] != "unknown" for rule in p.rules())
    wait_for(looked_at, 60, "rules", pause=0.5)
    rules = p.rules()
    assert len(rules) > 20
    assert [(r["name"], r.get("lastError")) for r in rules if r["health"] != "ok"] == []


def test_no_alert_where_all_is_well(watched):
    p, _ = watched
    wait_for(lambda: all(rule["health"] == "ok" for rule in p.rules()), 60, "rules", pause=0.5)
    wait_for(lambda: not p.firing(), 60, "no alert", pause=0.5)


def test_alerts_fire(broker, fresh_server, tmp_path):
    """Of what can be brought about in seconds; server/monitoring/alerts.test.yaml has all of them."""
    topics, small = Topics(broker), Topics(broker)
    broker.create_topic(topics.scripts, 1)
    broker.create_topic(small.scripts, 1)
    broker.create_topic(small.results, 1, **{"max.message.bytes": 200})
    full = topics.server(fresh_server, RUNNER_MAX_PARALLEL=0, MAX_QUEUED=5).start()
    drops = small.server(fresh_server).start().ready(120)
    gone = fresh_server(RUNNER_MAX_PARALLEL=0).start()
    with running(Broker()) as own:
        away = fresh_server(KAFKA_BROKERS=own.bootstrap, RUNNER_MAX_PARALLEL=0).start()
        wait_for(lambda: away.metric("scrc_kafka_up") == 1, 60, "its broker")
        with prometheus(tmp_path, full, drops, gone, away) as p:
            at = {name: f"{s.client.host}:{s.client.port}" for name, s in
                  {"full": full, "drops": drops, "gone": gone, "away": away}.items()}
            wait_for(lambda: all(rule["health"] == "ok" for rule in p.rules()), 60, "rules", pause=0.5)
            kinds = {"ScrcQueueNearBound", "ScrcLagGrows", "ScrcDropped", "ScrcDown", "ScrcKafkaAway"}
            assert not {alert for alert, _ in p.firing()} & kinds
            own.stop()
            gone.kill9()
            small.send(quick("fits-nowhere"))
            wanted = {("ScrcQueueNearBound", at["full"]), ("ScrcLagGrows", at["full"]), ("ScrcDropped", at["drops"]),
                      ("ScrcDown", at["gone"]), ("ScrcKafkaAway", at["away"])}
            sent = 0

            def all_fire():
                nonlocal sent
                topics.send(*[quick(f"l{sent + n}") for n in range(300)])
                sent += 300
                return wanted <= p.firing()
            try:
                wait_for(all_fire, 120, "alerts", pause=1)
            except AssertionError:
                assert wanted - p.firing() == set()
            assert {f for f in p.firing() if f[0] in kinds} == wanted
