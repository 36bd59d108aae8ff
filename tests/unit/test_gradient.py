"""Gradient rounds: the update is the gradient of the stated loss, whatever shortcuts compute it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import client.gradient
import client.lowrank
from client.gradient import GradientError, gradient_sum
from models.history import Histories, from_lists
from models.objective import GradientInput, ObjectiveError, tasks
from models.streams import stream
from privacy.clipping import ContributionRefused, check_sum, norm_limit, squared_norm

ITEMS, DIMENSIONS = 30, 4


def question(**changes: object) -> GradientInput:
    random = stream(3, "tables")
    base = GradientInput(
        taste_in=random.normal(size=(ITEMS, DIMENSIONS)).astype(np.float32),
        taste_out=random.normal(size=(ITEMS, DIMENSIONS)).astype(np.float32),
        bias=random.normal(size=ITEMS).astype(np.float32),
        alpha=0.1,
        tau=3.0,
        folds=4,
        local_steps=1,
        local_learning_rate=0.0,
        round=2,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def people(count: int) -> Histories:
    random = stream(4, "people")
    return from_lists([random.permutation(ITEMS)[: random.integers(0, 20)].tolist() for _ in range(count)])


def autograd_update(asked: GradientInput, history: list[int], subject: int) -> np.ndarray:
    """Train a copy of the tables by torch, one event at a time, and return the summed steps."""
    tables = [torch.tensor(table, dtype=torch.float64) for table in (asked.taste_in, asked.taste_out)]
    total = torch.zeros(2, asked.items, asked.taste_in.shape[1], dtype=torch.float64)
    events = len(history)
    for step in range(asked.local_steps):
        fold = (subject + asked.round + step) % asked.folds
        held = [at for at in range(events) if at * asked.folds // events == fold]
        known = [at for at in range(events) if at not in held]
        if not held or not known:
            continue
        ages = torch.tensor([min(abs(at - other) for other in held) - 1.0 for at in known])
        weights = asked.alpha + (1 - asked.alpha) * torch.exp(-ages.double() / asked.tau)
        taste_in, taste_out = (table.clone().requires_grad_() for table in tables)
        taste = (weights / weights.norm()) @ taste_in[[history[at] for at in known]]
        logits = taste_out @ taste + torch.tensor(asked.bias)
        logits[[history[at] for at in known]] = -torch.inf
        loss = -torch.log_softmax(logits, 0)[[history[at] for at in held]].mean()
        steps = [-gradient for gradient in torch.autograd.grad(loss, (taste_in, taste_out))]
        tables = [table + asked.local_learning_rate * step for table, step in zip(tables, steps, strict=True)]
        total += torch.stack(steps)
    return total.numpy().ravel()


@pytest.mark.parametrize(
    ("steps", "rate"),
    [(1, 0.0), (4, 0.0), (3, 0.7), (6, 0.3)],
    ids=["one", "four", "three local", "six local"],
)
def test_the_update_is_what_training_copies_of_the_tables_gives(steps: int, rate: float) -> None:
    asked = question(local_steps=steps, local_learning_rate=rate)
    histories = people(25)
    total = gradient_sum(asked, histories, np.arange(25), clipping_norm=1e3, scale_bits=40)
    expected = sum(autograd_update(asked, histories.of(p).tolist(), p) for p in range(25))
    assert np.abs(total * 2.0**-40 - expected).max() < 2e-4


def test_clipping_shortens_an_update_and_keeps_its_direction() -> None:
    asked, histories = question(local_steps=3, local_learning_rate=0.5), people(12)
    for person in range(12):
        one, subject = histories.take(np.array([person])), np.array([person])
        free = gradient_sum(asked, one, subject, clipping_norm=1e3, scale_bits=40) * 2.0**-40
        clipped = gradient_sum(asked, one, subject, clipping_norm=0.3, scale_bits=40) * 2.0**-40
        expected = free * min(1.0, 0.3 / max(float(np.linalg.norm(free)), 1e-12))
        assert np.abs(clipped - expected).max() < 1e-4


def test_a_person_without_two_events_or_without_the_held_out_stretch_contributes_zero() -> None:
    histories = from_lists([[], [5], [1, 2]])
    for turn in range(4):
        total = gradient_sum(
            question(round=turn), histories, np.zeros(3, np.int64), clipping_norm=1.0, scale_bits=40
        )
        assert total.any() == (turn % 2 == 0)


def test_the_held_out_stretch_never_weighs_in_the_context() -> None:
    for task in tasks(question(local_steps=4), people(20), np.arange(20)):
        assert not (task.context * task.target).any()


def test_an_update_that_is_not_finite_counts_as_zero_and_harms_nobody_else() -> None:
    broken = question(
        taste_in=np.full((ITEMS, DIMENSIONS), 3e38, np.float32),
        taste_out=np.full((ITEMS, DIMENSIONS), -3e38, np.float32),
        local_steps=3,
        local_learning_rate=1e300,
    )
    histories = from_lists([[1, 2, 3, 4, 5, 6], []])
    assert not gradient_sum(broken, histories, np.arange(2), clipping_norm=1.0, scale_bits=40).any()
    left = np.ones((1, 2, 3))
    right = np.array([[[np.nan], [1.0]]])
    (total,) = client.lowrank.clipped_sum(
        [client.lowrank.LowRankTable(left=left, right=right)], clipping_norm=9.0, scale_bits=40
    )
    assert total.ravel().tolist() == [1 << 40] * 3
    left[0, 0, 1] = np.inf
    (total,) = client.lowrank.clipped_sum(
        [client.lowrank.LowRankTable(left=left, right=np.ones((1, 2, 1)))], clipping_norm=9.0, scale_bits=40
    )
    assert total.ravel().tolist() == [1 << 40] * 3


def test_the_check_of_the_bound_catches_clipping_that_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = client.lowrank.clip_rights

    def careless(grams: object, rights: object, *, clipping_norm: float, scale_bits: int) -> object:
        return honest(grams, rights, clipping_norm=1.001 * clipping_norm, scale_bits=scale_bits)  # type: ignore[arg-type]

    one, subject = people(9).take(np.array([8])), np.array([8])
    fair = gradient_sum(question(), one, subject, clipping_norm=0.1, scale_bits=40)
    assert squared_norm(fair) <= norm_limit(0.1, 40)
    monkeypatch.setattr(client.lowrank, "clip_rights", careless)
    unfair = gradient_sum(question(), one, subject, clipping_norm=0.1, scale_bits=40)
    assert squared_norm(unfair) > norm_limit(0.1, 40)
    with pytest.raises(ContributionRefused):
        check_sum(unfair, count=1, clipping_norm=0.1, scale_bits=40)


def test_histories_beyond_the_catalogue_and_subjects_without_history_are_refused() -> None:
    with pytest.raises(GradientError, match="catalogue of 30"):
        gradient_sum(question(), from_lists([[1, 30]]), np.arange(1), clipping_norm=1.0, scale_bits=40)
    with pytest.raises(GradientError, match="2 subjects"):
        gradient_sum(question(), from_lists([[1, 3]]), np.arange(2), clipping_norm=1.0, scale_bits=40)


def test_products_too_coarse_or_too_fine_to_be_exact_are_refused() -> None:
    def table(people: int) -> client.lowrank.LowRankTable:
        return client.lowrank.LowRankTable(left=np.zeros((1, people, 3)), right=np.zeros((1, people, 2)))

    for scale_bits in (31, 41):
        with pytest.raises(ContributionRefused, match="scale bits"):
            client.lowrank.clipped_sum([table(1)], clipping_norm=1.0, scale_bits=scale_bits)


@pytest.mark.parametrize(
    "changes",
    [
        {"taste_in": np.zeros((ITEMS, DIMENSIONS))},
        {"taste_out": np.zeros((ITEMS, 9), np.float32)},
        {"bias": np.full(ITEMS, np.nan, np.float32)},
        {"alpha": 1.5},
        {"tau": 0.0},
        {"local_learning_rate": -1.0},
        {"folds": 1},
        {"local_steps": 0},
        {"local_steps": 129},
        {"round": -1},
    ],
    ids=str,
)
def test_an_input_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ObjectiveError):
        question(**changes)
