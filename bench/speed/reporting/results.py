"""Figures as they are kept."""

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
    most it where `lower_is_better`. `failed` says why it could not be measured.
    """

    name: str
    unit: str = ""
    values: Sequence[float] = ()
    against: Sequence[float] = ()
    against_name: str = ""
    target: float | None = None
    lower_is_better: bool = False
    cpu_us: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()
    failed: str = ""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One load of a curve: asked for and delivered a second, and how old events were on arrival."""

    load: float
    through: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A run, as far as it has come; `curves` are by transport."""

    commit: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    figures: list[Figure] = field(default_factory=list)
    curves: dict[str, list[Point]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Everything that was measured."""
        return {
            "began": self.began.isoformat(),
            "ended": datetime.now(UTC).isoformat(),
            "commit": self.commit,
            "machine": machine(),
            "figures": [{**asdict(each), "ratio": each.ratio, "held": each.held} for each in self.figures],
            "curves": {name: [asdict(point) for point in points] for name, points in self.curves.items()},
        }
