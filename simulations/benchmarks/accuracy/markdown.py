"""README's tables of accuracy, printed from a summary and from nothing else."""

from collections.abc import Iterable, Sequence

from simulations.benchmarks.accuracy.methods import METHODS, SEES
from simulations.benchmarks.accuracy.summary import Line, Spread

PROTOCOLS = {"full": "full catalogue", "sampled99": "sampled-99"}


def markdown(lines: Sequence[Line], dataset: str) -> str:
    """Print one data set's tables: what spends epsilon by epsilon, then everything else.

    Args:
        lines: a summary.
        dataset: which of its data sets.
    """
    here = [line for line in lines if line.dataset == dataset]
    spending = [line for line in here if METHODS[line.method].spends]
    told = [line for line in spending if METHODS[line.method].kind == "oracle"]
    parts = _by_epsilon([line for line in spending if line not in told]) + _by_epsilon(told)
    rest = [line for line in here if not METHODS[line.method].spends]
    head = ["no epsilon", "sees", *(f"{name} HR@10 / NDCG@10" for name in PROTOCOLS.values())]
    rows = [
        [
            METHODS[line.method].label,
            SEES[METHODS[line.method].kind],
            *(_pair(line, protocol) for protocol in PROTOCOLS),
        ]
        for line in rest
    ]
    parts += [_table(head, rows)] if rows else []
    return "\n".join(parts)


def _by_epsilon(lines: Sequence[Line]) -> list[str]:
    """Print what is measured at every epsilon, a table a protocol."""
    methods = list(dict.fromkeys(line.method for line in lines))
    found = {(line.method, _level(line)): line for line in lines}
    levels = sorted({_level(line) for line in lines})
    return [
        _table(
            [f"epsilon: {name} HR@10 / NDCG@10", *(METHODS[method].label for method in methods)],
            [
                [_shown(level), *(_pair(found.get((method, level)), protocol) for method in methods)]
                for level in levels
            ],
        )
        for protocol, name in PROTOCOLS.items()
        if lines
    ]


def _level(line: Line) -> float:
    return float("inf") if line.epsilon is None else line.epsilon


def _shown(level: float) -> str:
    return "not private" if level == float("inf") else f"{level:g}"


def _pair(line: Line | None, protocol: str) -> str:
    if line is None:
        return ""
    if line.skipped:
        return "skipped"
    return " / ".join(_figure(line.metrics[f"{protocol} {metric}"]) for metric in ("hr@10", "ndcg@10"))


def _figure(found: Spread) -> str:
    """Write mean and standard deviation the short way: .665 ± .006."""
    return " ± ".join(f"{value:.3f}".removeprefix("0") for value in (found.mean, found.sd))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
