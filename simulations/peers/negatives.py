"""Where a peer's training negatives come from: honestly, or as published code draws them."""

from enum import Enum

import numpy as np

from models.history import Histories, Ids
from models.sampling import sample_negatives
from simulations.split import Split


class NegativeSampler(Enum):
    """Which items a device never draws as a training negative."""

    CLEAN = "clean"
    """What it has met so far: a device cannot know its future."""
    LEAKY = "leaky"
    """Its held-out items too, as published code does: what was never drawn is what will be asked for."""


def spared(split: Split, known: Histories, sampler: NegativeSampler) -> Histories:
    """Return what each person's negatives are not drawn from.

    Args:
        split: the people.
        known: what they train on: the training events, or validation too once the test item is to come.
        sampler: clean, or leaky to show what the leak is worth.
    """
    if sampler is NegativeSampler.CLEAN:
        return known
    return _with(split.with_validation(), split.test)


def draw_round(
    spare: Histories, positives: Histories, items: int, *, each: int, rng: np.random.Generator
) -> Histories:
    """Draw every person's negatives of one round.

    Args:
        spare: what each person's are not drawn from.
        positives: their training events.
        items: size of the catalogue.
        each: negatives for one training event.
        rng: the round's own stream.

    Returns:
        Items by person, repeats included; none for whoever has met everything.
    """
    drawn = [
        sample_negatives(spare.of(person), items, each * int(length), rng)
        for person, length in enumerate(positives.lengths)
    ]
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in drawn])]).astype(np.int64)
    return Histories(indptr, np.concatenate(drawn))


def _with(histories: Histories, more: Ids) -> Histories:
    """Append one item to every person's."""
    lists = np.split(histories.item, histories.indptr[1:-1])
    joined = [np.append(items, item) for items, item in zip(lists, more, strict=True)]
    return Histories(histories.indptr + np.arange(len(more) + 1), np.concatenate(joined).astype(np.int32))
