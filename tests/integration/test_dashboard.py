"""server/monitoring/dashboard.json as Grafana's schema has it: its publisher's package reads and writes it."""

import importlib.util
import itertools
import json
import re

import pytest

from prometheus import MONITORING

sdk = pytest.mark.skipif(importlib.util.find_spec("grafana_foundation_sdk") is None,
                         reason="grafana-foundation-sdk is not installed: see python_packages")


@pytest.fixture
def board():
    with open(f"{MONITORING}/dashboard.json") as f:
        return json.load(f)


def lost(before, after, path=""):
    """What is in `before` and not the same in `after`: names that the schema does not have."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [where for key in before for where in
                (lost(before[key], after[key], f"{path}.{key}") if key in after else [f"{path}.{key}"])]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [where for i, pair in enumerate(zip(before, after)) for where in lost(*pair, f"{path}[{i}]")]
    return [] if before == after else [path]


@sdk
def test_the_schema_has_all_that_it_says(board):
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard
    register_default_plugins()
    assert lost(board, json.loads(JSONEncoder().encode(Dashboard.from_json(board)))) == []


@sdk
def test_panels_and_units_are_grafanas(board):
    from grafana_foundation_sdk.models import units
    known = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_")}
    for p in board["panels"]:
        assert importlib.util.find_spec(f"grafana_foundation_sdk.models.{p['type']}"), p["title"]
        assert p["fieldConfig"]["defaults"]["unit"] in known, p["title"]


def test_panels_are_told_apart_and_do_not_overlap(board):
    assert board["uid"] and board["schemaVersion"] >= 16
    ids = [p["id"] for p in board["panels"]]
    assert len(set(ids)) == len(ids)
    for p in board["panels"]:
        at = p["gridPos"]
        assert at["x"] >= 0 and at["w"] > 0 and at["h"] > 0 and at["x"] + at["w"] <= 24, p["title"]
        letters = [t["refId"] for t in p["targets"]]
        assert len(set(letters)) == len(letters), p["title"]
    for one, other in itertools.combinations(board["panels"], 2):
        a, b = one["gridPos"], other["gridPos"]
        assert (a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or
                a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]), (one["title"], other["title"])


def test_every_variable_is_one(board):
    names = {v["name"] for v in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps([board["panels"], board["templating"]]))) - {"__all", "__rate_interval"}
    assert used == names == {"datasource", "instance"}
