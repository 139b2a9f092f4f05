"""An independent client of Kafka (kcat), and short words for tests of the bridge."""

import json
import re
import subprocess
import time
from collections import Counter, namedtuple

import admin
from harness import submission, test, wait_for

Message = namedtuple("Message", "partition offset key value headers")


class Topics:
    """Every test has topics and a group of its own on a broker that it may share."""

    count = 0

    def __init__(self, broker):
        Topics.count += 1
        self.broker, self.bootstrap = broker, broker.bootstrap
        name = f"t{int(time.time())}-{Topics.count}"
        self.scripts, self.results, self.group = name, name + "-results", name + "-group"
        self.dead = name + ".dead-letter"

    def settings(self, **more):
        return {"KAFKA_BROKERS": self.bootstrap, "KAFKA_TOPIC": self.scripts,
                "KAFKA_RESULTS_TOPIC": self.results, "KAFKA_GROUP_ID": self.group,
                "KAFKA_PROP_SESSION_TIMEOUT_MS": "6000", **more}

    def server(self, make, **more):
        return make(**self.settings(**more))

    def kcat(self, *arguments, data=None, seconds=60):
        done = subprocess.run(["kcat", "-b", self.bootstrap, *arguments], input=data,
                              capture_output=True, timeout=seconds)
        assert done.returncode == 0, (arguments, done.stderr.decode())
        return done.stdout

    def send(self, *submissions, keys=None, topic=None):
        """Submissions (dicts), one line each."""
        lines = b"".join(f"{k}\t{json.dumps(s)}\n".encode() for k, s in
                         zip(keys or [s.get("id", "") for s in submissions], submissions))
        self.kcat("-P", "-t", topic or self.scripts, "-K", "\t", "-X",
                  "partitioner=murmur2_random", data=lines)

    def send_bytes(self, value, key=None):
        """One message of any bytes; None is a tombstone."""
        more = ["-k", key] if key is not None else []
        if value is None or value == b"":
            null = ["-Z"] if value is None else []
            self.kcat("-P", "-t", self.scripts, "-K", "\t", *null,
                      data=f"{key or ''}\t\n".encode())
            return
        path = f"{self.broker.dir}/message"
        with open(path, "wb") as f:
            f.write(value)
        self.kcat("-P", "-t", self.scripts, *more, path)

    def read(self, topic):
        """Everything that is on a topic now, byte for byte."""
        done = subprocess.run(
            ["kcat", "-b", self.bootstrap, "-C", "-t", topic, "-e", "-q", "-f",
             "%p %o %K %S\n%k%s%h\n"], capture_output=True, timeout=60)
        data, out, at = done.stdout, [], 0
        while at < len(data):
            end = data.index(b"\n", at)
            partition, offset, key_len, len_ = map(int, data[at:end].split())
            at = end + 1
            key = data[at:at + key_len] if key_len >= 0 else None
            at += max(0, key_len)
            value = data[at:at + len_] if len_ >= 0 else None
            at += max(0, len_)
            end = data.index(b"\n", at)
            headers = dict(re.findall(r"([a-z-]+)=(.*?)(?=,scrc-|$)", data[at:end].decode()))
            out.append(Message(partition, offset, key, value, headers))
            at = end + 1
        return out

    def reports(self):
        return [json.loads(m.value) for m in self.read(self.results)]

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
        return admin.committed(self.bootstrap, self.group, self.scripts)

    def reset_offsets(self):
        admin.reset_offsets(self.bootstrap, self.group, self.scripts)

    def create(self, name, partitions=1, **settings):
        admin.create_topic(self.bootstrap, name, partitions, **settings)


def quick(id, n=1, **more):
    """A submission that is judged in some tens of milliseconds."""
    body = submission("python", f"print({n})", [test("", str(n))], **more)
    return {"id": id, **body} if id is not None else body


def duplicates(found):
    return sum(n - 1 for n in Counter({id: len(r) for id, r in found.items()}).values())
