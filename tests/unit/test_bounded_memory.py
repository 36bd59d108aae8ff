"""A catalogue of 20,000 items and 10,000 people in less memory than one byte for each pair of them."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.history import Histories
from models.plan import Mechanism
from models.quantize import quantized
from models.streams import stream
from simulations import metrics, tables
from simulations.baselines import matrix, popularity, puresvd, singular_axes
from simulations.comparison import scorer_of
from simulations.datasets import Dataset
from simulations.loading import load_dataset
from simulations.metrics import evaluate
from simulations.scenario import load
from simulations.split import Split, leave_two_out
from tests.made import catalogue
from tests.populations import Population, learn

PEOPLE, ITEMS, EVENTS = 10_000, 20_000, 12
LIMIT = 160e6
"""Bytes: below people x items of one byte (200 MB), far below items x items (400 MB)."""
SHARES: dict[Mechanism, float] = {"popularity": 1.0, "moments": 3.0, "item_context": 3.0, "vote": 0.1}
SCENARIO = Path(__file__).parents[2] / "simulations" / "scenarios" / "movielens.toml"


def peak(work: Callable[[], object]) -> int:
    """Return the most memory that Python and numpy held for some work, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def made() -> Dataset:
    """Draw people who meet the popular half of the time and anything else."""
    draw = stream(1, "bounded memory")
    half = draw.integers(0, 400, (PEOPLE, EVENTS // 2))
    items = np.concatenate([half, draw.integers(0, ITEMS, (PEOPLE, EVENTS - EVENTS // 2))], axis=1)
    person = np.repeat(np.arange(PEOPLE, dtype=np.int32), EVENTS)
    return Dataset("made", person, items.astype(np.int32).ravel(), catalogue(ITEMS), "public", "made")


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_two_out(made(), seed=1)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge in batches that are small beside what must not be made."""
    monkeypatch.setattr(metrics, "CELLS", 1 << 20)


def test_splitting_people_takes_no_matrix_of_people_by_items() -> None:
    dataset = made()
    assert peak(lambda: leave_two_out(dataset, seed=1)) < LIMIT


def test_planning_every_round_the_vote_and_judging_the_release_take_none(split: Split) -> None:
    features = stream(1, "said").normal(size=(ITEMS, 24)).astype(np.float32)
    population = Population(split, features)
    taken: list[Mechanism] = []

    def work() -> None:
        _, learnt = learn(population, epsilon=2.0, seed=1, shares=SHARES)
        taken.extend(learnt.rounds)
        evaluate(scorer_of(quantized(learnt.parameters)), split, "test")

    assert peak(work) < LIMIT
    assert taken == list(SHARES)


def judge_baselines(train: Histories, split: Split) -> None:
    axes = singular_axes(train, ITEMS, rank=16)
    for scorer in (popularity(train, ITEMS), puresvd(axes, rank=16)):
        evaluate(scorer, split, "test")


def test_baselines_take_none(split: Split) -> None:
    assert peak(lambda: judge_baselines(split.train, split)) < LIMIT


def test_a_matrix_of_people_by_items_or_of_items_by_items_would_be_seen(split: Split) -> None:
    assert peak(lambda: matrix(split.train, ITEMS).toarray()) > LIMIT
    assert peak(lambda: np.ones((ITEMS, ITEMS), np.bool_)) > LIMIT
    assert peak(lambda: evaluate(popularity(split.train, ITEMS), split, "test")) < LIMIT
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "CELLS", PEOPLE * ITEMS)
        assert peak(lambda: evaluate(popularity(split.train, ITEMS), split, "test")) > LIMIT


def test_a_table_is_read_in_bytes_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BLOCK", 1 << 10)
    rows = 40_000
    path = tmp_path / "events.csv"
    cells = (f"person-{row % 500},item-{row * 7 % 900},4,{row},Title {row * 7 % 900}" for row in range(rows))
    path.write_text("\n".join(["user,item,rating,time,title", *cells]), encoding="utf-8")
    section = load(SCENARIO, overrides=["dataset.name=csv"], seed=None).dataset
    assert peak(lambda: load_dataset(section, data=path, cache=tmp_path)) < 100 * rows
    assert peak(lambda: path.read_text(encoding="utf-8").splitlines()) > 100 * rows
