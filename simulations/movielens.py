"""MovieLens as published: ML-100K in GroupLens' and RecBole's layouts, ML-1M and its kin with `::`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from models.catalogue import Catalogue
from simulations.datasets import BLOCK, Dataset, DatasetError, Entries

Layout = Literal["recbole", "grouplens", "ml-1m"]
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""GroupLens' genre columns, in the order of u.item."""
INTER_HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
ITEM_HEADER = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
NO_GENRE = frozenset(["unknown", "(no genres listed)", ""])
ARTICLE = re.compile(r"(^|\()([^()]+), (The|An|A|La|Le|Les|Los|El|Il|Das|Der|Die|Det|L')(?=$|\)| \()")
Lines = Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Form:
    """How the two files of a layout are written; names are for error messages."""

    separator: str
    encoding: str
    interactions: str
    items: str
    header: str | None = None
    item_header: str | None = None
    item_columns: int = 3
    item_separator: str = "::"


FORMS: dict[Layout, Form] = {
    "recbole": Form("\t", "utf-8", "ml-100k.inter", "ml-100k.item", INTER_HEADER, ITEM_HEADER, 4, "\t"),
    "grouplens": Form("\t", "latin-1", "u.data", "u.item", None, None, 5 + len(GENRES), "|"),
    "ml-1m": Form("::", "latin-1", "ratings.dat", "movies.dat"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """The two files of a MovieLens data set as lines, with where they are for error messages.

    Without an item file the catalogue is read off the interactions, and stamped so.
    """

    interactions: Lines
    items: Lines | None
    layout: Layout
    name: str


def parse_movielens(source: Source, *, name: str) -> Dataset:
    """Read MovieLens.

    Times have ties; entries of equal time keep the order of the file, which is why the layout is recorded.

    Raises:
        DatasetError: the first line that cannot be read, with file, number and reason.
    """
    form = FORMS[source.layout]
    catalogue = None if source.items is None else _catalogue(source.items, source.layout, source.name)
    entries = Entries(catalogue)
    file = f"{source.name}/{form.interactions}"
    rows = _rows(
        source.interactions,
        file,
        columns=4,
        header=form.header,
        encoding=form.encoding,
        separator=form.separator,
    )
    while block := list(islice(rows, BLOCK)):
        for number, (person, item, rating, _) in block:
            if not person or not item:
                raise DatasetError(f"{file}, line {number}: the user id or the item id is empty")
            _number(person, file, number, "user id")
            _number(rating, file, number, "rating")
        people, items, times = zip(*((cells[0], cells[1], cells[3]) for _, cells in block), strict=True)
        if (index := entries.stranger(items)) is not None:
            number = block[index][0]
            raise DatasetError(
                f"{file}, line {number}: item {items[index]!r} is not in the catalogue beside it"
            )
        when = [
            _number(text, file, number, "timestamp") for (number, _), text in zip(block, times, strict=True)
        ]
        entries.add(people, items, np.array(when))
    if not len(entries):
        raise DatasetError(f"{file}: holds no interaction; fetch it again or name another with --data")
    owner, place, listed = entries.sorted()
    return Dataset(
        name=name,
        person=owner,
        item=place,
        catalogue=catalogue or bare_catalogue(listed),
        catalogue_source="public" if catalogue else "derived from interactions",
        provenance=f"{source.layout} layout, {source.name}; equal times keep the file's order",
    )


def bare_catalogue(ids: tuple[str, ...]) -> Catalogue:
    """List items of which nothing but the id is known."""
    return Catalogue(ids, ("",) * len(ids), np.zeros(len(ids), np.int16), ((),) * len(ids))


def _catalogue(lines: Lines, layout: Layout, where: str) -> Catalogue:
    form = FORMS[layout]
    file = f"{where}/{form.items}"
    rows = list(
        _rows(
            lines,
            file,
            columns=form.item_columns,
            header=form.item_header,
            encoding=form.encoding,
            separator=form.item_separator,
        )
    )
    if not rows:
        raise DatasetError(f"{file}: holds no item; fetch it again or name another with --data")
    seen: dict[str, int] = {}
    for number, (item, *_) in rows:
        if seen.setdefault(item, number) != number:
            raise DatasetError(f"{file}, line {number}: item {item!r} already stands in line {seen[item]}")
    told = [_told(cells, layout) for _, cells in rows]
    return Catalogue(
        ids=tuple(seen),
        titles=tuple(readable(title) for title, _, _ in told),
        years=np.array([year for _, year, _ in told], np.int16),
        genres=tuple(tuple(name for name in names if name not in NO_GENRE) for _, _, names in told),
    )


def _told(cells: list[str], layout: Layout) -> tuple[str, int, list[str]]:
    """Return what a line of the item file says: title, year or 0, genres."""
    if layout == "recbole":
        return cells[1], year_of(f"({cells[2]})"), cells[3].split()
    dated = re.fullmatch(r"(.*?)\s*\(\d{4}\)", cells[1])
    title = dated[1] if dated else cells[1]
    if layout == "grouplens":
        genres = [name for name, flag in zip(GENRES, cells[5:], strict=True) if flag == "1"]
    else:
        genres = cells[2].split("|")
    return title, year_of(cells[1]), genres


def year_of(title: str) -> int:
    """Return the year in brackets at the end of a title, or 0.

    >>> year_of("Toy Story (1995)"), year_of("1984")
    (1995, 0)
    """
    found = re.search(r"\(((?:18|19|20)\d\d)\)$", title)
    return int(found[1]) if found else 0


def readable(title: str) -> str:
    """Put trailing articles back in front, of the title and of another title in brackets.

    >>> readable("Hunt for Red October, The"), readable("Seventh Seal, The (Sjunde inseglet, Det)")
    ('The Hunt for Red October', 'The Seventh Seal (Det Sjunde inseglet)')
    """
    return ARTICLE.sub(lambda found: f"{found[1]}{found[3]} {found[2]}".replace("L' ", "L'"), title)


def _rows(
    lines: Lines, file: str, *, columns: int, header: str | None, encoding: str, separator: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) after the header, refusing the first line of another width."""
    number = 0
    for number, raw in enumerate(lines, 1):
        try:
            line = raw.decode(encoding).rstrip("\n").rstrip("\r")
        except UnicodeDecodeError:
            raise DatasetError(f"{file}, line {number}: not {encoding} text") from None
        if header is not None and number == 1:
            if line != header:
                raise DatasetError(f"{file}, line 1: expected the header {header!r}")
            continue
        cells = line.split(separator)
        if len(cells) != columns:
            raise DatasetError(f"{file}, line {number}: {len(cells)} columns, expected {columns}")
        yield number, cells
    if header is not None and number == 0:
        raise DatasetError(f"{file}, line 1: expected the header {header!r}")


def _number(text: str, file: str, number: int, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise DatasetError(f"{file}, line {number}: {what} {text!r} is not a finite number")
    return value
