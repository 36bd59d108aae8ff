"""The device's side of the statistics rounds: one person's history in, one clipped integer vector out."""

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from client.errors import ClientError
from models.history import Float, Histories, Ids
from models.inputs import ContextInput, MomentsInput, Nearness, PopularityInput, RoundInput
from privacy.clipping import Int64, clip_to_grid
from privacy.moments import to_vector

Vector = NDArray[np.floating[Any]]
Rows = Ids | slice
"""Which rows of the round's sum a person's values belong to."""


class StatisticsError(ClientError):
    """A history names items outside the round's catalogue: the device updates its catalogue first."""

    code: ClassVar[str] = "statistics_refused"


def contribution_sum(
    question: RoundInput, histories: Histories, *, clipping_norm: float, scale_bits: int
) -> Int64:
    """Sum the contributions of a shard of devices exactly.

    Every person's integers come from their own history and the public input alone, whoever else is in the
    shard, so a sum does not depend on how people are split into shards; a shard of one is a device.

    Args:
        question: what the round asks, the same for everyone.
        histories: the shard's people.
        clipping_norm: C > 0, the bound on each person's L2 norm.
        scale_bits: grid step 2**-scale_bits.

    Returns:
        (dimension,) int64 in grid steps.

    Raises:
        StatisticsError: an item lies outside the catalogue.
    """
    if len(histories.item) and not 0 <= histories.item.min() <= histories.item.max() < question.items:
        raise StatisticsError(f"a history names items outside the round's catalogue of {question.items}")
    total = np.zeros(question.shape, np.int64)
    for person in range(histories.people):
        rows, values = _contribution(question, latest_occurrences(histories.of(person)))
        total[rows] += clip_to_grid(values, clipping_norm=clipping_norm, scale_bits=scale_bits)
    return total.ravel()


def latest_occurrences(history: Ids) -> Ids:
    """Return the distinct items of a history, oldest first, each where it was met last.

    >>> latest_occurrences(np.array([4, 7, 4], np.int32)).tolist()
    [7, 4]
    """
    distinct, last = np.unique(history[::-1], return_index=True)
    return history if len(distinct) == len(history) else distinct[np.argsort(-last)]


def _contribution(question: RoundInput, history: Ids) -> tuple[Rows, Vector]:
    match question:
        case PopularityInput():
            return history, popularity(history)
        case MomentsInput():
            return slice(None), moments(question, history)
        case ContextInput():
            return history, context(question, history)


def popularity(history: Ids) -> Vector:
    """Spread a person's one vote over their items: 1 / √n each, norm 1.

    Args:
        history: (n,) distinct items.

    Returns:
        (n,) float64 values of those items; every other item has 0.
    """
    return _unit(np.ones(len(history)))


def moments(question: MomentsInput, history: Ids) -> Vector:
    """Form the matrix of which basis directions occur together in a history, norm 1.

    All pairs of different events, and the pairs near in time, are each brought to norm 1 before they mix;
    an event is never paired with itself, so the matrix says nothing but co-occurrence. Scaling to norm 1
    comes after projecting: nothing is lost to clipping.

    Args:
        question: the round's input.
        history: (n,) distinct items, oldest first.

    Returns:
        (k (k + 1) / 2,) float32 in the layout of `privacy.moments`; zeros with fewer than two events.
    """
    if len(history) < 2:
        return np.zeros(question.shape, np.float32)
    events = question.projection[history]
    total = events.sum(axis=0)
    every = np.outer(total, total) - events.T @ events
    near = events.T @ _sum_before(events, question.near)
    share = question.near.share
    return _unit((1 - share) * _unit(to_vector(every)) + share * _unit(to_vector(near + near.T)))


def context(question: ContextInput, history: Ids) -> Vector:
    """Describe each item of a history by the tastes of the person's other items, norm 1.

    Args:
        question: the round's input.
        history: (n,) distinct items, oldest first.

    Returns:
        (n, r) float32 rows of those items, every other item's row being 0; zeros with fewer than two events.
    """
    if len(history) < 2:
        return np.zeros((len(history), question.tastes.shape[1]), np.float32)
    events = question.tastes[history]
    others = events.sum(axis=0) - events
    near = _sum_before(events, question.near) + _sum_before(events[::-1], question.near)[::-1]
    share = question.near.share
    company = _unit_rows((1 - share) * _unit_rows(others) + share * _unit_rows(near))
    return _unit(question.scale[history])[:, None] * company


def _sum_before(events: Float, near: Nearness) -> Float:
    """Return for each event the weighted sum of the events in the window before it, (n, k)."""
    before = np.zeros_like(events)
    for lag in range(1, min(near.window, len(events) - 1) + 1):
        before[lag:] += np.float32(math.exp(-(lag - 1) / near.tau)) * events[:-lag]
    return before


def _unit(values: Vector) -> Vector:
    length = float(np.linalg.norm(values))
    scaled: Vector = values / length if length > 0 else values
    return scaled


def _unit_rows(rows: Vector) -> Vector:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Vector = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled
