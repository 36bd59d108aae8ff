"""Any table written is read as written, in every form; any bytes at all are read or refused in our own words."""

import contextlib
import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations import tables
from simulations.datasets import Dataset, DatasetError
from simulations.loading import load_dataset
from simulations.scenario import DatasetSection

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n"), max_size=8).map(str.strip)
names = texts.filter(bool)
rows = st.lists(
    st.tuples(names, names, st.integers(-(2**62), 2**62), st.floats(-9, 9)), min_size=1, max_size=30
)


def load(path: Path, name: str, **section: Any) -> Dataset:
    return load_dataset(DatasetSection(name=name, **section), data=path, cache=path)  # type: ignore[arg-type]


def expected(table: list[tuple[str, str, int, float]]) -> list[tuple[str, str]]:
    people = {row[0] for row in table}
    whole = all(name.isascii() and name.isdigit() and str(int(name)) == name for name in people)
    order = sorted(people, key=int) if whole else sorted(people)
    return [row[:2] for row in sorted(table, key=lambda row: (order.index(row[0]), row[2]))]


def entries(found: Dataset, table: list[tuple[str, str, int, float]]) -> list[tuple[str, str]]:
    people = list(dict.fromkeys(name for name, _ in expected(table)))
    return [(people[p], found.catalogue.ids[i]) for p, i in zip(found.person, found.item, strict=True)]


@given(rows, st.sampled_from(",;|"))
def test_csv_and_parquet_give_back_what_was_written(
    table: list[tuple[str, str, int, float]], mark: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=mark)
            writer.writerows([("user", "item", "time", "rating"), *table])
        assert entries(load(path, "csv"), table) == expected(table)
        columns = dict(zip(("user", "item", "time", "rating"), zip(*table, strict=True), strict=True))
        pq.write_table(
            pa.table({name: list(cells) for name, cells in columns.items()}), path.with_suffix(".pq")
        )
        found = load(path.with_suffix(".pq"), "parquet")
        assert entries(found, table) == expected(table)
        assert np.all(np.diff(found.person) >= 0)


@given(st.lists(st.tuples(names, names), min_size=1, max_size=40), st.integers(1, 7))
def test_the_size_of_a_block_changes_nothing(table: list[tuple[str, str]], block: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("user", "item"), *table])
        whole = load(path, "csv")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tables, "BLOCK", block)
            parts = load(path, "csv")
    assert np.array_equal(whole.person, parts.person)
    assert np.array_equal(whole.item, parts.item)
    assert whole.catalogue.ids == parts.catalogue.ids


@settings(max_examples=200)
@given(st.binary(max_size=80), st.integers(0, 700))
def test_any_bytes_are_read_or_refused_in_our_own_words(noise: bytes, place: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.parquet"
        pq.write_table(pa.table({"user": ["a", "b"], "item": [1, 2], "time": [1.5, 2.5]}), made)
        parquet, text = made.read_bytes(), b'user,item,time,title\n1,2,3,"x, y"\n1,3,2020-01-01,\n'
        for name, kind, whole in (
            ("f.parquet", "parquet", parquet), ("f.csv", "csv", text), ("ratings.dat", "ml-1m", b"1::2::3::4\n"),
        ):  # fmt: skip
            at = place % (len(whole) + 1)
            for data in (noise, whole[:at] + noise + whole[at + len(noise) :]):
                (Path(folder) / name).write_bytes(data)
                with contextlib.suppress(DatasetError):
                    load(Path(folder) / name, kind)
