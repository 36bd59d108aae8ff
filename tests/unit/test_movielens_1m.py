"""MovieLens-1M and files written like it: titles and genres from movies.dat when it is there."""

import re
import zipfile
from pathlib import Path

import pytest

from simulations.datasets import Dataset, DatasetError
from simulations.loading import load_dataset
from simulations.scenario import DatasetSection

RATINGS = "10::2::5::30\n2::1::4::20\n10::1::3::30\n2::2::1::10\n"
MOVIES = "1::Am\xe9lie, Le (2001)::Comedy|Romance\n2::Heat::(no genres listed)\n3::Never Met (1950)::Drama\n"


def load(path: Path) -> Dataset:
    return load_dataset(DatasetSection(name="ml-1m"), data=path, cache=path / "cache")


def folder(tmp_path: Path, ratings: str = RATINGS, movies: str | None = MOVIES) -> Path:
    (tmp_path / "ratings.dat").write_bytes(ratings.encode("latin-1"))
    if movies is not None:
        (tmp_path / "movies.dat").write_bytes(movies.encode("latin-1"))
    return tmp_path


def test_people_titles_years_and_genres_are_read(tmp_path: Path) -> None:
    found = load(folder(tmp_path))
    assert (found.person.tolist(), found.item.tolist()) == ([0, 0, 1, 1], [1, 0, 1, 0])
    assert found.catalogue.titles == ("Le Am\xe9lie", "Heat", "Never Met")
    assert found.catalogue.years.tolist() == [2001, 0, 1950]
    assert found.catalogue.genres == (("Comedy", "Romance"), (), ("Drama",))
    assert (found.catalogue_source, found.timed) == ("public", True)
    assert load(tmp_path / "ratings.dat").item.tolist() == found.item.tolist()


def test_an_archive_is_read_too(tmp_path: Path) -> None:
    expected = load(folder(tmp_path))
    with zipfile.ZipFile(tmp_path / "ml-1m.zip", "w") as archive:
        for name in ("ratings.dat", "movies.dat"):
            archive.write(tmp_path / name, f"ml-1m/{name}")
    assert load(tmp_path / "ml-1m.zip").catalogue.titles == expected.catalogue.titles
    (tmp_path / "ml-1m.zip").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(DatasetError, match="damaged archive"):
        load(tmp_path / "ml-1m.zip")


def test_without_movies_the_catalogue_is_stamped_as_derived(tmp_path: Path) -> None:
    found = load(folder(tmp_path, movies=None))
    assert found.catalogue_source == "derived from interactions"
    assert (found.catalogue.ids, found.item.tolist()) == (("1", "2"), [1, 0, 1, 0])


@pytest.mark.parametrize(
    ("ratings", "movies", "complaint"),
    [
        ("1::2::3\n", MOVIES, "ratings.dat, line 1: 3 columns, expected 4"),
        (
            "1::2::3::4\n1::9::3::4\n",
            MOVIES,
            "ratings.dat, line 2: item '9' is not in the catalogue beside it",
        ),
        ("1::2::3::4\n1::1::x::4\n", MOVIES, "ratings.dat, line 2: rating 'x' is not a finite number"),
        ("1::2::3::4\n1::1::3::\n", MOVIES, "ratings.dat, line 2: timestamp '' is not a finite number"),
        ("1::::3::4\n", MOVIES, "ratings.dat, line 1: the user id or the item id is empty"),
        ("", MOVIES, "ratings.dat: holds no interaction"),
        (RATINGS, "1::A (2000)\n", "movies.dat, line 1: 2 columns, expected 3"),
        (RATINGS, "1::A::B\n1::A::B\n", "movies.dat, line 2: item '1' already stands in line 1"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, ratings: str, movies: str, complaint: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(complaint)):
        load(folder(tmp_path, ratings, movies))


def test_a_path_that_holds_no_ratings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"ratings\.dat"):
        load(tmp_path)
    with pytest.raises(DatasetError, match=r"not ratings\.dat, its folder or a zip"):
        load(tmp_path / "other.txt")


@pytest.mark.parametrize(("flag", "method"), [(1, 0), (0, 77)], ids=["encrypted", "packed in an unknown way"])
def test_an_archive_that_cannot_be_unpacked_is_refused_in_words(
    tmp_path: Path, flag: int, method: int
) -> None:
    path = tmp_path / "ml-1m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ratings.dat", "1::1::5::1\n")
    data = bytearray(path.read_bytes())
    for start, flags in ((data.index(b"PK\x03\x04"), 6), (data.index(b"PK\x01\x02"), 8)):
        data[start + flags] |= flag
        data[start + flags + 2] |= method
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="damaged archive"):
        load(path)
