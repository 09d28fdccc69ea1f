"""Figures as they are kept and shown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bench.facts import machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure: `values` and what they are compared with, `against`, were measured in alternating pairs.

    `cpu_us` are CPU microseconds per operation by process. `target` is the ratio that is aimed at: at least it, or at
    most it where `lower_is_better`.
    """

    name: str
    unit: str
    values: Sequence[float]
    against: Sequence[float] = ()
    against_name: str = ""
    target: float | None = None
    lower_is_better: bool = False
    cpu_us: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def ratio(self) -> float | None:
        """The median of the pairs' ratios."""
        pairs = [value / against for value, against in zip(self.values, self.against, strict=False) if against]
        return median(pairs) if pairs else None

    @property
    def held(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None or self.ratio is None:
            return None
        return self.ratio <= self.target if self.lower_is_better else self.ratio >= self.target


def as_json(figures: Sequence[Figure], commit: str) -> dict[str, Any]:
    """Everything that was measured."""
    rows = [{**asdict(figure), "ratio": figure.ratio, "held": figure.held} for figure in figures]
    return {"at": datetime.now(UTC).isoformat(), "commit": commit, "machine": machine(), "figures": rows}


def as_markdown(figures: Sequence[Figure], commit: str) -> str:
    """The page."""
    lines = [
        "# The last benchmark",
        "",
        "Written by `python -m bench.speed`: loopback, real PostgreSQL that commits to disk, Valkey without",
        "persistence, the load generator and the receiver on the same cores. Medians of alternating pairs; the spread",
        "is the smallest and the largest.",
        "",
        f"- When: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit `{commit}`",
        f"- Machine: {machine()}",
        "",
        "| Figure | Median | Spread | Beside | Ratio | Aim | CPU µs per operation |",
        "|---|---:|---|---|---:|---|---|",
        *map(_row, figures),
        "",
        *(f"- {figure.name}: {note}" for figure in figures for note in figure.notes),
    ]
    return "\n".join(lines) + "\n"


def _row(figure: Figure) -> str:
    values = figure.values
    beside = f"{figure.against_name}: {_number(median(figure.against))}" if figure.against else "–"
    ratio = "–" if figure.ratio is None else f"{figure.ratio:.2f}"
    cpu = ", ".join(f"{name} {cost:.0f}" for name, cost in figure.cpu_us.items()) or "–"
    return (
        f"| {figure.name} | {_number(median(values))} {figure.unit} | {_number(min(values))}–{_number(max(values))} "
        f"| {beside} | {ratio} | {_aim(figure)} | {cpu} |"
    )


def _aim(figure: Figure) -> str:
    if figure.target is None:
        return "–"
    return f"{'≤' if figure.lower_is_better else '≥'} {figure.target:.3g}{'' if figure.held else ' **missed**'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
