"""Data sets: who met which item when, over a public catalogue, from files that are checked before use."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np

from models.catalogue import Catalogue
from models.history import Ids
from simulations.errors import SimulationError

CatalogueSource = Literal["public", "derived from interactions"]
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""GroupLens' genre columns, in the order of u.item."""
INTER_HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
ITEM_HEADER = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
ARTICLE = re.compile(r"(^|\()([^()]+), (The|An|A|La|Le|Les|Los|El|Il|Das|Der|Die|Det|L')(?=$|\)| \()")


class DatasetError(SimulationError):
    """A data file cannot be read as what it claims to be: file, line and reason are in the message."""

    code: ClassVar[str] = "dataset_refused"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Interactions of many people with one catalogue.

    Args:
        name: the data set's name.
        person: (entries,) int32, people numbered by their ids' order; entries sorted by person, then time.
        item: (entries,) int32 catalogue positions.
        catalogue: what may be recommended.
        catalogue_source: whether the catalogue is public input or was read off the interactions.
        provenance: where the files came from, in words.
    """

    name: str
    person: Ids
    item: Ids
    catalogue: Catalogue
    catalogue_source: CatalogueSource
    provenance: str

    @property
    def people(self) -> int:
        """Number of people with at least one event."""
        return int(self.person[-1]) + 1 if len(self.person) else 0

    def by_person(self) -> Iterator[Ids]:
        """Yield each person's items, oldest first."""
        bounds = np.searchsorted(self.person, np.arange(self.people + 1))
        for start, end in pairwise(bounds):
            yield self.item[start:end]


@dataclass(frozen=True, slots=True)
class Source:
    """The two files of MovieLens-100K, as bytes, with their names for error messages."""

    interactions: bytes
    items: bytes
    layout: Literal["recbole", "grouplens"]
    name: str


def parse_ml100k(source: Source) -> Dataset:
    """Read MovieLens-100K in RecBole's or GroupLens' layout.

    Times have ties; entries of equal time keep the order of the file, which is why the layout is recorded.

    Raises:
        DatasetError: the first line that cannot be read, with file, number and reason.
    """
    catalogue = _catalogue(source)
    position = {name: place for place, name in enumerate(catalogue.ids)}
    recbole = source.layout == "recbole"
    file = f"{source.name}/{'ml-100k.inter' if recbole else 'u.data'}"
    header = INTER_HEADER if recbole else None
    rows = _rows(source.interactions, file, columns=4, header=header, encoding="utf-8", separator="\t")
    people, items, times = [], [], []
    for number, (person, item, rating, when) in rows:
        if item not in position:
            raise DatasetError(f"{file}, line {number}: item {item!r} is not in the catalogue beside it")
        people.append(_number(person, file, number, "user id"))
        _number(rating, file, number, "rating")
        times.append(_number(when, file, number, "timestamp"))
        items.append(position[item])
    if not people:
        raise DatasetError(f"{file}: holds no interaction; fetch it again or name another with --data")
    order = np.lexsort((times, people))
    numbered = np.unique(np.array(people), return_inverse=True)[1]
    return Dataset(
        name="ml-100k",
        person=numbered[order].astype(np.int32),
        item=np.array(items, np.int32)[order],
        catalogue=catalogue,
        catalogue_source="public",
        provenance=f"{source.layout} layout, {source.name}; equal times keep the file's order",
    )


def _catalogue(source: Source) -> Catalogue:
    if source.layout == "recbole":
        file = f"{source.name}/ml-100k.item"
        rows = list(
            _rows(source.items, file, columns=4, header=ITEM_HEADER, encoding="utf-8", separator="\t")
        )
        genres = [tuple(cells[3].split()) for _, cells in rows]
        titles, years = [cells[1] for _, cells in rows], [cells[2] for _, cells in rows]
    else:
        file = f"{source.name}/u.item"
        columns = 5 + len(GENRES)
        rows = list(
            _rows(source.items, file, columns=columns, header=None, encoding="latin-1", separator="|")
        )
        genres = [
            tuple(name for name, flag in zip(GENRES, cells[5:], strict=True) if flag == "1")
            for _, cells in rows
        ]
        dated = [re.fullmatch(r"(.*?)\s*\((\d{4})\)", cells[1]) for _, cells in rows]
        titles = [match[1] if match else cells[1] for match, (_, cells) in zip(dated, rows, strict=True)]
        years = [match[2] if match else "" for match in dated]
    if not rows:
        raise DatasetError(f"{file}: holds no item; fetch it again or name another with --data")
    seen: dict[str, int] = {}
    for number, (item, *_) in rows:
        if seen.setdefault(item, number) != number:
            raise DatasetError(f"{file}, line {number}: item {item!r} already stands in line {seen[item]}")
    return Catalogue(
        ids=tuple(seen),
        titles=tuple(readable(title) for title in titles),
        years=np.array([_year(text) for text in years], np.int16),
        genres=tuple(tuple(name for name in names if name != "unknown") for names in genres),
    )


def readable(title: str) -> str:
    """Put trailing articles back in front, of the title and of another title in brackets.

    >>> readable("Hunt for Red October, The"), readable("Seventh Seal, The (Sjunde inseglet, Det)")
    ('The Hunt for Red October', 'The Seventh Seal (Det Sjunde inseglet)')
    """
    return ARTICLE.sub(lambda found: f"{found[1]}{found[3]} {found[2]}".replace("L' ", "L'"), title)


def _year(text: str) -> int:
    return int(text) if re.fullmatch(r"(18|19|20)\d\d", text) else 0


def _rows(
    data: bytes, file: str, *, columns: int, header: str | None, encoding: str, separator: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) after the header, refusing the first line of another width."""
    try:
        lines = data.decode(encoding).split("\n")
    except UnicodeDecodeError as problem:
        number = data[: problem.start].count(b"\n") + 1
        raise DatasetError(f"{file}, line {number}: not {encoding} text") from None
    for number, line in enumerate(lines, 1):
        if header is not None and number == 1:
            if line.rstrip("\r") != header:
                raise DatasetError(f"{file}, line 1: expected the header {header!r}")
            continue
        cells = line.rstrip("\r").split(separator)
        if line == "" and number == len(lines):
            continue
        if len(cells) != columns:
            raise DatasetError(f"{file}, line {number}: {len(cells)} columns, expected {columns}")
        yield number, cells


def _number(text: str, file: str, number: int, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise DatasetError(f"{file}, line {number}: {what} {text!r} is not a finite number")
    return value
