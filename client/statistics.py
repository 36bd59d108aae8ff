"""The device's side of the statistics rounds: one person's history in, one clipped integer vector out.

A shard works on people who met equally many items at once. Every sum runs over one person's own values in an order
of their own, so their integers are the same bits alone and in any company.
"""

import math
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from client.ballot import answers, cells_of_one
from client.errors import ClientError
from client.portions import alike, by_length, portions
from models.ballot import BallotInput
from models.history import Float, Histories, Ids, spared_events
from models.inputs import ContextInput, MomentsInput, Nearness, PopularityInput, RoundInput
from privacy.clipping import Int64, clip_rows, clip_to_grid
from privacy.moments import to_vector

Values = NDArray[np.floating[Any]]
BANDED = 128
"""Events up to which a window is one small matrix product."""


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
    clip = partial(clip_rows, clipping_norm=clipping_norm, scale_bits=scale_bits)
    for some in portions(histories):
        people = distinct(some)
        if isinstance(question, PopularityInput):
            _add_popularity(total, people, clipping_norm=clipping_norm, scale_bits=scale_bits)
        elif isinstance(question, BallotInput):
            for few in by_length(people, cells=cells_of_one(question)):
                total += clip(answers(question, few)).sum(axis=0)
        elif isinstance(question, MomentsInput):
            for _, items in alike(people, person=question.width**2):
                total += clip(moments(question, _without_spared(question, items))).sum(axis=0)
        else:
            for _, items in alike(people, event=question.width):
                told = _without_spared(question, items)
                np.add.at(total, told, clip(context(question, told)))
    return total.ravel()


def _without_spared(question: MomentsInput | ContextInput, items: Ids) -> Ids:
    """Leave out the latest events, a quarter of a short history: they will judge what is learnt."""
    count = items.shape[1]
    return items[:, : count - int(spared_events(np.array(count), most=question.spared))]


def _add_popularity(total: Int64, people: Histories, *, clipping_norm: float, scale_bits: int) -> None:
    """Add popularity contributions: who met equally many items sends equal integers for each."""
    met = np.repeat(people.lengths, people.lengths)
    for count in np.unique(met):
        share = clip_to_grid(popularity(count), clipping_norm=clipping_norm, scale_bits=scale_bits)
        total += share[0] * np.bincount(people.item[met == count], minlength=len(total))


def distinct(histories: Histories) -> Histories:
    """Return the histories with each item of a person once, where it was met last.

    >>> distinct(Histories(np.array([0, 3]), np.array([4, 7, 4], np.int32))).item.tolist()
    [7, 4]
    """
    items = int(histories.item.max(initial=0)) + 1
    pairs = histories.owners() * items + histories.item
    _, last = np.unique(pairs[::-1], return_index=True)
    if len(last) == len(pairs):
        return histories
    kept = np.zeros(len(pairs), np.bool_)
    kept[len(pairs) - 1 - last] = True
    return Histories(np.concatenate([[0], np.cumsum(kept)])[histories.indptr], histories.item[kept])


def popularity(count: int) -> Values:
    """Spread a person's one vote over the items they met: 1 / √n each, norm 1.

    Args:
        count: n, how many.

    Returns:
        (n,) float64 values of those items; every other item has 0.
    """
    return np.full(count, 1 / math.sqrt(count))


def moments(question: MomentsInput, items: Ids) -> Values:
    """Form the matrix of which basis directions occur together in each history, norm 1.

    All pairs of different events, and the pairs near in time, are each brought to norm 1 before they mix;
    an event is never paired with itself, so the matrix says nothing but co-occurrence. Scaling to norm 1
    comes after projecting: nothing is lost to clipping.

    Args:
        question: the round's input.
        items: (people, n) distinct items of each, oldest first, n at least 2.

    Returns:
        (people, k (k + 1) / 2) float32 in the layout of `privacy.moments`.
    """
    events = question.projection[items]
    total = _sum_over_events(events)[:, None]
    turned = np.concatenate([events, total], axis=1).transpose(0, 2, 1)
    every = to_vector(turned @ np.concatenate([-events, total], axis=1))
    near = to_vector(events.transpose(0, 2, 1) @ _sum_near(events, question.near))
    share = question.near.share
    every *= (1 - share) * _inverse(_lengths(every))
    near *= share * _inverse(_lengths(near))
    every += near
    return _unit(every)


def context(question: ContextInput, items: Ids) -> Values:
    """Describe each item of each history by the tastes of the person's other items, norm 1.

    Args:
        question: the round's input.
        items: (people, n) distinct items of each, oldest first, n at least 2.

    Returns:
        (people, n, r) float32 rows of those items, every other item's row being 0.
    """
    events = question.tastes[items]
    others = _sum_over_events(events)[:, None] - events
    near = _sum_near(events, question.near)
    share = question.near.share
    company = _unit((1 - share) * _unit(others) + share * _unit(near))
    return _unit(question.scale[items])[..., None] * company


def _sum_over_events(events: Float) -> Float:
    """Return each person's sum of events, (people, k), added one by one in the order they were met."""
    total = np.zeros_like(events[:, 0])
    for place in range(events.shape[1]):
        total += events[:, place]
    return total


def _sum_near(events: Float, near: Nearness) -> Float:
    """Return for each event the weighted sum of those in the window around it, itself left out, (people, n, k)."""
    count = events.shape[1]
    weights = [np.float32(math.exp(-lag / near.tau)) for lag in range(min(near.window, count - 1))]
    if count <= BANDED:
        band = sum(np.eye(count, k=lag, dtype=np.float32) * weight for lag, weight in enumerate(weights, 1))
        return np.asarray((band + np.transpose(band)) @ events)
    around = np.zeros_like(events)
    for lag, weight in enumerate(weights, 1):
        around[:, lag:] += weight * events[:, :-lag]
        around[:, :-lag] += weight * events[:, lag:]
    return around


def _lengths(values: Values) -> Values:
    """Return the lengths along the last axis, kept as an axis of one."""
    return np.asarray(np.sqrt(values[..., None, :] @ values[..., None])[..., 0])


def _inverse(lengths: Values) -> Values:
    return np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)


def _unit(values: Values) -> Values:
    """Scale the last axis to length 1; zeros stay."""
    return np.asarray(values * _inverse(_lengths(values)))
