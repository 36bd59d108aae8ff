"""`penchant-audit diff`: what changed between two labels, for whoever approves the second."""

import argparse
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

from privacy.label_diff import Difference, differences
from server.audit.label_files import find_label


def add(parser: argparse.ArgumentParser) -> None:
    """Say which arguments it takes."""
    parser.add_argument(
        "before", type=Path, metavar="A", help="the earlier release's folder, or its label.json"
    )
    parser.add_argument("after", type=Path, metavar="B", help="the later one's")


def run(options: argparse.Namespace) -> int:
    """Show what differs; exit 0 whether anything does or not."""
    before, after = find_label(options.before), find_label(options.after)
    found = differences(before.label, after.label)
    width = min(110, shutil.get_terminal_size((100, 24)).columns)
    for line in _lines(found, width):
        print(line)
    return 0


def _lines(found: list[Difference], width: int) -> Iterator[str]:
    if not found:
        yield "Both labels say the same."
        return
    short = [each for each in found if len(each.before) + len(each.after) < width - 40]
    if short:
        wide = max(len(each.what) for each in short)
        for each in short:
            yield f"{each.what:<{wide}}  {each.before}  →  {each.after}"
    for each in found:
        if each not in short:
            yield each.what
            for sign, words in (("-", each.before), ("+", each.after)):
                yield from textwrap.wrap(words, width, initial_indent=f"  {sign} ", subsequent_indent="    ")
    yield f"{len(found)} differences"
