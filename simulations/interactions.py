"""Any table of interactions: user, item, perhaps a rating, a time and what the item is called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from models.catalogue import Catalogue
from simulations.columns import LEFT_OUT, NEEDED, Role, resolve
from simulations.datasets import Dataset, DatasetError, Entries, Times
from simulations.movielens import year_of
from simulations.tables import Block, Table

MOST_TEXT = 1 << 26
"""Characters of all item texts together."""
Where = Callable[[int], str]
"""Names the place of a row of the block at hand."""


@dataclass(slots=True)
class Clock:
    """Reads times, all numbers or all dates of one file: the first row says which."""

    kind: Literal["number", "date"] | None = None

    def read(self, block: Block, where: Where) -> Times:
        """Return comparable times: numbers as they are, dates as seconds since 1970, UTC where no zone is given.

        Raises:
            DatasetError: a time is neither, or of the other kind than the file's first.
        """
        if "time" in block.numbers:
            return _numbers(block, "time", where)
        if self.kind is None:
            self.kind = "date" if np.isnan(_float(block.cells["time"][0])) else "number"
        return _numbers(block, "time", where) if self.kind == "number" else _dates(block.cells["time"], where)


@dataclass(slots=True)
class ItemTexts:
    """What is publicly known of each item: the same in every row that says anything."""

    text: dict[str, str] = field(default_factory=dict)
    genres: dict[str, str] = field(default_factory=dict)
    size: int = 0

    def read(self, block: Block, role: Literal["text", "genres"], where: Where) -> None:
        """Take a block's texts.

        Raises:
            DatasetError: one item has two texts, so the text is not the item's; or there is too much of it.
        """
        known = self.text if role == "text" else self.genres
        for index, (item, text) in enumerate(zip(block.cells["item"], block.cells[role], strict=True)):
            if not text:
                continue
            before = known.get(item)
            if before is None:
                known[item] = text
                self.size += len(text)
            elif before != text:
                raise DatasetError(
                    f"{where(index)}: item {item!r} has another {role} than before ({text[:30]!r}, {before[:30]!r}); "
                    f"an item's {role} is public and the same in every row: mend it, or leave the column out with "
                    f"--set dataset.columns.{role}={LEFT_OUT}"
                )
        if self.size > MOST_TEXT:
            raise DatasetError(
                f"{where(0)}: the items' texts pass {MOST_TEXT >> 20} million characters; shorten them, or leave "
                f"the column out with --set dataset.columns.{role}={LEFT_OUT}"
            )

    def catalogue(self, ids: tuple[str, ...]) -> Catalogue:
        """List items with what is known of them."""
        titles = tuple(self.text.get(item, "") for item in ids)
        genres = [self.genres.get(item, "").split("|") for item in ids]
        return Catalogue(
            ids,
            titles,
            np.array([year_of(title) for title in titles], np.int16),
            tuple(tuple(dict.fromkeys(name.strip() for name in names if name.strip())) for names in genres),
        )


def read_catalogue(table: Table, asked: dict[Role, str | int | None]) -> Catalogue:
    """Read a public catalogue: one row an item, with its text and genres where there are any.

    Raises:
        DatasetError: what must be mended, with file and line.
    """
    wanted = {**asked, "user": LEFT_OUT, "rating": LEFT_OUT, "time": LEFT_OUT}
    if asked.get("item") not in table.names:  # the two files may call it by different names
        wanted["item"] = None
    columns = resolve(table.file, table.names, wanted, needed=("item",))
    texts, seen = ItemTexts(), dict[str, int]()
    for block in table.blocks(columns):
        for line, item in zip(block.lines, block.cells["item"], strict=True):
            if not item or seen.setdefault(item, line) != line:
                what = (
                    f"item {item!r} already stands in {table.unit} {seen[item]}" if item else "item is empty"
                )
                raise DatasetError(f"{table.file}, {table.unit} {line}: {what}; delete or mend it")
        _texts(texts, block, table)
    if not seen:
        raise DatasetError(f"{table.file}: holds no item")
    return texts.catalogue(tuple(seen))


def read_interactions(
    table: Table, asked: dict[Role, str | int | None], *, name: str, catalogue: Catalogue | None
) -> Dataset:
    """Read who met what, a block at a time.

    Args:
        table: the interactions.
        asked: what the scenario says of its columns.
        name: of the data set.
        catalogue: the public catalogue, or None to read it off the interactions, and say so.

    Raises:
        DatasetError: what must be mended, with file and line; nothing is passed over in silence.
    """
    beside: dict[Role, str | int | None] = {} if catalogue is None else {"text": LEFT_OUT, "genres": LEFT_OUT}
    columns = resolve(table.file, table.names, {**asked, **beside}, needed=NEEDED)
    entries, texts, clock = Entries(catalogue), ItemTexts(), Clock()
    for block in table.blocks(columns):
        where = _where(block, table)
        people, items = block.cells["user"], block.cells["item"]
        for role, cells in (("user", people), ("item", items)):
            if "" in cells:
                raise DatasetError(f"{where(cells.index(''))}: {role} is empty; mend or delete the row")
        if (index := entries.stranger(items)) is not None:
            raise DatasetError(f"{where(index)}: item {items[index]!r} is not in the catalogue beside it")
        if "rating" in columns:
            _numbers(block, "rating", where)
        if catalogue is None:
            _texts(texts, block, table)
        entries.add(people, items, clock.read(block, where) if "time" in columns else None)
    if not len(entries):
        raise DatasetError(f"{table.file}: holds no interaction, only the names of columns")
    person, item, listed = entries.sorted()
    order = "equal times keep the file's order" if "time" in columns else "no times: the file's order counts"
    return Dataset(
        name=name,
        person=person,
        item=item,
        catalogue=catalogue or texts.catalogue(listed),
        catalogue_source="public" if catalogue else "derived from interactions",
        provenance=f"{table.file}; {order}",
        timed="time" in columns,
        columns={role: table.names[place] for role, place in columns.items()},
    )


def _texts(texts: ItemTexts, block: Block, table: Table) -> None:
    for role in ("text", "genres"):
        if role in block.cells:
            texts.read(block, role, _where(block, table))


def _where(block: Block, table: Table) -> Where:
    return lambda index: f"{table.file}, {table.unit} {block.lines[index]}"


def _numbers(block: Block, role: Role, where: Where) -> Times:
    """Read a block of finite numbers, whole ones exactly."""
    values: Times
    if role in block.numbers:
        values = block.numbers[role]
    else:
        try:
            return np.array(block.cells[role], np.int64)
        except (ValueError, OverflowError):
            values = np.array([_float(text) for text in block.cells[role]])
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        given = str(values[bad[0]]) if role in block.numbers else block.cells[role][bad[0]]
        raise DatasetError(
            f"{where(int(bad[0]))}: {role} {given[:40]!r} is not a finite number; mend it, or leave the column out "
            f"with --set dataset.columns.{role}={LEFT_OUT}"
        )
    return values


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _dates(cells: Sequence[str], where: Where) -> Times:
    seconds = np.empty(len(cells))
    for index, text in enumerate(cells):
        try:
            when = datetime.fromisoformat(text)
            seconds[index] = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            raise DatasetError(
                f"{where(index)}: time {text[:40]!r} is no date like 2024-05-31 or 2024-05-31T18:30:00Z; mend it, or "
                f"leave the column out with --set dataset.columns.time={LEFT_OUT}"
            ) from None
    return seconds
