"""HTML documents that need no network and no script: semantic, readable by keyboard and by ear, light and dark."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files


def document(title: str, header: str, body: str, footer: str) -> str:
    """Return a whole page.

    Args:
        title: of the browser's tab, plain text.
        header: markup.
        body: markup of the main part.
        footer: markup.
    """
    style = (files("privacy") / "label.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{style}</style></head><body>"
        f'<a class="skip" href="#main">Skip to the content</a><header>{header}</header>'
        f'<main id="main">{body}</main><footer>{footer}</footer></body></html>\n'
    )


def section(name: str, title: str, body: str) -> str:
    """Return a part of a page under a heading."""
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>{body}</section>'


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]], *, words: bool = False) -> str:
    """Return a table of plain values, the first column naming the row.

    Args:
        caption: what it shows.
        head: names of the columns.
        rows: cells.
        words: they hold sentences, not numbers.
    """
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "".join(
        f'<tr><th scope="row">{escape(str(first))}</th>'
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    kind = "words" if words else "plain"
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption, quote=True)}">'
        f'<table class="{kind}"><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )
