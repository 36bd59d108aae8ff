"""Small pieces of the report's markup, and the words that must stand wherever epsilon does."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Result = Mapping[str, Any]
NOT_PRIVATE = (
    '<p class="stamp" role="note">NOT PRIVATE: this run drew no noise. Nothing bounds what its model reveals '
    "about anyone; do not release it. (trust = central)</p>"
)
TRUST = (
    '<p class="trust">trust = central: the aggregator sees each clipped contribution (here: each shard\'s sum) and '
    "must be trusted with it. Epsilon bounds what readers of the release learn.</p>"
)
METHODS = {
    "popularity_private": ("private popularity, full epsilon", "other"),
    "content_only": ("content only, no one's data", "other"),
    "content_popularity_private": ("content + private popularity, full epsilon", "other"),
    "popularity": ("popularity, not private", "open"),
    "puresvd": ("PureSVD, central, not private", "open"),
    "ease": ("EASE, central, not private", "open"),
}


def section(name: str, title: str, body: str) -> str:
    """Wrap a part of the page."""
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{body}</section>'


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[object]], looks: Sequence[str] = ()
) -> str:
    """Write a table; every cell is escaped.

    Args:
        caption: what it shows.
        head: column names.
        rows: the first cell of each names it.
        looks: class of each row, or nothing.
    """
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    classes = [f' class="{escape(look)}"' if look else "" for look in looks] or [""] * len(rows)
    body = "".join(
        f'<tr{look}><th scope="row">{escape(str(row[0]))}</th>'
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in row[1:])
        + "</tr>"
        for row, look in zip(rows, classes, strict=True)
    )
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def behind(numbers: str) -> str:
    """Fold a picture's numbers away behind it."""
    return f"<details><summary>The numbers behind this picture</summary>{numbers}</details>"


def promised(privacy: Result) -> str:
    """Say the spent epsilon with its delta and trust."""
    if not privacy["private"]:
        return "no bound (NOT PRIVATE, trust = central)"
    return f"ε {privacy['epsilon']:.2f} (δ {privacy['delta']:.3g}, trust = central)"
