"""The figures of one evaluation: accuracy with its standard error, who gains, what is shown."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.metrics import TOP, Evaluation, activity_groups, gains, popularity_places
from simulations.split import Split


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Args:
        metric: what was measured.
        value: the figure.
        unit: its unit.
        error: standard error over people; None where the figure is of the catalogue, not of people.
    """

    metric: str
    value: float
    unit: str
    error: float | None = None


def figures(found: Evaluation, judged: Split) -> tuple[Figure, ...]:
    """Return everything a row can say of an evaluation.

    Args:
        found: ranks of the test items.
        judged: the people they belong to.
    """
    items = len(found.shown)
    places = popularity_places(np.bincount(judged.train.item, minlength=items))
    return (
        *_accuracy("full", found.full_rank),
        *_accuracy("sampled99", found.sampled_rank),
        *(
            _mean(f"full ndcg@10, {group}", found.ndcg[people], "gain")
            for group, people in activity_groups(judged.train.lengths).items()
            if len(people)
        ),
        Figure("coverage", found.coverage, "share of the catalogue"),
        Figure("gini of shown items", found.inequality, "0 to 1"),
        Figure("popularity place shown", float(np.average(places, weights=found.shown)), "0 top to 1 end"),
        _mean("popularity place held out", places[judged.test], "0 top to 1 end"),
    )


def _accuracy(protocol: str, rank: NDArray[np.int64]) -> tuple[Figure, Figure]:
    hits = (rank < TOP).astype(np.float64)
    return (
        _mean(f"{protocol} hr@10", hits, "share of people"),
        _mean(f"{protocol} ndcg@10", gains(rank), "gain"),
    )


def _mean(metric: str, values: NDArray[np.float64], unit: str) -> Figure:
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return Figure(metric, float(values.mean()), unit, error)
