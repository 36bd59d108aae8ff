"""Which events cost epsilon, and over what they add up: a line's life, its period, one release.

Everything here is a pure function of events in their order; what they cost is `privacy.accountant`'s to say.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from privacy.acts import CapChanged, CapScope, MetricReleased, PeriodStarted, TuningAccounted
from privacy.events import Event, PrivacyEvent, ReleasePublished
from privacy.gaussian import GaussianRound

Spend: TypeAlias = PrivacyEvent | MetricReleased | TuningAccounted
SCOPES: tuple[CapScope, ...] = ("line", "period", "release")
BUDGETED: tuple[type[Event], ...] = (
    PrivacyEvent,
    MetricReleased,
    TuningAccounted,
    ReleasePublished,
    PeriodStarted,
    CapChanged,
)
"""What a line's budget depends on: what it spent, and what ends a release or a period, or lowers a cap."""


def costs_of(event: Event) -> tuple[GaussianRound, ...]:
    """Return the Gaussian mechanisms an event stands for; none for an event that spends nothing."""
    if isinstance(event, TuningAccounted):
        return (event,) * event.looks
    return (event,) if isinstance(event, PrivacyEvent | MetricReleased) else ()


@dataclass(slots=True)
class Purse:
    """What one line has spent over each scope, and may spend.

    Args:
        line: most epsilon over the line's life, inf for no cap.
    """

    line: float
    spends: list[Spend] = field(default_factory=list)
    _costs: list[GaussianRound] = field(default_factory=list)
    _starts: dict[CapScope, int] = field(default_factory=lambda: dict.fromkeys(SCOPES, 0))
    _caps: dict[CapScope, float] = field(default_factory=lambda: dict.fromkeys(SCOPES, math.inf))

    def hear(self, event: Event) -> None:
        """Take in the line's next event; a cap only ever falls."""
        if isinstance(event, Spend):
            self.spends.append(event)
            self._costs += costs_of(event)
        elif isinstance(event, ReleasePublished):
            self._starts["release"] = len(self._costs)
        elif isinstance(event, PeriodStarted):
            self._starts["period"] = len(self._costs)
        elif isinstance(event, CapChanged):
            self._caps[event.scope] = min(self._caps[event.scope], event.epsilon)

    def costs(self, scope: CapScope) -> list[GaussianRound]:
        """Return what was spent over a scope so far."""
        return self._costs[self._starts[scope] :]

    def cap(self, scope: CapScope) -> float:
        """Return the most that may be spent over a scope: never more than over the line's life."""
        return min(self.line, self._caps["line"], self._caps[scope])


def line_of(event: Event) -> str | None:
    """Return the line an event belongs to; None for those that concern the whole log."""
    return getattr(event, "line", None)


def by_line(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Sort events by line, keeping their order."""
    found: dict[str, list[Event]] = {}
    for event in events:
        if (line := line_of(event)) is not None:
            found.setdefault(line, []).append(event)
    return found


def all_costs(events: Iterable[Event]) -> list[GaussianRound]:
    """Return every cost of every line: what somebody enrolled in all of them has spent, composed over models."""
    return [cost for event in events for cost in costs_of(event)]
