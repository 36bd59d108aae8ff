"""What every peer has in common: its task, and its setting chosen on validation before it meets the test items."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np

from models.history import Float, Histories
from simulations.errors import SimulationError
from simulations.metrics import Evaluation, PersonScorer, evaluate_each
from simulations.peers.negatives import NegativeSampler, spared
from simulations.split import Split

LARGEST = 1 << 26
"""Scores of a peer, people x items: it has something of its own for each person."""
EVERY, ROUNDS = 10, 100
"""Training stops where validation was best: it is asked every so many rounds, up to so many."""
Setting = TypeVar("Setting")
Tried = tuple[tuple[str, float], ...]
"""Settings in words with what each reached on validation, full-catalogue NDCG@10."""


class PeerTooLarge(SimulationError):
    """The peer's scores would not fit: the caller leaves it out for such a population."""

    code: ClassVar[str] = "peer_too_large"


@dataclass(frozen=True, slots=True)
class Task:
    """What a peer trains on.

    Args:
        positives: the people's events.
        spare: what their negatives are not drawn from.
        items: size of the catalogue.
    """

    positives: Histories
    spare: Histories
    items: int


Train = Callable[[Task, Setting, int], Iterator[Float]]
"""Task, setting and seed to (people, items) scores after every `EVERY` rounds, as long as the caller asks."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A peer at its best.

    Args:
        found: on the test items.
        setting: chosen on validation, in words.
        tried: everything that was tried there.
    """

    found: Evaluation
    setting: str
    tried: Tried


def choose(
    train: Train[Setting],
    grid: Sequence[Setting],
    split: Split,
    items: int,
    *,
    sampler: NegativeSampler,
    seed: int,
    rounds: int = ROUNDS,
) -> Chosen:
    """Choose setting and rounds on validation, train again with the validation events, look at the test items.

    Args:
        train: the peer.
        grid: settings to try.
        split: the people, all of them judged.
        items: size of the catalogue.
        sampler: where negatives come from.
        seed: of initial values, negatives and shuffling.
        rounds: most rounds of training.

    Raises:
        PeerTooLarge: people x items scores would not fit.
    """
    if split.people * items > LARGEST:
        raise PeerTooLarge(
            f"{split.people} people x {items} items are {split.people * items / 1e6:.0f} million scores; peers with "
            f"something of their own for each person run up to {LARGEST / 1e6:.0f} million"
        )
    task = Task(split.train, spared(split, split.train, sampler), items)
    tried: list[tuple[float, Setting, int]] = []
    for setting in grid:
        for count, scores in zip(range(EVERY, rounds + 1, EVERY), train(task, setting, seed), strict=False):
            figure = float(evaluate_each(rows_of(scores), split, "validation").ndcg.mean())
            tried.append((figure, setting, count))
    _, setting, count = max(tried, key=lambda one: one[0])
    known = split.with_validation()
    again = train(Task(known, spared(split, known, sampler), items), setting, seed)
    *_, scores = (scores for _, scores in zip(range(EVERY, count + 1, EVERY), again, strict=False))
    return Chosen(
        evaluate_each(rows_of(scores), split, "test"),
        _words(setting, count),
        tuple((_words(setting, count), figure) for figure, setting, count in tried),
    )


def rows_of(scores: Float) -> PersonScorer:
    """Rank each person by their own row."""
    return lambda people, histories: np.asarray(scores[people])


def _words(setting: object, rounds: int) -> str:
    return f"{setting}, {rounds} rounds"
