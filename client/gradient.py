"""The device's side of a gradient round: histories in, one exact integer sum of clipped updates out.

No person has a copy of the tables. After m local steps at rate η a person's tables are E + η Σ x h' and
V + η Σ g u', so the next step needs only inner products with the earlier factors.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from client.errors import ClientError
from client.lowrank import LEFT_BITS, LowRankTable, Wide, clipped_sum, round_left
from models.history import Float, Histories
from models.objective import GradientInput, Task, tasks
from privacy.clipping import Int64

TABLE_BITS = 20
"""Bits that tables and taste vectors keep, few enough for their products to be exact."""


CELLS = 1 << 20
"""People x steps x items worked on at once: 8 MB a factor, whatever the catalogue."""


class GradientError(ClientError):
    """The histories don't fit the round's catalogue: the device updates its catalogue first."""

    code: ClassVar[str] = "gradient_refused"


def gradient_sum(
    question: GradientInput,
    histories: Histories,
    subjects: NDArray[np.int64],
    *,
    clipping_norm: float,
    scale_bits: int,
) -> Int64:
    """Sum the clipped updates of a shard of devices exactly.

    An update is the way from the round's tables to the person's after their local steps, over the local
    learning rate: for one step, minus the gradient. Each person's integers come from their own history and
    the public input alone; a shard of one is a device.

    Args:
        question: the round's public input.
        histories: the shard's people, distinct items each.
        subjects: (people,) their numbers.
        clipping_norm: C > 0, the bound on each person's L2 norm over both tables.
        scale_bits: grid step 2**-scale_bits, from 32 to 40.

    Returns:
        (2 items d,) int64 in grid steps: the change of taste_in, then of taste_out.

    Raises:
        GradientError: an item lies outside the catalogue, or subjects and histories differ in number.

    Source: local steps as in McMahan et al., arXiv 1602.05629; clipping as in arXiv 1710.06963.
    """
    if len(subjects) != histories.people:
        raise GradientError(f"{len(subjects)} subjects have {histories.people} histories")
    if len(histories.item) and not 0 <= histories.item.min() <= histories.item.max() < question.items:
        raise GradientError(f"a history names items outside the round's catalogue of {question.items}")
    tables = rounded(np.stack([question.taste_in, question.taste_out]).astype(np.float64))
    batch = max(CELLS // (question.items * question.local_steps), 1)
    workspace = np.empty((2, min(batch, histories.people) * question.local_steps, question.items))
    total_in, total_out = total = np.zeros((2, *question.taste_in.shape), np.int64)
    for start in range(0, histories.people, batch):
        people = np.arange(start, min(start + batch, histories.people))
        some = histories.take(people)
        steps = tasks(question, some, subjects[people])
        with np.errstate(all="ignore"):
            update = _local_steps(question, tables, some, steps, workspace)
        sum_in, sum_out = clipped_sum(update, clipping_norm=clipping_norm, scale_bits=scale_bits)
        total_in += sum_in
        total_out += sum_out
    return total.ravel()


def rounded(values: Wide) -> Wide:
    """Round each of many arrays to a power-of-two grid, 20 bits below its own largest value.

    Sums of products of such values are multiples of one power of two, few enough bits long to be exact.

    Args:
        values: (n, ...) finite float64.

    Returns:
        The same shape.
    """
    axes = tuple(range(1, values.ndim))
    exponent = np.frexp(np.abs(values).max(axis=axes, keepdims=True, initial=0.0))[1]
    unit = np.ldexp(1.0, exponent - TABLE_BITS)
    return np.asarray(np.rint(values / unit) * unit)


def _local_steps(
    question: GradientInput,
    tables: Wide,
    histories: Histories,
    steps: list[Task],
    workspace: Wide,
) -> tuple[LowRankTable, LowRankTable]:
    """Run the local steps of a batch of people and return their updates of taste_in and taste_out."""
    taste_in, taste_out = tables
    people, rate = histories.people, question.local_learning_rate
    x, g = workspace[:, : len(steps) * people].reshape(2, len(steps), people, question.items)
    h, u = np.empty((2, len(steps), people, taste_in.shape[1]))
    x.fill(0.0)
    place = histories.owners() * question.items + histories.item
    for now, task in enumerate(steps):
        before = range(now) if rate > 0 else range(0)
        x[now].ravel()[place] = round_left(task.context.copy())
        taste = x[now] @ taste_in
        for past in before:
            taste += rate * _dots(x[now], x[past]) * h[past]
        u[now] = rounded(taste)
        scores = np.matmul(u[now], taste_out.T, out=g[now])
        for past in before:
            scores += rate * _dots(u[now], u[past]) * g[past]
        _pull(scores, question.bias, task, place)
        np.matmul(g[now], taste_out, out=h[now])
        for past in before:
            h[now] += rate * _dots(g[now], g[past]) * u[past]
    return LowRankTable(left=x, right=h), LowRankTable(left=g, right=u)


def _pull(scores: Wide, bias: Float, task: Task, place: Int64) -> None:
    """Replace scores by minus the loss gradient, y - softmax(scores + bias), on the left factors' grid.

    Args:
        scores: (people, items), overwritten.
        bias: (items,).
        task: what to predict from what.
        place: (entries,) position of each history entry in the flat scores.
    """
    logits = scores.astype(np.float32)
    logits += bias
    logits.ravel()[place[task.context > 0]] = -np.inf
    logits -= logits.max(axis=1, keepdims=True)
    chances = np.exp(logits, out=logits)
    chances *= np.float32(-(2.0**LEFT_BITS)) * task.given[:, None] / chances.sum(axis=1, keepdims=True)
    np.multiply(np.rint(chances, out=chances), 2.0**-LEFT_BITS, out=scores)
    scores.ravel()[place] += round_left(task.target.copy())


def _dots(left: Wide, right: Wide) -> Wide:
    """Return the inner product of each person's two rows, (people, 1), whoever else is in the batch."""
    return np.asarray((left * right).sum(axis=1, keepdims=True))
