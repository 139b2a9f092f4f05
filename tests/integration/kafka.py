"""Short words for tests of the bridge: topics of a test's own, and what is on them."""

import json
import time
from collections import Counter

from broker import Message
from harness import CELL_USES, submission, test, wait_for


SESSION = 3  # seconds until a killed server is missed


class Topics:
    """Every test has topics and a group of its own on a broker that it may share."""

    count = 0

    def __init__(self, broker):
        Topics.count += 1
        self.broker = broker
        name = f"t{time.time_ns() // 1000}-{Topics.count}"
        self.scripts, self.results, self.group = name, name + "-results", name + "-group"
        self.dead = name + ".dead-letter"

    def settings(self, **more):
        return {"KAFKA_BROKERS": self.broker.bootstrap, "KAFKA_TOPIC": self.scripts,
                "KAFKA_RESULTS_TOPIC": self.results, "KAFKA_GROUP_ID": self.group,
                "KAFKA_PROP_SESSION_TIMEOUT_MS": str(SESSION * 1000),
                "KAFKA_PROP_TOPIC_METADATA_REFRESH_INTERVAL_MS": "500", "LANGUAGES": "python",
                "RUNNER_CELL_USES": CELL_USES, **more}

    def server(self, make, **more):
        return make(**self.settings(**more))

    def send(self, *submissions, keys=None):
        keys = keys or [s.get("id") for s in submissions]
        self.broker.produce(self.scripts, *[
            Message(json.dumps(s).encode(), k.encode() if k is not None else None)
            for s, k in zip(submissions, keys)])

    def send_bytes(self, value, key=None):
        self.broker.produce(self.scripts, Message(value, key.encode() if key else None))

    def reports(self):
        return [m.json for m in self.broker.consume(self.results)]

    def dead_letters(self):
        return self.broker.consume(self.dead)

    def wait_reports(self, ids, seconds=120):
        """The reports once each of ids has one: {id: [report, ...]}."""
        ids = set(ids)

        def all_there():
            found = {}
            for r in self.reports():
                found.setdefault(r["id"], []).append(r)
            return found if ids <= found.keys() else None
        return wait_for(all_there, seconds, f"{len(ids)} reports", pause=0.5)

    def committed(self):
        return self.broker.committed(self.group, self.scripts)

    def wait_committed(self, offsets, seconds=30):
        """offsets: {partition: offset}, or their sum."""
        def there():
            found = self.committed()
            return offsets == (found if isinstance(offsets, dict) else sum(found.values()))
        wait_for(there, seconds, f"offsets {offsets}", pause=0.1)


def quick(id, n=1, **more):
    """A submission that is judged in some tens of milliseconds."""
    body = submission("python", f"print({n})", [test("", str(n))], **more)
    return {"id": id, **body} if id is not None else body


def messages(server, event):
    """How many messages the server has counted under that word."""
    return server.metric('scrc_kafka_messages_total{event="%s"}' % event)


def duplicates(found):
    return sum(n - 1 for n in Counter({id: len(r) for id, r in found.items()}).values())
