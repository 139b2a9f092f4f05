"""script/bench: its arithmetic, its options and, long, a whole run."""

import json
import os
import subprocess
import sys

import pytest

from harness import LONG, ROOT

sys.path.insert(0, os.path.join(ROOT, "script/lib/bench"))
import results


@pytest.mark.parametrize("values, middle", [([3.0], 3.0), ([9.0, 1.0, 4.0], 4.0), ([1.0, 2.0], 1.5)])
def test_median(values, middle):
    assert results.median(values) == middle


def test_spread_is_of_the_median_in_percent():
    assert results.spread([90.0, 100.0, 110.0]) == pytest.approx(20)
    assert results.spread([1.0]) is None
    assert results.spread([0.0, 0.0]) is None


def test_ratio_is_of_the_medians_and_its_spread_of_the_rounds():
    r = results.result("row", "what", "ms", "<= 2", [10.0, 20.0, 30.0], [10.0, 10.0, 10.0])
    assert (r["value"], r["against"], r["ratio"]) == (20, 10, 2)
    assert r["spread"] == pytest.approx(100)  # ratios 1, 2 and 3
    assert r["reached"] is True


def test_a_machine_that_slows_down_on_both_sides_has_no_spread():
    r = results.result("row", "what", "ms", "<= 2", [1.0, 2.0, 4.0], [1.0, 2.0, 4.0])
    assert r["ratio"] == 1 and r["spread"] == 0


@pytest.mark.parametrize("reach, mine, other, reached", [
    ("-", [1.0], [], None),
    (">= 3.0", [3.0], [1.0], True),
    (">= 3.0", [2.9], [1.0], False),
    ("<= 64", [63.9], [], True),
    ("<= 64", [64.1], [], False),
    ("value >= 10000", [9999.0], [1.0], False),
    ("value >= 10000", [10000.0], [20000.0], True),
    ("spread <= 2", [100.0, 101.0], [50.0, 90.0], True),
    ("spread <= 2", [100.0, 103.0], [100.0, 103.0], False),
    ("spread <= 2", [100.0], [], None),
])
def test_reach(reach, mine, other, reached):
    assert results.result("row", "what", "ms", reach, mine, other)["reached"] is reached


def test_rows_become_a_table_and_json(tmp_path):
    mine, other, rows, out = (tmp_path / n for n in ("mine", "other", "rows", "out"))
    mine.write_text("2\n4\n3\n")
    other.write_text("1\n2\n1.5\n")
    line = results.row(rows, "cell", "a test", "us", "<= 1.25", mine, other)
    assert line.split() == ["cell", "a", "test", "3.00", "us", "1.50", "us", "2.00", "0", "%", "<=",
                            "1.25", "no"]
    assert "3.00 us" in results.row(rows, "memory", "RSS", "MiB", "<= 64", mine, "-").replace("MiB", "us")
    results.as_json(rows, out, '{"cores": 2}', "kafka", "go-judge scrc-go")
    whole = json.loads(out.read_text())
    assert whole["machine"] == {"cores": 2} and [r["row"] for r in whole["rows"]] == ["cell", "memory"]
    assert whole["failed"] == ["kafka"] and whole["left_out"] == ["go-judge", "scrc-go"]
    assert whole["rows"][0]["samples"] == {"this": [2, 4, 3], "against": [1, 2, 1.5]}
    assert whole["rows"][1]["ratio"] is None


def test_two_builds_are_compared_row_by_row(tmp_path):
    this, other, one = (tmp_path / n for n in ("this", "other", "one"))
    for value_of_this, value_of_other in ((10, 20), (12, 24)):
        for rows, value in ((this, value_of_this), (other, value_of_other)):
            one.write_text(f"{value}\n")
            results.row(rows, "cell", "a test", "us", "-", one, "-")
    line = results.against(this, other).splitlines()[1].split()
    assert line[:8] == ["cell", "a", "test", "11.00", "us", "22.00", "us", "0.50"]
    other.unlink()  # a row that failed there
    assert " - " in results.against(this, other).splitlines()[1]


def test_bench_refuses_what_it_does_not_know():
    def refused(*arguments):
        done = subprocess.run([f"{ROOT}/script/bench", *arguments], capture_output=True, text=True)
        return done.returncode != 0 and done.stderr
    assert "--nothing" in refused("--nothing")
    assert "no such row: nothing" in refused("nothing")
    assert "go-judge or scrc-go" in refused("--peer", "other", ROOT)


@pytest.mark.skipif(not LONG, reason="builds for release, then takes a minute and a half")
def test_quick_gives_a_table_and_json(tmp_path):
    out = tmp_path / "bench.json"
    done = subprocess.run([f"{ROOT}/script/bench", "--quick", "--json", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole = json.loads(out.read_text())
    assert {r["row"] for r in whole["rows"]} == {"cell", "python", "cached", "throughput", "post", "start"}
    assert whole["failed"] == whole["left_out"] == [] and whole["machine"]["cores"] == os.cpu_count()
    for r in whole["rows"]:
        assert set(r) == {"row", "what", "unit", "value", "against", "ratio", "spread", "reach", "reached",
                          "samples"}, r
        assert r["value"] > 0 and r["what"] in done.stdout
        assert r["against"] is None or r["ratio"] > 0
    assert "round 2 of 2" in done.stderr


@pytest.mark.skipif(not LONG, reason="builds for release")
def test_a_row_whose_server_fails_is_named_and_the_others_go_on(tmp_path):
    out = tmp_path / "bench.json"
    done = subprocess.run([f"{ROOT}/script/bench", "--quick", "--json", out, "start", "go-judge", "memory"],
                          env={**os.environ, "LOG_LEVEL": "nonsense"}, capture_output=True, text=True)
    whole = json.loads(out.read_text())
    assert done.returncode == 1
    assert whole["failed"] == ["start", "memory"] and whole["left_out"] == ["go-judge"]
    assert "LOG_LEVEL" in done.stderr and "failed: start memory" in done.stderr
