"""The sections of the benchmark's page."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from simulations.benchmarks.accuracy.methods import METHODS, SEES
from simulations.benchmarks.accuracy.pictures import Curve, frontier
from simulations.benchmarks.accuracy.summary import Line, Spread
from simulations.plots import bars
from simulations.report_html import section, table

PROTOCOLS = {
    "full": "Full catalogue",
    "sampled99": "Among 99 sampled negatives",
}
LOOKS = {
    "ours": "ours",
    "ours_gradient": "gradient",
    "content_popularity_private": "strong-private",
    "popularity_private": "private",
    "content_only": "public",
    "pfedrec_leaky": "leaky",
}
NOT_PRIVATE = "not private"


def frontiers(dataset: str, lines: Sequence[Line]) -> str:
    """Draw accuracy over epsilon under both protocols, each picture with its numbers beneath."""
    shown = [line for line in lines if not line.skipped]
    spending = [line for line in shown if METHODS[line.method].spends]
    if not spending:
        return ""
    levels = sorted({_level(line) for line in spending})
    parts = []
    for part, name in PROTOCOLS.items():
        pictures = "".join(
            f"<div>{_picture(dataset, shown, levels, f'{part} {metric}', f'{metric.upper()}, {name.lower()}')}</div>"
            for metric in ("hr@10", "ndcg@10")
        )
        parts.append(f'<h3>{name}</h3><div class="wide">{pictures}</div>{_numbers(spending, levels, part)}')
    words = (
        "<p>Bands are one standard deviation over seeds: noise, initial values and sampled negatives change, the people "
        "do not. ε is for one enrolled subject's whole history, trust = central; ∞ draws no noise and is <b>not "
        "private</b>. Dashed lines spend no ε because they are not private at all, or (content only) use nobody's data.</p>"
    )
    return section(f"{dataset}-frontier", "Accuracy at each ε", words + "".join(parts))


def rest(dataset: str, lines: Sequence[Line]) -> str:
    """List what has no epsilon: central, federated without noise, nobody's data."""
    others = [line for line in lines if not METHODS[line.method].spends]
    if not others:
        return ""
    rows = [
        [f"{METHODS[line.method].label} ({SEES[METHODS[line.method].kind]})", *_each(line)] for line in others
    ]
    looks = [METHODS[line.method].kind for line in others]
    head = [
        "method",
        *(f"{name} {metric}" for name in ("full", "sampled") for metric in ("HR@10", "NDCG@10")),
    ]
    words = (
        "<p>PureSVD and EASE hold everyone's raw events in one place. FedMF and PFedRec leave them on the devices and send "
        "unprotected updates: an update shows its sender's items to whoever receives it.</p>"
    )
    return section(
        f"{dataset}-rest",
        "Beside what spends no ε",
        words + table("Mean ± standard deviation over seeds (standard error over people)", head, rows, looks),
    )


def leak(dataset: str, lines: Sequence[Line]) -> str:
    """Show what a leaky sampler is worth."""
    found = {line.method: line for line in lines if line.metrics}
    if not {"pfedrec", "pfedrec_leaky"} <= found.keys():
        return ""
    words = (
        "<p>Published federated recommenders draw training negatives from everything a person <em>never</em> meets: the "
        "hidden item is spared, the items it will be compared with are not. The same PFedRec, the same code, only the "
        "sampler exchanged: <b>the LEAKY figures are no accuracy</b> and stand here to explain the literature. Ours and "
        "every other row draw from everything a person has not met <em>so far</em>.</p>"
    )
    pictures = "".join(
        f"<div><h3>PFedRec, HR@10, {name.lower()}</h3>{_clean_and_leaky(found, f'{part} hr@10', name)}</div>"
        for part, name in PROTOCOLS.items()
    )
    return section(f"{dataset}-leak", "What a leak looks like", f'{words}<div class="wide">{pictures}</div>')


def groups(dataset: str, lines: Sequence[Line]) -> str:
    """Say who gains and what is shown."""
    whole = [line for line in lines if line.metrics]
    spent = sorted({line.epsilon for line in whole if line.epsilon is not None})
    middle = min(spent, key=lambda level: abs(math.log2(level) - 2), default=None)
    first = [line for line in whole if not METHODS[line.method].spends or line.epsilon == middle]
    others = [line for line in whole if line not in first]
    at = "" if middle is None else f" (those that spend: at ε = {middle:g}, trust = central)"
    words = (
        "<p>Light, medium and heavy are thirds of people by training events. Coverage is the share of the catalogue that "
        "stands in anyone's top ten; Gini says how unevenly items are shown (1: a few get everything). Popularity place "
        "runs from 0, the most popular item, to 1: people's hidden items stand at the held-out place on average, and a "
        "smaller number in the column before it is popularity bias.</p>"
    )
    more = (
        f"<details><summary>Every other ε</summary>{_shown(others, 'The same at other ε, trust = central')}</details>"
        if others
        else ""
    )
    return section(
        f"{dataset}-groups", "Who gains, and what is shown", words + _shown(first, f"By method{at}") + more
    )


def chosen(dataset: str, lines: Sequence[Line]) -> str:
    """List what validation was asked and what it chose."""
    rows = [
        (f"{METHODS[line.method].label}{_at(line)}", setting, f"{figure:.4f}", "; ".join(line.settings))
        for line in lines
        for setting, figure in line.tried.items()
    ]
    if not rows:
        return ""
    listed = table(
        "Full-catalogue NDCG@10 on validation, mean over seeds",
        ["method", "setting", "validation", "chosen, seed by seed"],
        rows,
    )
    words = (
        "<p>Each seed chooses for itself by full-catalogue NDCG@10 on the second last items; nothing here has seen a test "
        "item. Penchant's settings stand in its scenario files. Not accounted in ε (trust = central).</p>"
    )
    folded = f"<details><summary>{len(rows)} settings tried</summary>{listed}</details>"
    return section(f"{dataset}-chosen", "What validation chose", words + folded)


def protocol(lines: Sequence[Line]) -> str:
    """Say how it was measured, with what was left out."""
    points = [
        "Split by time for each person: the last item tests, the second last validates, the rest trains.",
        "Ranking input at test time is training plus validation; FedMF and PFedRec train again with it.",
        "Training negatives come from everything absent from a device's training items, its own future included.",
        "99 evaluation negatives a person come from a stream of their own, absent from all of that person's items.",
        "Ties with the hidden item count as standing above it; items already met are out of the running.",
        "Penchant is judged by the int8 release that its run exports; everybody takes part and nobody leaves.",
    ]
    points += [
        f"{METHODS[line.method].label} was skipped on {line.dataset}: {line.skipped}."
        for line in lines
        if line.skipped
    ]
    made = sorted({(line.commit, line.machine) for line in lines})
    rows = [
        (commit, machine, f"{sum(1 for line in lines if (line.commit, line.machine) == (commit, machine))}")
        for commit, machine in made
    ]
    where = table("Where it was measured", ["commit", "machine", "rows of these tables"], rows)
    listed = "".join(f"<li>{escape(point)}</li>" for point in points)
    return section("protocol", "How it was measured", f"<ul>{listed}</ul>{where}")


def _clean_and_leaky(found: Mapping[str, Line], metric: str, name: str) -> str:
    rows = [
        (f"{sampler} sampler", found[method].metrics[metric].mean, look)
        for sampler, method, look in (("clean", "pfedrec", "other"), ("LEAKY", "pfedrec_leaky", "leaky"))
    ]
    return bars(rows, title=f"PFedRec, HR@10, {name.lower()}: clean sampler beside LEAKY sampler")


def _picture(dataset: str, lines: Sequence[Line], levels: Sequence[float], metric: str, name: str) -> str:
    curves = []
    for method in dict.fromkeys(line.method for line in lines):
        points = [
            (_level(line), line.metrics[metric].mean, line.metrics[metric].sd)
            for line in lines
            if line.method == method
        ]
        curves.append(Curve(METHODS[method].label, LOOKS.get(method, "central"), points))
    return frontier(
        curves,
        levels,
        title=f"{name} over epsilon on {dataset}; the table beneath has the numbers",
        y_label=name,
    )


def _numbers(spending: Sequence[Line], levels: Sequence[float], protocol: str) -> str:
    methods = list(dict.fromkeys(line.method for line in spending))
    found = {(line.method, _level(line)): line for line in spending}
    rows = [
        [
            NOT_PRIVATE if math.isinf(level) else f"ε = {level:g}",
            *(
                _pair(found[method, level], protocol) if (method, level) in found else ""
                for method in methods
            ),
        ]
        for level in levels
    ]
    return table(
        "HR@10 / NDCG@10, mean ± standard deviation over seeds, trust = central",
        ["", *(METHODS[method].label for method in methods)],
        rows,
    )


def _shown(lines: Sequence[Line], caption: str) -> str:
    head = [
        "NDCG@10, full catalogue", "light", "medium", "heavy", "coverage", "Gini", "place shown", "place held out",
    ]  # fmt: skip
    names = [f"full ndcg@10, {group}" for group in ("light", "medium", "heavy")] + [
        "coverage", "gini of shown items", "popularity place shown", "popularity place held out",
    ]  # fmt: skip
    rows = [
        [
            f"{METHODS[line.method].label}{_at(line)}",
            *(f"{line.metrics[name].mean:.3f}" if name in line.metrics else "" for name in names),
        ]
        for line in lines
    ]
    return table(caption, head, rows, [METHODS[line.method].kind for line in lines])


def _at(line: Line) -> str:
    if not METHODS[line.method].spends:
        return ""
    return f", {NOT_PRIVATE}" if line.epsilon is None else f", ε = {line.epsilon:g}"


def _each(line: Line) -> list[str]:
    names = [f"{part} {metric}" for part in PROTOCOLS for metric in ("hr@10", "ndcg@10")]
    return ["skipped" if line.skipped else _with_error(line.metrics[name]) for name in names]


def _pair(line: Line, protocol: str) -> str:
    if line.skipped:
        return "skipped"
    return " / ".join(_brief(line.metrics[f"{protocol} {metric}"]) for metric in ("hr@10", "ndcg@10"))


def _brief(found: Spread) -> str:
    return f"{_short(found.mean)} ± {_short(found.sd)}"


def _with_error(found: Spread) -> str:
    return f"{_brief(found)} ({_short(found.error)})" if found.error is not None else _brief(found)


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _level(line: Line) -> float:
    return math.inf if line.epsilon is None else line.epsilon
