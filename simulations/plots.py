"""Inline SVG plots for the report: no script, no library, colours from the page's own palette."""

from collections.abc import Sequence
from html import escape

WIDTH = 560
Point = tuple[float, float]


def svg(height: int, title: str, body: str) -> str:
    """Wrap a picture; whoever cannot see it hears the title."""
    label = escape(title, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{body}</svg>'


def bars(rows: Sequence[tuple[str, float, str]], *, title: str) -> str:
    """Draw horizontal bars with their values.

    Args:
        rows: (label, value, one of the fill classes ``ours``, ``other``, ``open``).
        title: what a reader who cannot see it should hear.
    """
    step, left, right = 30, 184, 56
    longest = max((value for _, value, _ in rows), default=0.0) or 1.0
    body = []
    for place, (label, value, kind) in enumerate(rows):
        y = place * step + 6
        width = max(1.0, (WIDTH - left - right) * value / longest)
        strong = ' class="strong"' if kind == "ours" else ""
        body.append(f'<text x="{left - 10}" y="{y + 13}" text-anchor="end"{strong}>{escape(label)}</text>')
        body.append(f'<rect class="{kind}-fill" x="{left}" y="{y}" width="{width:.1f}" height="18" rx="4"/>')
        body.append(f'<text x="{left + width + 8:.1f}" y="{y + 13}"{strong}>{value:.3f}</text>')
    return svg(len(rows) * step + 6, title, "".join(body))


def curves(
    lines: Sequence[tuple[str, Sequence[Point]]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    area: bool = False,
) -> str:
    """Draw one or two curves over numeric x, the first in the accent colour.

    Args:
        lines: (name, points) with x rising.
        title: what a reader who cannot see it should hear.
        x_label: the x axis.
        y_label: the y axis.
        area: whether to fill below the first curve.
    """
    height, left, top, bottom = 250, 50, 22, 40
    points = [point for _, line in lines for point in line]
    last_x = max(x for x, _ in points) or 1.0
    steps = int(last_x) if last_x <= 5 and last_x.is_integer() else 5
    top_y = max(y for _, y in points) or 1.0

    def at(point: Point) -> Point:
        x = left + (WIDTH - left - 14) * point[0] / last_x
        return x, height - bottom - (height - bottom - top) * point[1] / top_y

    body = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, y = at((0.0, share * top_y))
        body.append(f'<line class="axis" x1="{left}" x2="{WIDTH - 14}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{share * top_y:.2g}</text>')
    for step in range(steps + 1):
        x, _ = at((step / steps * last_x, 0.0))
        body.append(
            f'<text x="{x:.1f}" y="{height - 20}" text-anchor="middle">{step / steps * last_x:.3g}</text>'
        )
    for place, (_, line) in enumerate(lines):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, line))
        if area and not place:
            first, last = at((line[0][0], 0.0)), at((line[-1][0], 0.0))
            body.append(
                f'<polygon class="area" points="{first[0]:.1f},{first[1]:.1f} {path} {last[0]:.1f},{last[1]:.1f}"/>'
            )
        body.append(f'<polyline class="curve{" second" if place else ""}" points="{path}"/>')
    body.append(f'<text x="{WIDTH - 14}" y="{height - 4}" text-anchor="end">{escape(x_label)}</text>')
    body.append(f'<text x="{left}" y="12">{escape(y_label)}</text>')
    return svg(height, title, "".join(body))


def dots(share: float, *, title: str) -> str:
    """Draw a hundred dots: coin flips up to fifty, what the attacker gains above, the rest pale."""
    right = round(100 * share)
    body = []
    for place in range(100):
        x, y = 14 + (place % 20) * 28, 14 + (place // 20) * 28
        kind = "other" if place < min(50, right) else "ours" if place < right else "faint"
        body.append(f'<circle class="{kind}-fill" cx="{x}" cy="{y}" r="10"/>')
    return svg(142, title, "".join(body))
