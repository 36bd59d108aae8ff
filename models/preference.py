"""The float reference of the preference model: what every device's ranking is compared with."""

import numpy as np
from numpy.typing import NDArray

from models.history import Float, Histories, history_weights
from models.parameters import GlobalParameters, ParameterError

BLOCK = 64
"""People scored at once. Every product runs on full blocks, so a person's bits do not depend on the batch."""

VARIANCE_FLOOR = 1e-12
EVIDENCE_FLOOR = 1e-12
"""Keep a person without evidence at exactly zero where the formula would divide zero by zero."""

Wide = NDArray[np.float64]


def spread(table: Float) -> tuple[Float, Float]:
    """Measure a table over the catalogue.

    Args:
        table: (items, d) float32.

    Returns:
        Mean (d,) float32 and covariance (d, d) float32, the two a release ships.
    """
    items = max(len(table), 1)
    mean = table.sum(axis=0, dtype=np.float64) / items
    centred = table - mean
    return mean.astype(np.float32), (centred.T @ centred / items).astype(np.float32)


def score(params: GlobalParameters, histories: Histories, deltas: Float | None = None) -> Float:
    """Score every item for every person by the formula of `GlobalParameters`.

    Seen items keep their scores: removing them is the caller's. A person's scores depend on nothing but the
    parameters, their own events and their own deltas, bit for bit.

    Args:
        params: what the release publishes.
        histories: any number of people; one without events gets the bias alone.
        deltas: (people, items) float32 local shifts, what the person liked, hid or tuned.

    Returns:
        (people, items) float32 scores, summed in float64.

    Raises:
        ParameterError: the deltas have another shape.
    """
    shape = (histories.people, params.items)
    if deltas is not None and deltas.shape != shape:
        raise ParameterError(f"deltas have shape {deltas.shape}, expected {shape}")
    parts = [
        (weight, inward, *_aim(outward))
        for weight, inward, outward in (
            (params.taste_weight, params.taste_in, params.taste_out),
            (params.content_weight, params.content, params.content),
        )
    ]
    scores = np.empty(shape, np.float32)
    for start in range(0, histories.people, BLOCK):
        people = np.arange(start, min(start + BLOCK, histories.people))
        some = histories.take(people)
        weights = history_weights(some.ages(), alpha=params.alpha, tau=params.tau).astype(np.float64)
        evidence = _sum_by_person(weights[:, None], some)
        fade = evidence / np.maximum(evidence + params.fade_in, EVIDENCE_FLOOR)
        total = np.tile(params.bias.astype(np.float64), (BLOCK, 1))
        for weight, inward, centred, covariance in parts:
            taste = _sum_by_person(weights[:, None] * inward[some.item], some)
            variance = ((taste @ covariance) * taste).sum(axis=1, keepdims=True)
            total += (weight * fade / np.sqrt(variance + VARIANCE_FLOOR) * taste) @ centred
        if deltas is not None:
            total[: len(people)] += deltas[people]
        scores[people] = total[: len(people)]
    return scores


def _aim(table: Float) -> tuple[Wide, Wide]:
    """Return the centred table, transposed to (d, items), and its covariance, both float64."""
    mean, covariance = spread(table)
    return (table.astype(np.float64) - mean).T, covariance.astype(np.float64)


def _sum_by_person(rows: Wide, histories: Histories) -> Wide:
    """Sum the rows of each person's entries into one padded block, (BLOCK, columns) float64."""
    sums = np.zeros((BLOCK, rows.shape[1]))
    present = np.flatnonzero(histories.lengths)
    if len(present):
        sums[present] = np.add.reduceat(rows, histories.indptr[present], axis=0)
    return sums
