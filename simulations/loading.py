"""From a scenario's data set section and a path to a data set."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from simulations.columns import Role
from simulations.datasets import Dataset, DatasetError
from simulations.interactions import read_catalogue, read_interactions
from simulations.movielens import FORMS, Source, parse_movielens
from simulations.parquet import ParquetTable
from simulations.scenario import DatasetSection
from simulations.sources import load_ml100k
from simulations.tables import Table, TextTable, open_binary

SUFFIXES = {"csv": (".csv", ".tsv", ".txt", ".inter", ".item", ".dat"), "parquet": (".parquet", ".pq")}


def load_dataset(section: DatasetSection, *, data: Path | None, cache: Path) -> Dataset:
    """Load the data set a scenario names.

    Args:
        section: its name, and which columns are what.
        data: a file or folder; needed for all but ml-100k. A folder holds ``interactions`` and perhaps
            ``items`` as CSV or Parquet; then the items are the public catalogue.
        cache: folder of earlier downloads.

    Raises:
        DatasetError: what must be mended, with file and line.
    """
    if section.name == "ml-100k":
        return load_ml100k(data=data, cache=cache)
    if data is None:
        raise DatasetError(f"dataset.name is {section.name}: say where it is with --data PATH")
    if section.name == "ml-1m":
        return load_ml1m(data)
    file, listed = _found(data, section.name)
    asked: dict[Role, str | int | None] = dict(section.columns.asked())
    return read_interactions(
        _table(file, section),
        asked,
        name=file.stem if data == file else data.name,
        catalogue=None if listed is None else read_catalogue(_table(listed, section), asked),
    )


def load_ml1m(data: Path) -> Dataset:
    """Load MovieLens-1M or a file written like it.

    Args:
        data: ratings.dat, the folder it is in, or GroupLens' zip; movies.dat beside it is the public
            catalogue, without it the catalogue is read off the ratings.

    Raises:
        DatasetError: what must be mended, with file and line.
    """
    form = FORMS["ml-1m"]
    with ExitStack() as files:
        if data.suffix == ".zip":
            ratings, movies = files.enter_context(_zipped(data))
            return parse_movielens(Source(ratings, movies, "ml-1m", data.name), name="ml-1m")
        folder = data if data.is_dir() else data.parent
        if not data.is_dir() and data.name not in (form.interactions, form.items):
            raise DatasetError(f"{data}: not {form.interactions}, its folder or a zip of it")
        ratings = files.enter_context(open_binary(folder / form.interactions))
        beside = folder / form.items
        movies = files.enter_context(open_binary(beside)) if beside.exists() else None
        return parse_movielens(Source(ratings, movies, "ml-1m", str(folder)), name="ml-1m")


@contextmanager
def _zipped(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO | None]]:
    """Open the two files inside an archive."""
    form = FORMS["ml-1m"]
    try:
        with open_binary(path) as raw, ExitStack() as opened:
            try:
                archive = opened.enter_context(zipfile.ZipFile(raw))
                inside = {Path(name).name: name for name in archive.namelist()}
                if form.interactions not in inside:
                    raise DatasetError(f"{path}: holds no {form.interactions}")
                movies = inside.get(form.items)
                found = archive.open(inside[form.interactions]), archive.open(movies) if movies else None
            except RuntimeError as problem:  # encrypted, or packed in a way unknown here
                raise DatasetError(f"{path}: damaged archive: {problem}") from None
            yield found  # type: ignore[misc]
    except (zipfile.BadZipFile, zlib.error, EOFError) as problem:
        raise DatasetError(f"{path}: damaged archive: {problem}") from None


def _found(data: Path, kind: str) -> tuple[Path, Path | None]:
    """Return the interactions and, in a folder, the catalogue beside them."""
    if not data.is_dir():
        return data, None
    tables = {path.stem: path for path in sorted(data.iterdir()) if path.suffix in SUFFIXES[kind]}
    if "interactions" not in tables:
        wanted = f"interactions{SUFFIXES[kind][0]}, or items{SUFFIXES[kind][0]} beside it"
        raise DatasetError(f"{data}: a folder must hold {wanted}; or name one file with --data PATH")
    return tables["interactions"], tables.get("items")


def _table(path: Path, section: DatasetSection) -> Table:
    if section.name == "parquet":
        return ParquetTable(path)
    if path.suffix in SUFFIXES["parquet"]:
        raise DatasetError(f"{path}: looks like Parquet; say so with --set dataset.name=parquet")
    return TextTable(path, header=section.header)
