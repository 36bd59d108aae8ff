"""The training loss of the preference model: what a device minimizes in a gradient round."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.history import Float, Histories, history_weights

Int64 = NDArray[np.int64]


class ObjectiveError(ModelError):
    """A gradient round's public input contradicts itself: the device answers nothing."""

    code: ClassVar[str] = "objective_malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientInput:
    """Ask which change of the taste tables would let a person's own past predict itself better.

    A device cuts its history into `folds` stretches and holds out one of them in every local step. With
    x the recency weights of the other events by their distance to the stretch, norm 1, and y spread evenly
    over the stretch, the loss is the cross-entropy of y under softmax(taste_out (taste_in' x) + bias) over
    all items but those in x. Nothing is drawn at random, so nobody's update depends on anyone else's.

    Args:
        taste_in: (items, d) float32, item input embedding E.
        taste_out: (items, d) float32, item output embedding V.
        bias: (items,) float32, log popularity; it is not trained.
        alpha: recency floor in [0, 1].
        tau: recency decay in events.
        folds: stretches a history is cut into, at least 2.
        local_steps: gradient steps on the device, each on the next fold; at least 1.
        local_learning_rate: how far each moves the device's tables; 0 averages gradients at one point.
        round: round number; device s starts round r at fold (s + r) mod `folds`.
    """

    taste_in: Float
    taste_out: Float
    bias: Float
    alpha: float
    tau: float
    folds: int
    local_steps: int
    local_learning_rate: float
    round: int

    def __post_init__(self) -> None:
        for name, table in (("taste_in", self.taste_in), ("taste_out", self.taste_out)):
            if table.ndim != 2 or 0 in table.shape or table.dtype != np.float32:
                raise ObjectiveError(f"{name} must be a float32 table, not {table.dtype}{list(table.shape)}")
        if self.taste_in.shape != self.taste_out.shape or self.bias.shape != (self.items,):
            raise ObjectiveError("taste_in, taste_out and bias must agree on items and dimensions")
        if not all(np.isfinite(part).all() for part in (self.taste_in, self.taste_out, self.bias)):
            raise ObjectiveError("taste_in, taste_out and bias must be finite")
        if not (0 <= self.alpha <= 1 and self.tau > 0 and 0 <= self.local_learning_rate < np.inf):
            raise ObjectiveError("alpha must be in [0, 1], tau positive and the learning rate not negative")
        if self.folds < 2 or not 1 <= self.local_steps <= 128 or self.round < 0:
            raise ObjectiveError("at least 2 folds, 1 to 128 local steps and a round from 0 on are needed")

    @property
    def items(self) -> int:
        """Size of the catalogue."""
        return len(self.taste_in)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the sum that the round releases: the change of taste_in, then of taste_out, flat."""
        return (2 * self.taste_in.size,)


@dataclass(frozen=True, slots=True)
class Task:
    """One local step's task for a batch of people, in the order of their history entries.

    Args:
        context: (entries,) float64 weights x, norm 1 per person, 0 where held out.
        target: (entries,) float64 weights y, sum 1 per person, 0 where not held out.
        given: (people,) whether the person has a task at all.
    """

    context: NDArray[np.float64]
    target: NDArray[np.float64]
    given: NDArray[np.bool_]


def tasks(question: GradientInput, histories: Histories, subjects: Int64) -> list[Task]:
    """Return what each local step holds out and predicts from.

    A person with an empty stretch or without any other event has no task in that step: x and y are 0.

    Args:
        question: the round's input.
        histories: distinct items per person, oldest first.
        subjects: (people,) the people's numbers, of which only the remainder by `folds` counts.
    """
    owners, lengths = histories.owners(), histories.lengths
    position = np.arange(len(owners)) - histories.indptr[:-1][owners]
    fold = position * question.folds // lengths[owners]
    first = subjects + question.round
    return [
        _hold_out(question, lengths, owners, position, fold == ((first + step) % question.folds)[owners])
        for step in range(question.local_steps)
    ]


def _hold_out(
    question: GradientInput,
    lengths: Int64,
    owners: Int64,
    position: Int64,
    held: NDArray[np.bool_],
) -> Task:
    people = len(lengths)
    count = np.bincount(owners[held], minlength=people)
    start = np.full(people, np.iinfo(np.int64).max)
    np.minimum.at(start, owners[held], position[held])
    given = (count > 0) & (count < lengths)
    gap = position - start[owners]
    gap = np.where(gap < 0, -gap - 1, gap - count[owners])
    weight = history_weights(gap, alpha=question.alpha, tau=question.tau).astype(np.float64)
    weight *= given[owners] & ~held
    length = np.sqrt(np.bincount(owners, weight**2, people))
    share = given / np.maximum(count, 1)
    return Task(
        context=weight / np.where(length > 0, length, 1.0)[owners],
        target=np.where(held, share[owners], 0.0),
        given=given,
    )
