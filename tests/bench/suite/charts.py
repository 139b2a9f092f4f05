"""The six charts, made of the aggregated CSV files and the manifest; each as SVG and PNG, light and
dark.

Colours are those of Okabe and Ito and the map cividis, which people with any colour vision tell apart.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib
import matplotlib.colors
import matplotlib.ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import machine, numbers
from .manifest import Manifest
from .plan import LANGUAGES, OUTCOMES, SATURATING
from .record import Record, read_csv

COLOURS = {"ok": "#009E73", "wa": "#E69F00", "tl": "#0072B2", "ml": "#CC79A7", "bf": "#56B4E9"}
OUTCOME_NAMES = {"ok": "OK", "wa": "WA (wrong answer)", "tl": "TL (time limit)",
                 "ml": "ML (memory limit)", "bf": "BF (build failed)"}
LANGUAGE_NAMES = {"python": "Python", "go": "Go", "c": "C", "cpp": "C++", "java": "Java"}
THEMES = {
    "": {"back": "#ffffff", "ink": "#1f2328", "faint": "#d0d7de", "soft": "#59636e", "bar": "#0072B2"},
    "-dark": {"back": "#0d1117", "ink": "#e6edf3", "faint": "#30363d", "soft": "#9198a1",
              "bar": "#56B4E9"},
}
PNG_DPI = 150
BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "fontsize": 9}


@dataclass(frozen=True)
class Measured:
    """A case and its records of all runs, those of the measurement windows."""
    said: dict[str, Any]
    records: list[Record]

    @property
    def throughput(self) -> numbers.Throughput:
        return numbers.throughput(self.records, self.said["window"])


Cases = list[Measured]


def render(directory: pathlib.Path, say: Callable[[str], None] = print) -> list[str]:
    """Makes every chart whose cases were measured; returns the names of the files."""
    matplotlib.use("Agg")
    manifest = Manifest.read(directory)
    files: list[str] = []
    for name, (matrix, draw) in CHARTS.items():
        cases = [Measured(c, read_csv(directory / c["aggregated"])) for c in manifest.cases_of(matrix)
                 if (directory / c["aggregated"]).exists()]
        if not any(c.records for c in cases):
            say(f"no chart {name}: no case of {matrix} was measured")
            continue
        for theme, colours in THEMES.items():
            with matplotlib.rc_context(_style(colours)):
                figure = Figure(figsize=(8.4, 4.8), layout="constrained")
                figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)  # inches
                draw(figure, cases, colours)
                figure.supxlabel(_footer(manifest, cases), fontsize=8, color=colours["soft"])
                files += _save(figure, directory, name + theme)
    return files


def _style(colours: dict[str, str]) -> dict[str, Any]:
    ink = {key: colours["ink"] for key in ("text.color", "axes.labelcolor", "xtick.color",
                                           "ytick.color", "axes.titlecolor")}
    back = {key: colours["back"] for key in ("figure.facecolor", "axes.facecolor",
                                             "savefig.facecolor")}
    return {**ink, **back, "axes.edgecolor": colours["soft"], "grid.color": colours["faint"],
            "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 12,
            "axes.titleweight": "bold", "axes.spines.top": False, "axes.spines.right": False,
            "axes.axisbelow": True, "svg.hashsalt": "scrc", "svg.fonttype": "path",
            "legend.frameon": False}


def _save(figure: Figure, directory: pathlib.Path, name: str) -> list[str]:
    figure.savefig(directory / f"{name}.svg", metadata={"Date": None, "Creator": None})
    figure.savefig(directory / f"{name}.png", dpi=PNG_DPI)
    return [f"{name}.svg", f"{name}.png"]


def _footer(manifest: Manifest, cases: Cases) -> str:
    """How it was measured, and on what."""
    said, first = manifest.said, cases[0].said
    each = max(len(case.said["runs"]) for case in cases)
    runs = "one run" if each == 1 else f"mean of {each} runs"
    pace = ("always enough waiting" if first["pace"] == SATURATING else
            f"{first['rate'] * said['loads'][first['load']]['per_minute']:g} a minute by the clock")
    loads = " and ".join(dict.fromkeys(case.said["load"] for case in cases))
    way = {"kafka": "through Kafka", "http": "over HTTP"}[said["way"]]
    return (f"{loads} load {way}, {pace}; {runs} of {first['window']:g} s\n"
            f"{machine.title(said)}")


# ---- the charts ----

def _single_runner(figure: Figure, cases: Cases, colours: dict[str, str]) -> None:
    cases = sorted(cases, key=lambda c: c.said["parallel"])
    rates = [c.throughput for c in cases]
    at = [c.said["parallel"] for c in cases]
    means = [r.mean for r in rates]
    spread = [[r.mean - r.least for r in rates], [r.most - r.mean for r in rates]]
    axes = figure.subplots()
    axes.errorbar(at, means, yerr=spread, color=colours["bar"], marker="o", linewidth=2, capsize=4)
    for x, rate in zip(at, rates):
        axes.annotate(f"{rate.mean:.0f}", (x, rate.most), xytext=(0, 8),
                      textcoords="offset points", ha="center")
    axes.set_title("Throughput of one server, by how many it judges at once")
    axes.set_xlabel("RUNNER_MAX_PARALLEL (submissions judged at once)")
    axes.set_ylabel("submissions per minute")
    axes.set_xticks(at)
    axes.set_ylim(0, 1.15 * max(r.most for r in rates))
    axes.grid(axis="y")


def _scaling(figure: Figure, cases: Cases, colours: dict[str, str]) -> None:
    rates = {(c.said["replicas"], c.said["parallel"]): c.throughput.mean for c in cases}
    rows, columns = sorted({r for r, _ in rates}), sorted({p for _, p in rates})
    axes = figure.subplots()
    _heatmap(figure, axes, [[rates.get((r, p)) for p in columns] for r in rows], "{:.0f}",
             "submissions per minute")
    axes.set_title("Throughput of several servers on this one machine")
    axes.set_xticks(range(len(columns)), [str(p) for p in columns])
    axes.set_yticks(range(len(rows)), [str(r) for r in rows])
    axes.set_xlabel("RUNNER_MAX_PARALLEL of each server")
    axes.set_ylabel("servers (replicas)")


def _latency_heatmap(figure: Figure, cases: Cases, colours: dict[str, str]) -> None:
    kinds = numbers.by_kind(cases[0].records)
    languages, outcomes = _present(kinds)

    def median(kind: tuple[str, str]) -> float | None:
        return numbers.percentile(numbers.latencies(kinds[kind]), 50) if kind in kinds else None
    axes = figure.subplots()
    _heatmap(figure, axes, [[median((l, o)) for o in outcomes] for l in languages], "{:.2f} s",
             "seconds")
    axes.set_title("Median time from sending to the report")
    axes.set_xticks(range(len(outcomes)), [OUTCOME_NAMES[o].replace(" (", "\n(") for o in outcomes])
    axes.set_yticks(range(len(languages)), [LANGUAGE_NAMES[x] for x in languages])


def _latency_boxplot(figure: Figure, cases: Cases, colours: dict[str, str]) -> None:
    kinds = numbers.by_kind(cases[0].records)
    languages, outcomes = _present(kinds)
    axes = figure.subplots()
    width = 0.8 / len(outcomes)
    for n, outcome in enumerate(outcomes):
        at = {x: i + (n - (len(outcomes) - 1) / 2) * width for i, x in enumerate(languages)
              if (x, outcome) in kinds}
        took = [numbers.latencies(kinds[x, outcome]) for x in at]
        boxes = axes.boxplot(
            took, positions=list(at.values()), widths=0.8 * width, whis=(5, 95), showfliers=True,
            patch_artist=True, manage_ticks=False, medianprops={"color": colours["ink"]},
            flierprops={"marker": ".", "markersize": 3, "markeredgecolor": COLOURS[outcome]},
            whiskerprops={"color": colours["soft"]}, capprops={"color": colours["soft"]})
        for box in boxes["boxes"]:
            box.set(facecolor=COLOURS[outcome], edgecolor=colours["soft"])
        axes.bar(0, 0, color=COLOURS[outcome], label=OUTCOME_NAMES[outcome])  # for the legend
    axes.set_title("Time from sending to the report\n"
                   "box: the middle half and the median; whiskers: 5 % to 95 %", fontsize=11)
    axes.set_yscale("log")
    _plain_numbers(axes)
    axes.set_ylabel("seconds (logarithmic)")
    axes.set_xticks(range(len(languages)), [LANGUAGE_NAMES[x] for x in languages])
    axes.set_xlim(-0.5, len(languages) - 0.5)
    axes.grid(axis="y")
    axes.legend(**BESIDE)


def _timeout_impact(figure: Figure, cases: Cases, colours: dict[str, str]) -> None:
    rates = [c.throughput for c in cases]
    names = [f"{c.said['name']}\n({_share(c.records, 'tl'):.0f} % time limit)" for c in cases]
    spread = [[r.mean - r.least for r in rates], [r.most - r.mean for r in rates]]
    axes = figure.subplots()
    bars = axes.bar(names, [r.mean for r in rates], width=0.5, yerr=spread, capsize=4,
                    color=[colours["bar"], COLOURS["wa"]][:len(rates)], ecolor=colours["ink"])
    axes.bar_label(bars, [f"{r.mean:.0f}" for r in rates], padding=4, fontsize=12)
    change = f": {100 * (rates[1].mean / rates[0].mean - 1):+.0f} %" if len(rates) == 2 else ""
    axes.set_title(f"Throughput when more programs run into their time limit{change}")
    axes.set_ylabel("submissions per minute")
    axes.set_ylim(0, 1.15 * max(r.most for r in rates))
    axes.grid(axis="y")


def _language_throughput(figure: Figure, cases: Cases, colours: dict[str, str]) -> None:
    kinds = numbers.by_kind(cases[0].records)
    languages, outcomes = _present(kinds)
    total = cases[0].throughput.mean
    everything = sum(map(len, kinds.values()))
    axes = figure.subplots()
    bottom = [0.0] * len(languages)
    for outcome in outcomes:
        counts = [len(kinds.get((x, outcome), ())) for x in languages]
        heights = [total * n / everything for n in counts]
        bars = axes.bar([LANGUAGE_NAMES[x] for x in languages], heights, bottom=bottom, width=0.6,
                        color=COLOURS[outcome], label=OUTCOME_NAMES[outcome])
        axes.bar_label(bars, [f"{100 * n / everything:.0f} %" if n else "" for n in counts],
                       label_type="center", fontsize=8,
                       color=_readable_on(matplotlib.colors.to_rgb(COLOURS[outcome])))
        bottom = [a + b for a, b in zip(bottom, heights)]
    axes.set_title(f"Throughput by language and outcome: {total:.0f} submissions per minute in all")
    axes.set_ylabel("submissions per minute (with the share of all)")
    axes.grid(axis="y")
    axes.legend(*[list(reversed(x)) for x in axes.get_legend_handles_labels()], **BESIDE)


CHARTS: dict[str, tuple[str, Callable[[Figure, Cases, dict[str, str]], None]]] = {
    "single_runner_throughput": ("single_runner", _single_runner),
    "scaling_heatmap": ("scaling", _scaling),
    "language_latency_heatmap": ("language_latency", _latency_heatmap),
    "language_latency_boxplot": ("language_latency", _latency_boxplot),
    "timeout_impact": ("timeout_impact", _timeout_impact),
    "language_throughput": ("language_throughput", _language_throughput),
}


# ---- what they share ----

def _present(kinds: dict[tuple[str, str], list[Record]]) -> tuple[list[str], list[str]]:
    """The languages and the outcomes that there are, in the usual order."""
    return ([x for x in LANGUAGES if any(x == l for l, _ in kinds)],
            [x for x in OUTCOMES if any(x == o for _, o in kinds)])


def _share(records: list[Record], outcome: str) -> float:
    return 100 * sum(r.outcome == outcome for r in records) / max(1, len(records))


def _heatmap(figure: Figure, axes: Axes, values: list[list[float | None]], form: str,
             unit: str) -> None:
    """With the number in every cell; a cell without one is empty."""
    numbers_of = [[float("nan") if v is None else v for v in row] for row in values]
    image = axes.imshow(numbers_of, cmap="cividis", aspect="auto")
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            if value is not None:
                colour = _readable_on(image.cmap(image.norm(value)))
                axes.text(x, y, form.format(value), ha="center", va="center", color=colour,
                          fontsize=12)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    bar = figure.colorbar(image, ax=axes, label=unit)
    bar.outline.set_visible(False)


def _readable_on(colour: tuple[float, ...]) -> str:
    red, green, blue = colour[:3]
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 else "#ffffff"


def _plain_numbers(axes: Axes) -> None:
    """0.1, 0.2, 0.5, 1 and not powers of ten."""
    ticker = matplotlib.ticker
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())
