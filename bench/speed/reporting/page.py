"""Results for people: a line of the terminal, and the page."""

from statistics import median

from bench.facts import machine
from bench.speed.reporting.machines import as_chapter
from bench.speed.reporting.results import Figure, Results

_HEAD = """# The last benchmark

Written by `make bench`: loopback, real PostgreSQL that commits to disk (`synchronous_commit` and `fsync` on), Valkey
without persistence, load generator and receiver on the same cores. Medians of alternating pairs; the spread is the
smallest and the largest value. How to read it: docs/benchmark.md.
"""


def line(figure: Figure) -> str:
    """One line."""
    if figure.failed:
        return f"{figure.name}: not measured, {figure.failed}"
    beside = f" · {figure.ratio:.2f} of {figure.against_name}" if figure.ratio is not None else ""
    aim = "" if figure.held is None else " · held" if figure.held else " · MISSED"
    cpu = "".join(f" · {name} {cost:.0f} µs" for name, cost in figure.cpu_us.items())
    return f"{figure.name}: {_number(median(figure.values))} {figure.unit}{beside}{aim}{cpu}"


def as_markdown(results: Results) -> str:
    """The page."""
    figures = results.figures
    lines = [
        _HEAD,
        f"- When: {results.began:%Y-%m-%d %H:%M} UTC, commit `{results.commit}`",
        f"- Machine: {machine()}",
        "",
        "| Figure | Median | Spread | Beside | Ratio | Aim | CPU µs per operation |",
        "|---|---:|---|---|---:|---|---|",
        *map(_row, figures),
        "",
        *(f"- {figure.name}: {note}" for figure in figures for note in figure.notes),
    ]
    if chapter := as_chapter(figures):
        lines += ["", *chapter]
    if results.curves:
        lines += ["", "![Throughput and latency over load](latest.svg)"]
    return "\n".join(lines) + "\n"


def _row(figure: Figure) -> str:
    if figure.failed:
        return f"| {figure.name} | not measured | {figure.failed} | – | – | – | – |"
    values = figure.values
    beside = f"{figure.against_name}: {_number(median(figure.against))}" if figure.against else "–"
    ratio = "–" if figure.ratio is None else f"{figure.ratio:.2f}"
    cpu = ", ".join(f"{name} {cost:.0f}" for name, cost in figure.cpu_us.items()) or "–"
    spread = f"{_number(min(values))} to {_number(max(values))}" if len(values) > 1 else "one run"
    return (
        f"| {figure.name} | {_number(median(values))} {figure.unit} | {spread} | {beside} | {ratio} | {_aim(figure)} "
        f"| {cpu} |"
    )


def _aim(figure: Figure) -> str:
    if figure.target is None:
        return "–"
    return f"{'≤' if figure.lower_is_better else '≥'} {figure.target:.3g}{'' if figure.held else ' **missed**'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
