"""`penchant-audit budget`: what every line has spent, may still spend, and how far that reaches, as a table."""

import argparse
import json
import math
from collections.abc import Sequence
from typing import Any

from privacy.balance import Balance, balances
from server.audit.events import read_events

HEAD = (
    "line",
    "delta",
    "spent",
    "cap",
    "this period",
    "cap",
    "since release",
    "cap",
    "releases",
    "forecast",
)


def add(parser: argparse.ArgumentParser) -> None:
    """Say which arguments it takes."""
    parser.add_argument(
        "source",
        metavar="RUN_OR_DATABASE_OR_BUNDLE",
        help="a run's folder, a bundle, a SQLite file or a database's URL",
    )
    parser.add_argument("--json", action="store_true", help="the same for a program")


def run(options: argparse.Namespace) -> int:
    """Show the table; exit 0, or 1 where a line is over a cap."""
    found = balances(read_events(options.source))
    if options.json:
        print(json.dumps([wire(each) for each in found], indent=2))
    elif not found:
        print("No line is declared in this log.")
    else:
        print(table([HEAD, *map(cells, found)]))
        print(
            "Epsilon for one enrolled subject (add or remove one), over the line's whole life unless a column"
        )
        print(
            "says otherwise; releases are those of the current period. Epsilon does not add up: trust the forecast."
        )
    return 1 if any(scope.spent > scope.cap + 1e-6 for each in found for scope in each.scopes) else 0


def cells(balance: Balance) -> tuple[str, ...]:
    """Return a line's cells under `HEAD`."""
    line, period, release = (balance.over(scope) for scope in ("line", "period", "release"))
    spending = [text for each in (line, period, release) for text in (number(each.spent), number(each.cap))]
    return (
        balance.line,
        f"{balance.delta:.3g}",
        *spending,
        f"{balance.releases} of {balance.releases_declared}",
        balance.forecast,
    )


def number(epsilon: float) -> str:
    """Spell an epsilon for a table."""
    return "no bound" if math.isinf(epsilon) else f"{epsilon:.3f}"


def wire(balance: Balance) -> dict[str, Any]:
    """Return a balance as JSON holds it; no bound is null."""
    scopes = {each.scope: {"cap": _finite(each.cap), "spent": _finite(each.spent)} for each in balance.scopes}
    return {
        "line": balance.line,
        "delta": balance.delta,
        "trust": balance.trust,
        "private": balance.private,
        "scopes": scopes,
        "rounds": balance.rounds,
        "rounds_left": balance.rounds_left,
        "releases": balance.releases,
        "releases_declared": balance.releases_declared,
        "period": balance.period,
        "period_days": balance.period_days,
    }


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lay cells out in columns, the first and the last to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1

    def laid(row: Sequence[str]) -> str:
        parts = [
            f"{cell:<{width}}" if at in (0, last) else f"{cell:>{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(parts).rstrip()

    head, *body = rows
    return "\n".join([laid(head), "-" * len(laid(["-" * width for width in widths])), *map(laid, body)])


def _finite(value: float) -> float | None:
    return None if math.isinf(value) else value
