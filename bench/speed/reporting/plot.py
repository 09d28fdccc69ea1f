"""Throughput and latency over load, as SVG."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log10

from bench.speed.reporting.results import Point

_WIDTH, _HEIGHT = 460.0, 300.0
_LEFT, _TOP, _RIGHT, _BOTTOM = 60.0, 40.0, 20.0, 50.0
_COLOURS = ("#1b6ca8", "#c8553d", "#4f772d", "#7b4b94")
_STEPS = 5
_LATENCY_MAX_MS = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axes:
    """One panel; `y` maps a value to the share of the height at which it stands."""

    left: float
    load_max: float
    y: Callable[[float], float]

    def place(self, load: float, value: float) -> str:
        """Where a point of the panel is drawn."""
        x = self.left + _LEFT + load / self.load_max * (_WIDTH - _LEFT - _RIGHT)
        return f"{x:.1f},{_TOP + (1 - self.y(value)) * (_HEIGHT - _TOP - _BOTTOM):.1f}"


def as_svg(curves: Mapping[str, Sequence[Point]]) -> str:
    """Two panels side by side: delivered a second on the left, p50 and p99 in logarithmic milliseconds on the right."""
    points = [point for curve in curves.values() for point in curve]
    load_max = max(point.load for point in points) * 1.05
    rates = _Axes(left=0.0, load_max=load_max, y=lambda value: value / load_max)
    ages = _Axes(left=_WIDTH, load_max=load_max, y=lambda value: log10(max(value, 1.0)) / log10(_LATENCY_MAX_MS))
    parts = [*_frame(rates, "delivered per second", [load_max / _STEPS * step for step in range(_STEPS + 1)])]
    parts += _frame(ages, "milliseconds from sending to receiving: p50 and p99 (dashed)", [1, 10, 100, 1_000, 10_000])
    for number, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        parts += [
            _line(rates, [(point.load, point.through) for point in curve], colour),
            _line(ages, [(point.load, point.p50_ms) for point in curve], colour),
            _line(ages, [(point.load, point.p99_ms) for point in curve], colour, dashes="5 4"),
            _text(_LEFT + 10, _TOP + 16 + 16 * number, name, colour=colour),
        ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH:.0f} {_HEIGHT:.0f}" '
        'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _frame(axes: _Axes, title: str, marks: Sequence[float]) -> list[str]:
    parts = [_text(axes.left + _LEFT, _TOP - 16, title)]
    for mark in marks:
        start, end = axes.place(0, mark), axes.place(axes.load_max, mark)
        (x, y), (end_x, end_y) = start.split(","), end.split(",")
        parts.append(f'<line x1="{x}" y1="{y}" x2="{end_x}" y2="{end_y}" stroke="#ddd"/>')
        parts.append(_text(float(x) - 6, float(y) + 4, f"{mark:,.0f}", anchor="end"))
    for step in range(_STEPS + 1):
        load = axes.load_max / 1.05 / _STEPS * step
        x, y = axes.place(load, 0).split(",")
        parts.append(_text(float(x), _HEIGHT - _BOTTOM + 20, f"{load:,.0f}", anchor="middle"))
    middle = axes.left + (_LEFT + _WIDTH - _RIGHT) / 2
    return [*parts, _text(middle, _HEIGHT - 10, "events asked for per second", anchor="middle")]


def _line(axes: _Axes, points: Sequence[tuple[float, float]], colour: str, dashes: str = "none") -> str:
    places = " ".join(axes.place(load, value) for load, value in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
