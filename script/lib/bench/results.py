"""results.py - the arithmetic and the tables of script/bench.

results.py row ROWS ROW WHAT UNIT REACH MINE OTHER
    a result: added to the file ROWS, a JSON object a line, and printed as a line of the table. MINE and
    OTHER are files with a value a line, one for each round; OTHER is - where there is none
results.py quiet ...                likewise, without printing
results.py head                     the table's first line
results.py against MINE OTHER       two such files of two builds, as a table
results.py json ROWS FILE MACHINE FAILED LEFT_OUT
    all of it as one JSON object; MACHINE is one, FAILED and LEFT_OUT are names with spaces between
results.py rate COUNT SECONDS       each line of stdin, seconds that COUNT took, as COUNT in so many SECONDS

REACH is `>= 0.9`, of the ratio, or of the value where nothing is beside it; `value >= 10000` and
`spread <= 2` say what they are of; - is none. The spread is in percent of the median: of the ratios of
the rounds, or of the values where there are none or REACH is of the spread.
"""

import json
import pathlib
import sys

COLUMNS = "%-11s %-40s %15s %15s %7s %7s %-16s %s"


def median(values):
    """The middle one; of two, the mean."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def spread(values):
    """From the smallest to the largest, in percent of the median; None where there is but one."""
    if len(values) < 2 or not median(values):
        return None
    return 100 * (max(values) - min(values)) / median(values)


def ratios(mine, other):
    """Round by round, for the two sides of one round saw the same machine."""
    if len(mine) != len(other):
        return []
    return [a / b for a, b in zip(mine, other) if b]


def ratio(mine, other):
    """Of the medians; None where nothing is beside it."""
    return median(mine) / median(other) if other and median(other) else None


def reached(reach, value, of_other, of_spread):
    """True or False, or None where there is no reach or nothing to hold against it."""
    words = reach.split()
    if len(words) < 2:
        return None
    if words[0] in (">=", "<="):
        words.insert(0, "value" if of_other is None else "ratio")
    got = {"value": value, "ratio": of_other, "spread": of_spread}[words[0]]
    if got is None:
        return None
    return got >= float(words[2]) if words[1] == ">=" else got <= float(words[2])


def result(row, what, unit, reach, mine, other):
    of_other = ratio(mine, other)
    own = reach.startswith("spread") or not ratios(mine, other)
    of_spread = spread(mine if own else ratios(mine, other))
    return {"row": row, "what": what, "unit": unit, "value": median(mine),
            "against": median(other) if other else None, "ratio": of_other, "spread": of_spread,
            "reach": None if reach == "-" else reach,
            "reached": reached(reach, median(mine), of_other, of_spread),
            "samples": {"this": mine, "against": other}}


def short(number, unit=""):
    if number is None:
        return "-"
    digits = 0 if abs(number) >= 1000 else 1 if abs(number) >= 100 else 2
    return f"{number:.{digits}f} {unit}".strip()


def line(r):
    return COLUMNS % (
        r["row"], r["what"], short(r["value"], r["unit"]), short(r["against"], r["unit"]),
        short(r["ratio"]), "-" if r["spread"] is None else f"{r['spread']:.0f} %", r["reach"] or "-",
        {True: "yes", False: "no", None: "-"}[r["reached"]])


def head():
    return COLUMNS % ("row", "what", "value", "against", "ratio", "spread", "reach", "reached")


def read_values(file):
    return [] if file == "-" else [float(x) for x in pathlib.Path(file).read_text().split()]


def read_rows(file):
    path = pathlib.Path(file)
    return [json.loads(x) for x in path.read_text().splitlines()] if path.exists() else []


def row(rows, name, what, unit, reach, mine, other):
    r = result(name, what, unit, reach, read_values(mine), read_values(other))
    with open(rows, "a", encoding="utf-8") as file:
        file.write(json.dumps(r) + "\n")
    return line(r)


def against(mine, other):
    """The medians of two builds, each from the values of its rounds."""
    sides = [{}, {}]
    for side, file in zip(sides, (mine, other)):
        for r in read_rows(file):
            side.setdefault((r["row"], r["what"], r["unit"]), []).append(r["value"])
    compared = [result(*key, "-", values, sides[1].get(key, [])) for key, values in sides[0].items()]
    return "\n".join([COLUMNS % ("row", "what", "this", "other", "ratio", "spread", "", "")]
                     + [line(r) for r in compared])


def as_json(rows, file, machine, failed, left_out):
    pathlib.Path(file).write_text(json.dumps(
        {"machine": json.loads(machine), "rows": read_rows(rows), "failed": failed.split(),
         "left_out": left_out.split()}, indent=2) + "\n", encoding="utf-8")


def rate(count, seconds):
    return "\n".join(f"{float(count) * float(seconds) / float(x):.3f}" for x in sys.stdin.read().split())


if __name__ == "__main__":
    said = {"row": row, "quiet": row, "head": head, "against": against, "json": as_json,
            "rate": rate}[sys.argv[1]](*sys.argv[2:])
    if said and sys.argv[1] != "quiet":
        print(said.rstrip(), flush=True)
