"""Debian's Prometheus as a process of ours, with the settings and the rules that scrc ships."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import yaml

from harness import ROOT, wait_for

MONITORING = os.path.join(ROOT, "server/monitoring")


class Client:
    """What one answers at a URL."""

    def __init__(self, url):
        self.url = url

    def api(self, path, **query):
        """What it answers, or the words of its error."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{query}: {e.read().decode()}") from None

    def query(self, expression):
        """The samples, each [labels, value]."""
        found = self.api("query", query=expression)["result"]
        return [[sample["metric"], float(sample["value"][1])] for sample in found]

    def rules(self):
        return [rule for group in self.api("rules")["groups"] for rule in group["rules"]]

    def firing(self):
        """{(alert, instance)}, once each rule has been looked at."""
        return {(alert["labels"]["alertname"], alert["labels"].get("instance"))
                for alert in self.api("alerts")["alerts"] if alert["state"] == "firing"}


class Prometheus(Client):
    """prometheus.yaml and alerts.yaml as they are, but for where the servers are and the pace: every second
    instead of every 15, and an alert fires after one second instead of minutes."""

    def __init__(self, directory, *addresses):
        self.dir, self.addresses = str(directory), list(addresses)
        with open(f"{MONITORING}/prometheus.yaml") as f:
            conf = yaml.safe_load(f)
        with open(f"{MONITORING}/alerts.yaml") as f:
            rules = f.read()
        assert conf["rule_files"] == ["/etc/prometheus/alerts.yaml"]
        (job,) = conf["scrape_configs"]
        conf["rule_files"] = [f"{self.dir}/alerts.yaml"]
        conf["global"].update(scrape_interval="1s", evaluation_interval="1s")
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": self.addresses}]
        with open(f"{self.dir}/prometheus.yaml", "w") as f:
            yaml.safe_dump(conf, f)
        with open(f"{self.dir}/alerts.yaml", "w") as f:
            f.write(re.sub(r"\bfor: \w+", "for: 1s", rules))

    def start(self):
        binary = shutil.which("prometheus")
        assert binary, "prometheus is missing: it is of packages_test"
        self.log = open(f"{self.dir}/log", "w+")
        self.process = subprocess.Popen(
            [binary, f"--config.file={self.dir}/prometheus.yaml", f"--storage.tsdb.path={self.dir}/data",
             "--web.listen-address=127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

        def listening():
            with open(f"{self.dir}/log") as f:
                text = f.read()
            assert self.process.poll() is None, text
            return "Server is ready" in text and re.search(r'"Listening on" address=(\S+)', text)
        self.url = "http://" + wait_for(listening, 60, "prometheus").group(1)
        wait_for(self.scrapes_all, 60, "prometheus reads all servers", pause=0.2)
        return self

    def scrapes_all(self):
        found = self.api("targets")["activeTargets"]
        return len(found) == len(self.addresses) and all(t["health"] == "up" for t in found)

    def close(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


@contextlib.contextmanager
def prometheus(directory, *servers):
    """One that reads these servers."""
    p = Prometheus(directory, *(f"{s.client.host}:{s.client.port}" for s in servers))
    try:
        yield p.start()
    finally:
        p.close()
