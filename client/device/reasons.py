"""Reasons: what a score is made of, in plain words; the amounts sum to the score."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from client.device.features import History, Index, Shift
from client.device.runtime import Ranked
from client.device.slate import Reason
from client.device.tables import Wide

NAMED_EVENTS = 3
"""Events a reason names one by one; the others are summed."""


def reasons(
    ranked: Ranked, places: Sequence[int], *, history: History, shifts: Sequence[Shift], index: Index
) -> list[list[Reason]]:
    """Put some ranked items into words.

    Args:
        ranked: what the runtime found.
        places: which of its items.
        history: the events it was asked with, in their order.
        shifts: what `ranked.local` is the sum of.
        index: names.
    """
    every = list(places) == list(range(len(ranked.items)))
    chosen = slice(None) if every else list(places)
    parts = ranked.events[chosen]
    strongest, named = _strongest(parts)
    rests = (parts.sum(axis=1) - named.sum(axis=1)).tolist() if len(parts) else []
    rows = zip(
        strongest.tolist(), named.tolist(), rests, ranked.bias[chosen].tolist(), ranked.local[chosen].tolist(),
        ranked.items[chosen].tolist(), strict=True,
    )  # fmt: skip
    found: list[list[Reason]] = []
    words: dict[int, tuple[str, str]] = {}
    for events, amounts, rest, bias, local, position in rows:
        row = []
        for event, amount in zip(events, amounts, strict=True):
            if amount > 0:
                if event not in words:
                    words[event] = _words(history, event, index)
                row.append(Reason("event", amount, *words[event]))
        if others := parts.shape[1] - len(row):
            row.append(Reason("events", rest, f"because of {others} other things you met"))
        row.append(
            Reason("popularity", bias, "popular with everyone" if bias > 0 else "less known than most")
        )
        found.append(row + _local(position, local, shifts) if shifts else row)
    return found


def _strongest(parts: Wide) -> tuple[NDArray[np.intp], Wide]:
    """Return each row's events that add most, the earlier of equals first, and what they add, at least 0."""
    count, left = min(NAMED_EVENTS, parts.shape[1]), parts.flatten()
    starts = np.arange(0, left.size, parts.shape[1] or 1)
    strongest, named = np.zeros((count, len(parts)), np.intp), np.zeros((count, len(parts)))
    for turn in range(count):
        strongest[turn] = best = left.reshape(parts.shape).argmax(axis=1)
        at = best + starts
        named[turn] = left[at]
        left[at] = -np.inf
    return strongest.T, np.maximum(named, 0.0).T


def _words(history: History, event: int, index: Index) -> tuple[str, str]:
    """Return an event in plain words, and its item."""
    position = history.positions[event]
    liked = "you liked" if history.weights[event] > 0 else "you did not like"
    item, title = index.named(position)
    return f"because {liked} {title or item}", item


def _local(position: int, total: float, shifts: Sequence[Shift]) -> list[Reason]:
    """Split the local part into its shifts; the last one carries what float rounding left."""
    moved = [shift for shift in shifts if _holds(shift, position)]
    amounts = [float(np.float32(shift.amount)) for shift in moved]
    if moved:
        amounts[-1] += total - sum(amounts)
    return [Reason(shift.kind, by, shift.text) for shift, by in zip(moved, amounts, strict=True)]


def _holds(shift: Shift, position: int) -> bool:
    at = int(shift.positions.searchsorted(position))
    return at < len(shift.positions) and int(shift.positions[at]) == position
