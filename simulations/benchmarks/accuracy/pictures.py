"""Privacy-accuracy curves as inline SVG: bands of one standard deviation, every line named where it ends."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from simulations.plots import svg

WIDTH, HEIGHT = 560, 330
LEFT, RIGHT, TOP, BOTTOM = 46, 192, 26, 44
APART = 14.0
"""Least distance of two names, in pixels."""
Point = tuple[float, float, float]
"""Epsilon, mean and standard deviation."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One contestant in a picture.

    Args:
        label: its name.
        look: class of its line, as in the style sheet.
        points: by rising epsilon; a single one at infinity is drawn as a line across.
    """

    label: str
    look: str
    points: Sequence[Point]

    @property
    def across(self) -> bool:
        """Whether epsilon does not matter to it."""
        return len(self.points) == 1 and math.isinf(self.points[0][0])


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where a value stands in the picture: epsilon by its logarithm, no privacy one place further."""

    levels: Sequence[float]
    low: float
    high: float

    def x(self, epsilon: float) -> float:
        finite = [math.log2(level) for level in self.levels if math.isfinite(level)] or [0.0]
        end = max(finite) + (1.0 if math.isinf(self.levels[-1]) else 0.0)
        place = end if math.isinf(epsilon) else math.log2(epsilon)
        share = (place - finite[0]) / (end - finite[0]) if end > finite[0] else 0.5
        return LEFT + 12 + (WIDTH - LEFT - RIGHT - 24) * share

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - self.low) / (self.high - self.low)


def frontier(curves: Sequence[Curve], levels: Sequence[float], *, title: str, y_label: str) -> str:
    """Draw accuracy over epsilon.

    Args:
        curves: the contestants; those across are drawn first, beneath.
        levels: epsilons on the axis, rising.
        title: what a reader who cannot see it should hear.
        y_label: what is measured.
    """
    values = [mean + side * sd for curve in curves for _, mean, sd in curve.points for side in (-1, 1)]
    ticks = _ticks(min(values), max(values))
    axes = _Axes(levels, ticks[0], ticks[-1])
    body = [*_grid(axes, ticks), f'<text x="{LEFT}" y="12">{escape(y_label)}</text>']
    for curve in sorted(curves, key=lambda curve: not curve.across):
        body += _across(axes, curve) if curve.across else _line(axes, curve)
    body += _names(axes, curves)
    return svg(HEIGHT, title, "".join(body))


def _grid(axes: _Axes, ticks: Sequence[float]) -> list[str]:
    end = WIDTH - RIGHT
    body = []
    for tick in ticks:
        y = axes.y(tick)
        body.append(f'<line class="axis" x1="{LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{_short(tick)}</text>')
    for level in axes.levels:
        name = "∞" if math.isinf(level) else f"{level:g}"
        body.append(
            f'<text x="{axes.x(level):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{name}</text>'
        )
    body.append(
        f'<text x="{(LEFT + end) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">'
        "ε, trust = central (∞ is not private)</text>"
    )
    return body


def _across(axes: _Axes, curve: Curve) -> list[str]:
    ((_, mean, _),) = curve.points
    y = axes.y(mean)
    return [f'<line class="line {curve.look}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>']


def _line(axes: _Axes, curve: Curve) -> list[str]:
    finite = [point for point in curve.points if math.isfinite(point[0])]
    body = []
    for part in (finite, curve.points[-2:] if len(finite) < len(curve.points) else ()):
        if len(part) > 1:
            upper = [f"{axes.x(level):.1f},{axes.y(mean + sd):.1f}" for level, mean, sd in part]
            lower = [f"{axes.x(level):.1f},{axes.y(mean - sd):.1f}" for level, mean, sd in reversed(part)]
            middle = " ".join(f"{axes.x(level):.1f},{axes.y(mean):.1f}" for level, mean, _ in part)
            faded = "" if part is finite else " open"
            body.append(f'<polygon class="band {curve.look}" points="{" ".join(upper + lower)}"/>')
            body.append(f'<polyline class="line {curve.look}{faded}" points="{middle}"/>')
    for level, mean, _ in curve.points:
        body.append(
            f'<circle class="dot {curve.look}" cx="{axes.x(level):.1f}" cy="{axes.y(mean):.1f}" r="3"/>'
        )
    return body


def _names(axes: _Axes, curves: Sequence[Curve]) -> list[str]:
    """Write each name where its line ends, pushed apart where lines end together."""
    ends = sorted(((axes.y(curve.points[-1][1]), curve) for curve in curves), key=lambda end: end[0])
    places = spread_out([y for y, _ in ends], low=TOP, high=HEIGHT - BOTTOM)
    edge = WIDTH - RIGHT
    return [
        f'<path class="leader" d="M{edge + 1} {y:.1f} L{edge + 9} {place:.1f}"/>'
        f'<text class="name {curve.look}" x="{edge + 13}" y="{place + 4:.1f}">{escape(curve.label)}</text>'
        for (y, curve), place in zip(ends, places, strict=True)
    ]


def spread_out(wanted: Sequence[float], *, low: float, high: float) -> list[float]:
    """Move sorted places as little as needed so that neighbours are apart and, if they fit, within the picture.

    >>> spread_out([10.0, 11.0, 90.0], low=0.0, high=100.0)
    [3.5, 17.5, 90.0]
    """
    groups: list[list[float]] = []
    for place in wanted:
        groups.append([place])
        while len(groups) > 1 and _start(groups[-1], low, high) < _end(groups[-2], low, high) + APART:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_start(group, low, high) + APART * index for group in groups for index in range(len(group))]


def _start(group: Sequence[float], low: float, high: float) -> float:
    length = APART * (len(group) - 1)
    return max(low, min(sum(group) / len(group) - length / 2, high - length))


def _end(group: Sequence[float], low: float, high: float) -> float:
    return _start(group, low, high) + APART * (len(group) - 1)


def _ticks(low: float, high: float) -> list[float]:
    """Return round values that hold a range, at most seven."""
    span = max(high - low, 1e-6)
    step = 10.0 ** math.floor(math.log10(span))
    step *= next(factor for factor in (0.2, 0.25, 0.5, 1.0, 2.0) if span / (factor * step) <= 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * place for place in range(first, last + 1)]


def _short(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
