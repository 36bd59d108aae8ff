"""MiniLM from its wheel: the published vectors, the cache, and what a run says where the model is missing."""

import json
from pathlib import Path

import numpy as np
import pytest

from models import minilm
from models.catalogue import Catalogue
from models.features import item_features
from models.minilm import embed
from simulations.__main__ import main
from simulations.text import describe, digest
from tests.made import write_events

SCENARIO = Path(__file__).parents[2] / "simulations" / "scenarios" / "movielens.toml"


def films() -> Catalogue:
    titles = ("A battle of spaceships", "War among the stars", "A wedding in Paris", "")
    return Catalogue(("a", "b", "c", "d"), titles, np.zeros(4, np.int16), ((),) * 4)


def silent(share: float) -> None:
    """Hear nothing."""


def test_the_vectors_are_those_the_model_card_publishes() -> None:
    heard: list[float] = []
    (row,) = embed(["This is an example sentence"], hear=heard.append)
    assert row[:5] == pytest.approx([0.0676569, 0.0634959, 0.0487131, 0.0793049, 0.0374480], abs=2e-5)
    assert heard == [1.0]


def test_a_text_means_the_same_alone_and_in_any_company() -> None:
    texts = ["Toy Story (1995), Animation", "", "x " * 500, "Crime", "Naïve Café (日本)"]
    together = embed(texts, hear=silent)
    for text, row in zip(texts, together, strict=True):
        assert embed([text], hear=silent)[0] == pytest.approx(row, abs=1e-5)
    assert np.linalg.norm(together, axis=1) == pytest.approx([1, 0, 1, 1, 1], abs=1e-5)


def test_the_texts_of_a_large_catalogue_are_cut_and_no_text_below_a_title(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = [f"{'alpha ' * 12} {ending}" for ending in ("one", "two")]
    assert embed(long, hear=silent)[0] @ embed(long, hear=silent)[1] < 0.999
    monkeypatch.setattr(minilm, "TOKENS_TOGETHER", 1)
    monkeypatch.setattr(minilm, "LEAST_TOKENS", 8)
    one, two = embed(long, hear=silent)
    assert one @ two == pytest.approx(1.0, abs=1e-6)


def test_alike_meanings_are_near_without_a_common_word(tmp_path: Path) -> None:
    found = describe(films(), model="minilm", cache=tmp_path, hear=silent)
    alike = found.meaning @ found.meaning.T
    assert alike[0, 1] > alike[0, 2] + 0.2
    assert not found.meaning[3].any(), "an item without text has no place"
    assert not item_features(films()).meaning.size
    assert np.array_equal(
        describe(films(), model="words", cache=tmp_path, hear=silent).table, item_features(films()).table
    )


def test_a_catalogue_is_read_once_and_a_damaged_cache_is_read_anew(tmp_path: Path) -> None:
    heard: list[float] = []
    first = describe(films(), model="minilm", cache=tmp_path, hear=heard.append)
    (kept,) = (tmp_path / "text").iterdir()
    read = len(heard)
    again = describe(films(), model="minilm", cache=tmp_path, hear=heard.append)
    assert (len(heard), read > 0) == (read, True)
    assert np.array_equal(first.table, again.table)
    kept.write_bytes(kept.read_bytes()[:200])
    mended = describe(films(), model="minilm", cache=tmp_path, hear=heard.append)
    assert len(heard) > read
    assert np.array_equal(first.table, mended.table)
    assert len({digest(["ab", "c"]), digest(["a", "bc"]), digest(["abc"])}) == 3


def test_a_missing_model_is_one_error_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_events(tmp_path / "events.csv", people=40, items=20, events=8, columns="time title")
    asked = [
        "--set",
        "dataset.name=csv",
        "--set",
        "features.text=minilm",
        "--data",
        str(tmp_path / "events.csv"),
    ]
    assert main(["run", str(SCENARIO), "--out", str(tmp_path / "run"), "--quiet", *asked]) == 2
    said = capsys.readouterr().err
    assert "pip install 'penchant[text]'" in said
    assert "--set features.text=words" in said
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["run", str(SCENARIO), "--out", str(tmp_path / "run"), "--quiet", *asked]) == 0
    assert json.loads((tmp_path / "run" / "result.json").read_text())["timing"]["features_s"] > 0
