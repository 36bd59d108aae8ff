"""Documents that an officer reads, edits and files: written once as values, shown as Markdown and as HTML."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from privacy.pages import document as html_document
from privacy.pages import section, table

_OPEN, _CLOSE = "[fill in: ", "]"
_FILL = re.compile(r"\[fill in: [^\]]*\]")
HOME = "index.html"


@dataclass(frozen=True, slots=True)
class Points:
    """A list.

    Args:
        items: one sentence each.
    """

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of words, the first column naming the row.

    Args:
        caption: what it shows.
        head: names of the columns.
        rows: cells.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block: TypeAlias = str | Points | Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a pack.

    Args:
        name: of its files, without ending.
        title: at its head.
        lead: what it is, in a sentence or two.
        sections: heading and blocks.
    """

    name: str
    title: str
    lead: str
    sections: tuple[tuple[str, tuple[Block, ...]], ...]

    @property
    def open_questions(self) -> tuple[str, ...]:
        """What only the officer can say, in the order it is asked."""
        return tuple(mark.removeprefix(_OPEN).removesuffix(_CLOSE) for mark in _FILL.findall(markdown(self)))


def fill(what: str) -> str:
    """Mark what only people can say.

    >>> fill("who decides")
    '[fill in: who decides]'
    """
    return f"{_OPEN}{what}{_CLOSE}"


def markdown(of: Document) -> str:
    """Return a document as Markdown."""
    return "\n".join(_markdown(of)) + "\n"


def _markdown(of: Document) -> Iterator[str]:
    yield from (f"# {of.title}", "", of.lead)
    for heading, blocks in of.sections:
        yield from ("", f"## {heading}")
        for block in blocks:
            yield ""
            if isinstance(block, Points):
                yield from (f"- {item}" for item in block.items)
            elif isinstance(block, Table):
                yield from (f"**{block.caption}**", "")
                yield from map(_row, (block.head, ("---",) * len(block.head), *block.rows))
            else:
                yield block


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def html(of: Document) -> str:
    """Return a document as a whole page, what is to be filled in marked."""
    body = "".join(
        section(f"part-{at}", heading, "".join(map(_html, blocks)))
        for at, (heading, blocks) in enumerate(of.sections, 1)
    )
    header = (
        f'<p class="eyebrow"><a href="{HOME}">Evidence pack</a></p><h1>{escape(of.title)}</h1>'
        f'<p class="lead">{marked(of.lead)}</p>'
    )
    footer = f"<p>The same as text to edit: <code>{escape(of.name)}.md</code></p>"
    return html_document(of.title, header, body, footer)


def _html(block: Block) -> str:
    if isinstance(block, Points):
        return "<ul>" + "".join(f"<li>{marked(item)}</li>" for item in block.items) + "</ul>"
    if isinstance(block, Table):
        return _mark(table(block.caption, block.head, block.rows, words=True))
    return f"<p>{marked(block)}</p>"


def marked(text: str) -> str:
    """Escape a text and mark what is to be filled in."""
    return _mark(escape(text))


def _mark(markup: str) -> str:
    return _FILL.sub(lambda found: f'<mark class="fill">{found.group()}</mark>', markup)
