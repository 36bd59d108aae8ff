"""Features on the device: what a person met, chose and told, as numbers a release can rank with.

Sensitive categories end here: an event on an item that carries one is remembered as met and never folded in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from client.device.person import Person
from client.device.positions import Positions
from client.device.runtime import Deltas, RequestError
from client.device.slate import Event, ReasonKind
from models.catalogue import Listing
from models.history import Histories, from_lists

MOST_NAMED = 10_000
"""Items whose names are remembered; then all are forgotten and read anew."""
NOTHING: Deltas = (np.zeros(0, np.int64), np.zeros(0, np.float32))
FACET_WORDS = {
    "hour": "the time of day",
    "place": "the place",
    "device": "the device",
    "channel": "the channel",
}


class Index:
    """A catalogue by id and by category; public, built once per release."""

    def __init__(self, catalogue: Listing) -> None:
        self.catalogue = catalogue
        self.position = Positions(catalogue.ids)
        self.withheld = frozenset(at for positions in catalogue.sensitive.values() for at in positions)
        self._of: dict[str, NDArray[np.int64]] = {}
        self._named: dict[int, tuple[str, str]] = {}

    def of(self, category: str) -> NDArray[np.int64]:
        """Return the positions of an open category's items, ascending; none for any other name."""
        if not self._of:
            found: dict[str, list[int]] = {}
            for position, names in enumerate(self.catalogue.genres):
                for name in names:
                    found.setdefault(name, []).append(position)
            self._of = {name: np.array(places, np.int64) for name, places in found.items()}
        return self._of.get(category, np.zeros(0, np.int64))

    def categories(self, item: str) -> tuple[str, ...]:
        """Return every category of an item, sensitive ones too: for limits, never for a score or a reason."""
        at = self.position[item]
        if at < 0:
            return ()
        carried = [name for name, places in self.catalogue.sensitive.items() if at in places]
        return (*self.catalogue.genres[at], *carried)

    def name(self, position: int) -> str:
        """Return what a person calls an item."""
        item, title = self.named(position)
        return title or item

    def named(self, position: int) -> tuple[str, str]:
        """Return an item's id and title; they are remembered, since what was shown or met comes again."""
        found = self._named.get(position)
        if found is None:
            if len(self._named) >= MOST_NAMED:
                self._named.clear()
            found = self._named[position] = self.catalogue.ids[position], self.catalogue.titles[position]
        return found


@dataclass(frozen=True, slots=True)
class History:
    """A person's events as the model folds them in.

    Args:
        positions: one per item that says something, in the order of its deciding event.
        weights: of that event: its kind's weight times its own.
        ages: evidence that came after it; for views, events.
        met: last time of every item the person met, by position, folded in or not.
    """

    positions: list[int]
    weights: list[float]
    ages: NDArray[np.float64]
    met: dict[int, int]


def fold_events(person: Person, index: Index) -> History:
    """Weigh a person's events.

    An item counts once: at the latest of its weightiest events, so that a purchase is not undone by a later
    view and a dislike is not undone by a later skip. Ages count the evidence that came after, so an event of
    little weight moves little, wherever it stands.

    Raises:
        RequestError: a kind without a weight, or a weight that is not a finite number from 0 on; no message
            names an item.
    """
    kinds, position, withheld = index.catalogue.signals.kinds, index.position, index.withheld
    deciding: dict[int, float] = {}
    met: dict[int, int] = {}
    for event in person.events:
        at = position[event.item]
        if at < 0:
            continue
        weight, own = kinds.get(event.kind), event.weight
        if weight is None or not 0 <= own < math.inf:
            raise RequestError(_fault(event, weight))
        weight *= own
        if weight == 0.0:
            continue
        time = event.time
        if at not in met:
            met[at] = time
            if at not in withheld:
                deciding[at] = weight
            continue
        if met[at] < time:
            met[at] = time
        if at not in withheld and abs(weight) >= abs(deciding[at]):
            del deciding[at]
            deciding[at] = weight
    weights = list(deciding.values())
    ages = np.zeros(len(weights))
    if len(weights) > 1:
        np.abs(np.array(weights[:0:-1], np.float64)).cumsum(out=ages[-2::-1])
    return History(list(deciding), weights, ages, met)


def _fault(event: Event, weight: float | None) -> str:
    if weight is None:
        return f"the release weighs no events of kind {event.kind!r}: use one of its kinds"
    return "an event's weight must be a finite number from 0 on"


def own_history(person: Person, index: Index) -> Histories:
    """Return what a round may learn from: the items that events speak for, oldest first, none sensitive."""
    history = fold_events(person, index)
    return from_lists(
        [[at for at, weight in zip(history.positions, history.weights, strict=True) if weight > 0]]
    )


@dataclass(frozen=True, slots=True)
class Shift:
    """One reason to lift or lower some items, the same for each.

    Args:
        kind: what kind of reason.
        text: in plain words.
        positions: (n,) int64 items.
        amount: by how much.
    """

    kind: ReasonKind
    text: str
    positions: NDArray[np.int64]
    amount: float


def local_shifts(person: Person, index: Index) -> list[Shift]:
    """Return what moves scores beside the history: tuning, interests, circumstances.

    Raises:
        RequestError: the person's own shift is not a finite number.
    """
    signals = index.catalogue.signals
    found = []
    for item, by in person.tuned.items():
        if not abs(by) <= 1e6:
            raise RequestError("a person's own shift must be a finite number within a million")
        if item in index.position and by:
            text = "you asked for more of it" if by > 0 else "you asked for less of it"
            found.append(Shift("chosen", text, np.array([index.position[item]]), by))
    found += [
        Shift("interest", f"because you chose {category}", index.of(category), signals.interest)
        for category in sorted(set(person.interests))
    ]
    for facet, value in person.context.facets().items():
        found += _facet(index, "context", facet, value, f"fits {FACET_WORDS[facet]}: {value}")
    for facet, value in sorted(person.attributes.items()):
        found += _facet(index, "attribute", facet, value, f"fits your {facet}: {value}")
    return [shift for shift in found if len(shift.positions) and shift.amount]


def joined(shifts: Sequence[Shift]) -> Deltas:
    """Return every shifted position and by how much; a position that several shift stands there as often."""
    if not shifts:
        return NOTHING
    positions = np.concatenate([shift.positions for shift in shifts])
    amounts = np.array([shift.amount for shift in shifts], np.float32)
    return positions, amounts.repeat([len(shift.positions) for shift in shifts])


def _facet(index: Index, kind: ReasonKind, facet: str, value: str, text: str) -> list[Shift]:
    row = index.catalogue.signals.shifts.get(f"{facet}={value}", {})
    return [Shift(kind, text, index.of(category), by) for category, by in sorted(row.items())]
