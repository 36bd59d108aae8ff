"""What changed between two labels, for whoever approves the second."""

from typing import NamedTuple

from privacy.label import Label
from privacy.label_words import NAMES, shown

ABSENT = "-"


class Difference(NamedTuple):
    """One thing that two labels say differently."""

    what: str
    before: str
    after: str


def differences(before: Label, after: Label) -> list[Difference]:
    """Return everything that differs, the verdict first, then figures, then rows.

    Of a row its status and words count; evidence may name another version of the same thing.
    """
    found = [
        Difference("line", before.line, after.line),
        Difference("release", str(before.sequence), str(after.sequence)),
        Difference("may go out", _verdict(before), _verdict(after)),
    ]
    for name in sorted({*before.figures, *after.figures}):
        old, new = (
            shown(name, each.figures[name]) if name in each.figures else ABSENT for each in (before, after)
        )
        if before.figures.get(name) != after.figures.get(name):
            found.append(Difference(f"figure {NAMES.get(name, name)}", old, new))
    old_rows, new_rows = ({row.row: row for row in each.rows} for each in (before, after))
    for name in dict.fromkeys([*old_rows, *new_rows]):
        old_row, new_row = old_rows.get(name), new_rows.get(name)
        old = f"{old_row.status}: {old_row.says}" if old_row else ABSENT
        new = f"{new_row.status}: {new_row.says}" if new_row else ABSENT
        found.append(Difference(f"row {name}", old, new))
    return [each for each in found if each.before != each.after or each.what.startswith("figure ")]


def _verdict(label: Label) -> str:
    return "yes" if label.may_go_out else "no: " + "; ".join(label.because)
