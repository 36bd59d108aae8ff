"""A label for a terminal: the verdict first, then what to tell a person, then every row with how well it is known."""

import textwrap
from collections.abc import Iterator, Sequence

from privacy.label import Label
from privacy.label_page import SECTIONS
from privacy.label_rows import Row, Status
from privacy.label_words import NAMES, bounded, for_a_person, in_hundred, promise, shown

MARKS: dict[Status, str] = {"proved": "✓", "enforced": "◆", "declared": '"', "unknown": "?"}
CURVE_STEP = 4
"""Of the curve's points, every so many are shown: one a power of ten."""


def text(label: Label, *, width: int = 100) -> str:
    """Return a label as lines of plain text, none longer than the width where words allow it."""
    return "\n".join(_lines(label, width)) + "\n"


def _lines(label: Label, width: int) -> Iterator[str]:
    yield f"PRIVACY LABEL  {label.line}, release {label.sequence}"
    yield ""
    if label.may_go_out:
        yield "  MAY GO OUT: nothing on this label stands against it."
    else:
        yield "  MUST NOT GO OUT, because"
        for reason in label.because:
            yield from _wrapped(f"- {reason}", width, "    ", "      ")
    yield ""
    yield from _wrapped(f"{promise(label)}.", width, "  ")
    yield ""
    yield from _odds(label)
    yield from _curve(label, width)
    yield from _heading("What to tell a person who asks")
    for paragraph in for_a_person(label):
        yield from _wrapped(paragraph, width, "  ")
        yield ""
    for name, (title, _) in SECTIONS.items():
        yield from _heading(title)
        for row in label.rows:
            if row.section == name:
                yield from _row(label, row, width)
        yield ""
    yield "Known: ✓ proved (from the ledger), ◆ enforced (by code under test), \" declared (somebody's word)."
    yield from _wrapped(
        f"Self-attested: no outside witness has signed. Figures follow from the first {label.entries} entries of "
        f"{label.origin}.",
        width,
        "",
    )
    yield f"SHA-256 {label.digest}"


def _odds(label: Label) -> Iterator[str]:
    if not bounded(label):
        return
    right = in_hundred(label.figures["odds"])
    gained = (right - 50) // 2
    yield f"  best attack   {'█' * 25}{'▓' * gained}{'░' * (25 - gained)}   {right} in 100; a coin has 50"
    lower = label.figures["epsilon_lower"]
    measured = "none yet" if lower == "none" else f"ε {shown('epsilon_lower', lower)}"
    spent, cap = (shown(name, label.figures[name]) for name in ("epsilon", "cap_line"))
    yield f"  spent ε {spent}   cap ε {cap}   measured by attack, at least: {measured}"
    yield ""


def _curve(label: Label, width: int) -> Iterator[str]:
    points = label.curve[2::CURVE_STEP]
    if not points:
        return
    cells = [(f"{float(delta):.0e}", f"{float(epsilon):.2f}") for delta, epsilon in points]
    yield "  the whole curve"
    at_once = max(1, (width - 6) // 8)
    for start in range(0, len(cells), at_once):
        part = cells[start : start + at_once]
        yield "    δ " + "".join(f"{delta:>8}" for delta, _ in part)
        yield "    ε " + "".join(f"{epsilon:>8}" for _, epsilon in part)
    yield ""


def _row(label: Label, row: Row, width: int) -> Iterator[str]:
    optional = "" if row.required else " (not required)"
    yield f"  {MARKS[row.status]} {row.status:<9}{row.title}{optional}"
    yield from _wrapped(row.says, width, " " * 13)
    figures = [f"{NAMES[name]} {shown(name, label.figures[name])}" for name in row.figures]
    if figures:
        yield from _wrapped(";  ".join(figures), width, " " * 13 + "= ", " " * 15)
    yield from _wrapped(row.evidence, width, " " * 13 + "→ ", " " * 15)


def _heading(title: str) -> Sequence[str]:
    return title.upper(), ""


def _wrapped(words: str, width: int, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        words,
        width,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
