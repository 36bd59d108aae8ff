"""The label's two pictures as inline SVG: the whole curve epsilon(delta), and the odds as a hundred dots."""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 560, 290
LEFT, TOP, RIGHT, BOTTOM = 46, 26, 16, 46
Point = tuple[float, float]


def _svg(height: int, title: str, body: str) -> str:
    label = escape(title, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{body}</svg>'


def curve(points: Sequence[Point], stated: Point) -> str:
    """Draw epsilon over delta, delta on a logarithmic axis, with the stated pair on it.

    Args:
        points: (delta, epsilon), delta falling.
        stated: the pair that the label states.
    """
    deltas = [math.log10(delta) for delta, _ in points]
    low, high = min(deltas), max(deltas)
    top = max(epsilon for _, epsilon in points) or 1.0
    step = next(s for s in (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 1e9) if top / s <= 6)

    def at(point: Point) -> Point:
        x = LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(point[0]) - low) / (high - low)
        return x, HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * point[1] / (1.06 * top)

    floor = HEIGHT - BOTTOM
    body = []
    for number in range(int(top / step) + 1):
        _, y = at((points[0][0], number * step))
        body.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number * step:g}</text>')
    for power in range(math.ceil(low), math.floor(high) + 1, 2):
        x, _ = at((10.0**power, 0.0))
        exponent = f'<tspan dy="-5" font-size="10">{power}</tspan>' if power else ""
        body.append(f'<text x="{x:.1f}" y="{floor + 20}" text-anchor="middle">10{exponent}</text>')
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, points))
    first, last = at(points[0])[0], at(points[-1])[0]
    body.append(f'<polygon class="area" points="{first:.1f},{floor} {path} {last:.1f},{floor}"/>')
    body.append(f'<polyline class="curve" points="{path}"/>')
    x, y = at(stated)
    body.append(f'<line class="guide" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{floor}"/>')
    body.append(f'<circle class="ours" cx="{x:.1f}" cy="{y:.1f}" r="6"/>')
    words = f"ε {stated[1]:.2f} at δ {stated[0]:.3g}"
    side, anchor = (12, "start") if x < WIDTH / 2 else (-12, "end")
    if anchor == "end":
        y += 24
    body.append(
        f'<text class="strong" x="{x + side:.1f}" y="{y - 8:.1f}" text-anchor="{anchor}">{words}</text>'
    )
    body.append(f'<text x="{LEFT}" y="14">ε(δ)</text>')
    body.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">δ, smaller to the left</text>')
    return _svg(HEIGHT, f"epsilon falls as delta grows; the label states {words}", "".join(body))


def dots(share: float) -> str:
    """Draw a hundred guesses: those a coin gets right, those the best attack gains, those still wrong."""
    right = math.ceil(100 * share - 1e-9)
    body = []
    for place in range(100):
        x, y = 14 + (place % 20) * 28, 14 + (place // 20) * 28
        kind = "coin" if place < min(50, right) else "ours" if place < right else "rest"
        body.append(f'<circle class="{kind}" cx="{x}" cy="{y}" r="10"/>')
    return _svg(142, f"Of 100 guesses a coin gets 50 right, the best attack {right} at most.", "".join(body))
