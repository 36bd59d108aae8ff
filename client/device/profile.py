"""The profile in plain words: what the model thinks a person likes, by open categories, and why it thinks so."""

from dataclasses import dataclass

import numpy as np

from client.device.features import History, Index
from client.device.person import Person
from client.device.reference import fold
from client.device.tables import Tables

MOST_TASTES = 5
NAMED_EVENTS = 3
LEAST = 0.05
"""Smallest lift worth saying, in standard deviations of a taste."""


@dataclass(frozen=True, slots=True)
class Because:
    """An event's part in a taste.

    Args:
        item: the app's id.
        title: what a person sees.
        amount: what it adds to the taste.
    """

    item: str
    title: str
    amount: float


@dataclass(frozen=True, slots=True)
class Taste:
    """What the model thinks about one open category.

    Args:
        category: its name.
        amount: how far the person's events lift its average item above the average item of the catalogue.
        text: the same in plain words.
        because: the events that made it so, strongest first.
    """

    category: str
    amount: float
    text: str
    because: tuple[Because, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that moves this person's scores, for the person to read.

    Args:
        tastes: what the events say, what is liked first.
        chosen: what the person set themselves, in plain words.
        events: how many items their history folds in.
        confidence: how far personalization has faded in, in [0, 1].
    """

    tastes: tuple[Taste, ...]
    chosen: tuple[str, ...]
    events: int
    confidence: float


def describe(tables: Tables, index: Index, person: Person, history: History, confidence: float) -> Profile:
    """Describe a person by the same numbers that rank for them.

    A taste is the exact average, over a category's items, of what the events add to a score.
    """
    names = index.catalogue.genre_names
    lifts = np.zeros((len(names), len(history.positions)))
    for one in fold(tables, history.positions, ages=history.ages, kinds=history.weights):
        for row, name in enumerate(names):
            lifts[row] += (one.part.outward.at(index.of(name)).mean(axis=0) - one.part.mean) @ one.shares.T
    totals = lifts.sum(axis=1)
    order = np.argsort(-np.abs(totals), kind="stable")[:MOST_TASTES].tolist()
    tastes = [
        _taste(names[row], float(totals[row]), lifts[row].tolist(), history, index)
        for row in order
        if abs(totals[row]) >= LEAST
    ]
    tastes.sort(key=lambda taste: -taste.amount)
    return Profile(tuple(tastes), _chosen(person, index), len(history.positions), confidence)


def _taste(name: str, amount: float, parts: list[float], history: History, index: Index) -> Taste:
    side = 1 if amount > 0 else -1
    strongest = sorted(range(len(parts)), key=lambda event: -side * parts[event])[:NAMED_EVENTS]
    because = []
    for event in strongest:
        if side * parts[event] > 0:
            at = history.positions[event]
            because.append(Because(index.catalogue.ids[at], index.catalogue.titles[at], parts[event]))
    liked = "You seem to like" if amount > 0 else "You seem to care less for"
    after = f", after {' and '.join(one.title or one.item for one in because)}" if because else ""
    return Taste(name, amount, f"{liked} {name}{after}.", tuple(because))


def _chosen(person: Person, index: Index) -> tuple[str, ...]:
    known = index.position
    told = [f"You chose {name}." for name in sorted(set(person.interests)) if len(index.of(name))]
    told += [
        f"You asked for {'more' if by > 0 else 'less'} of {index.name(known[item])}."
        for item, by in person.tuned.items()
        if item in known and by
    ]
    told += [f"You hid {index.name(known[item])}." for item in sorted(person.hidden) if item in known]
    told += [f"You told us your {name}: {value}." for name, value in sorted(person.attributes.items())]
    return tuple(told)
