"""Reasons: what a score is made of, in plain words; the amounts sum to the score."""

from collections.abc import Sequence

import numpy as np

from client.device.features import History, Index, Shift
from client.device.runtime import Ranked
from client.device.slate import Reason

NAMED_EVENTS = 3
"""Events a reason names one by one; the others are summed."""


def reasons(
    ranked: Ranked, place: int, *, history: History, shifts: Sequence[Shift], index: Index
) -> list[Reason]:
    """Put one ranked item into words.

    Args:
        ranked: what the runtime found.
        place: which of its items.
        history: the events it was asked with, in their order.
        shifts: what `ranked.local` is the sum of.
        index: names.
    """
    parts = ranked.events[place]
    strongest = parts.argsort(kind="stable")[::-1][:NAMED_EVENTS].tolist()
    named = [event for event in strongest if parts[event] > 0]
    found = [_event(history, event, float(parts[event]), index) for event in named]
    if others := len(parts) - len(named):
        rest = float(parts.sum() - parts[named].sum())
        found.append(Reason("events", rest, f"because of {others} other things you met"))
    bias = float(ranked.bias[place])
    found.append(Reason("popularity", bias, "popular with everyone" if bias > 0 else "less known than most"))
    return found + _local(int(ranked.items[place]), float(ranked.local[place]), shifts)


def _event(history: History, event: int, amount: float, index: Index) -> Reason:
    position = history.positions[event]
    liked = "you liked" if history.weights[event] > 0 else "you did not like"
    return Reason("event", amount, f"because {liked} {index.name(position)}", index.catalogue.ids[position])


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
