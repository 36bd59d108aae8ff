"""The benchmark's page: one HTML file that needs no network and no script, pictures beside their numbers."""

import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from simulations.benchmarks.accuracy.methods import METHODS
from simulations.benchmarks.accuracy.page_parts import chosen, frontiers, groups, leak, protocol, rest
from simulations.benchmarks.accuracy.summary import Line


def render(lines: Sequence[Line]) -> str:
    """Return the page; every text from outside is escaped."""
    folder = files("simulations") / "templates"
    style = "".join((folder / name).read_text(encoding="utf-8") for name in ("report.css", "accuracy.css"))
    names = list(dict.fromkeys(line.dataset for line in lines))
    sections = [_dataset(name, [line for line in lines if line.dataset == name]) for name in names]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Penchant: accuracy on {escape(', '.join(names))}</title><style>{style}</style></head><body>"
        f"{_header(lines, names)}<main>{''.join(sections)}{protocol(lines)}</main>"
        "<footer><p>Every figure is in accuracy.jsonl beside this page, one row each with its standard error, the digest "
        "of its settings and of the code behind it.</p></footer></body></html>"
    )


def _dataset(name: str, lines: Sequence[Line]) -> str:
    some = lines[0]
    head = f'<h2 class="dataset" id="{escape(name)}">{escape(name)}: {some.people:,} people, {some.items:,} items</h2>'
    parts = [
        frontiers(name, lines),
        rest(name, lines),
        leak(name, lines),
        groups(name, lines),
        chosen(name, lines),
    ]
    return head + "".join(parts)


def _header(lines: Sequence[Line], names: Sequence[str]) -> str:
    tiles = "".join(
        f'<div class="tile"><b>{escape(big)}</b><span>{escape(small)}</span></div>'
        for big, small in _tiles(lines)
    )
    return (
        f'<header><p class="eyebrow">Penchant · accuracy benchmark · {escape(", ".join(names))}</p>'
        f"<h1>{escape(_verdict(lines))}</h1>"
        '<p class="lead">Each person\'s last item is hidden and looked for. Everybody is held to one leak-free protocol: '
        "the same split, the same negatives, settings chosen on validation, ties counted against whoever ranks.</p>"
        '<p class="trust">trust = central: the aggregator sees each clipped contribution and must be trusted with it. ε '
        "bounds what readers of a release learn about one enrolled subject. Tuning and evaluation on public benchmark "
        f'data are not accounted in ε.</p><div class="tiles">{tiles}</div></header>'
    )


def _verdict(lines: Sequence[Line]) -> str:
    """Hold the release at the epsilon nearest 4 against everything that may spend as much."""
    for line in sorted(_whole(lines, "ours"), key=lambda line: abs(math.log2(_level(line)) - 2)):
        rivals = [
            other
            for name, how in METHODS.items()
            if how.kind == "private"
            for other in _whole(lines, name)
            if _where(other) == _where(line) and other.metrics["full ndcg@10"].mean > 0
        ]
        mine = line.metrics["full ndcg@10"].mean
        held = [
            f"{mine / one.metrics['full ndcg@10'].mean:.1f} times that of {METHODS[one.method].label}"
            for one in rivals
        ]
        if held:
            return f"At ε = {_level(line):g}, Penchant's ranking quality is {' and '.join(held)}."
    return "Accuracy, measured honestly."


def _tiles(lines: Sequence[Line]) -> list[tuple[str, str]]:
    tiles = [
        (
            f"{line.metrics['full ndcg@10'].mean:.3f}",
            f"NDCG@10 over the full catalogue of {line.dataset} at ε = {_level(line):g}, trust = central",
        )
        for line in _whole(lines, "ours")
        if _level(line) in (1.0, 4.0, 8.0)
    ][:3]
    clean, leaky = _open(lines, "pfedrec"), _open(lines, "pfedrec_leaky")
    for one, other in zip(clean[:1], leaky[:1], strict=False):
        rise = other.metrics["sampled99 hr@10"].mean - one.metrics["sampled99 hr@10"].mean
        tiles.append((f"{rise:+.2f}", "HR@10 that PFedRec gains from a LEAKY sampler alone, no skill in it"))
    return tiles


def _whole(lines: Sequence[Line], method: str) -> list[Line]:
    return [line for line in lines if line.method == method and line.epsilon is not None and not line.skipped]


def _open(lines: Sequence[Line], method: str) -> list[Line]:
    return [line for line in lines if line.method == method and line.metrics and METHODS[method]]


def _level(line: Line) -> float:
    return math.inf if line.epsilon is None else line.epsilon


def _where(line: Line) -> tuple[str, float | None]:
    return line.dataset, line.epsilon
