"""Made-up cells and rows of the accuracy benchmark."""

from typing import Any

from simulations.benchmarks.accuracy.cells import AccuracyRow, Cell

ACCURACY = [f"{part} {metric}" for part in ("full", "sampled99") for metric in ("hr@10", "ndcg@10")]


def cell(
    method: str = "ours", *, epsilon: float = 4.0, seed: int = 1, config: str = "c", code: str = "k"
) -> Cell:
    """Make a cell."""
    return Cell(dataset="made", method=method, epsilon=epsilon, seed=seed, config=config, code=code)


def rows(of: Cell, value: float = 0.5, *, skipped: str = "", tried: str = "") -> list[AccuracyRow]:
    """Make a whole cell's rows, all of one value."""

    def row(metric: str, note: str = "") -> AccuracyRow:
        return AccuracyRow(
            benchmark="accuracy",
            contestant=of.method,
            seed=of.seed,
            metric=metric,
            value=value,
            unit="share",
            standard_error=0.01,
            note=note,
        )

    figures = [row("skipped", skipped)] if skipped else [row(name) for name in ACCURACY]
    figures += [row("validation full ndcg@10", tried)] if tried else []
    return [*figures, row("seconds", tried)]


def context(of: Cell) -> dict[str, Any]:
    """Make what the rows of a cell have in common."""
    return {
        "dataset": of.dataset,
        "epsilon": of.key[2],
        "delta": 1e-3,
        "config": of.config,
        "code": of.code,
        "people": 900,
        "items": 7,
        "commit": "abc",
        "machine": "m",
    }
