"""Where a release line stands after some events: one fold over the log, from which labels and tables are read."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from privacy.acts import (
    AccountantDeclared,
    AuditMeasured,
    ConsentRootAnchored,
    HazardMitigated,
    HazardRaised,
    MetricReleased,
    NotCovered,
    NoticePublished,
    PeriodStarted,
    TuningAccounted,
)
from privacy.errors import PrivacyError
from privacy.events import (
    Event,
    LineDeclared,
    NotPrivate,
    PrivacyEvent,
    ReleasePublished,
    RoundCommitted,
)
from privacy.spending import Purse, line_of


class NoSuchLine(PrivacyError):
    """The log declares no line of this name: name one that it declares."""

    code: ClassVar[str] = "no_such_line"


@dataclass(slots=True)
class Standing:
    """What a log says of one line, as far as it was heard.

    Args:
        declared: the line's declaration.
        purse: its spends and caps.
        heard: everything else recorded of the line, oldest first.
        period: number of its current period.
        releases: releases published in it, over its life.
        period_releases: releases published in its current period.
        raised: hazards of the whole log that were raised.
        mitigated: those of them with a mitigation on record.
        notices: notices the log holds.
        anchors: ticks of the consent log that the log holds.
    """

    declared: LineDeclared
    purse: Purse
    heard: list[Event] = field(default_factory=list)
    period: int = 1
    releases: int = 0
    period_releases: int = 0
    raised: dict[str, HazardRaised] = field(default_factory=dict)
    mitigated: dict[str, HazardMitigated] = field(default_factory=dict)
    notices: list[NoticePublished] = field(default_factory=list)
    anchors: int = 0

    def hear(self, event: Event) -> None:
        """Take in the log's next event."""
        if isinstance(event, HazardRaised):
            self.raised[event.hazard] = event
            self.mitigated.pop(event.hazard, None)
        elif isinstance(event, HazardMitigated):
            self.mitigated[event.hazard] = event
        elif isinstance(event, NoticePublished):
            self.notices.append(event)
        elif isinstance(event, ConsentRootAnchored):
            self.anchors += 1
        elif line_of(event) == self.declared.line:
            self._hear_own(event)

    def _hear_own(self, event: Event) -> None:
        self.purse.hear(event)
        self.heard.append(event)
        if isinstance(event, ReleasePublished):
            self.releases += 1
            self.period_releases += 1
        elif isinstance(event, PeriodStarted):
            self.period, self.period_releases = event.period, 0

    @property
    def private(self) -> bool:
        """Whether nothing stamped the line as not private, and it promises a finite budget."""
        stamped = any(isinstance(event, NotPrivate) for event in self.heard)
        return not stamped and math.isfinite(self.declared.epsilon_budget)

    @property
    def rounds(self) -> int:
        """How many rounds were paid for, whether they were committed or not."""
        return sum(isinstance(event, PrivacyEvent) for event in self.heard)

    @property
    def metrics(self) -> int:
        """How many noisy metrics were paid for."""
        return sum(isinstance(event, MetricReleased) for event in self.heard)

    @property
    def looks(self) -> int:
        """How often tuning looked at people's data, and paid."""
        return sum(event.looks for event in self.heard if isinstance(event, TuningAccounted))

    @property
    def not_covered(self) -> dict[str, str]:
        """What was done outside epsilon: activity to data, private data first."""
        stamps = [event for event in self.heard if isinstance(event, NotCovered)]
        found: dict[str, str] = {stamp.activity: stamp.data for stamp in stamps}
        return found | {stamp.activity: stamp.data for stamp in stamps if stamp.data == "private_data"}

    @property
    def accountant(self) -> AccountantDeclared | None:
        """The accountants named last."""
        return next((e for e in reversed(self.heard) if isinstance(e, AccountantDeclared)), None)

    @property
    def lower_bound(self) -> AuditMeasured | None:
        """The largest empirical lower bound on record."""
        found = [event for event in self.heard if isinstance(event, AuditMeasured)]
        return max(found, key=lambda event: event.epsilon_lower, default=None)

    @property
    def code(self) -> list[str]:
        """The digests of the code its rounds ran, each once."""
        commits = (event.code_digest for event in self.heard if isinstance(event, RoundCommitted))
        return list(dict.fromkeys(commits))

    @property
    def open_hazards(self) -> list[str]:
        """Hazards that nothing mitigates, by name."""
        return sorted(self.raised.keys() - self.mitigated.keys())


def lines_of(events: Iterable[Event]) -> list[str]:
    """Return the lines a log declares, oldest first."""
    return [event.line for event in events if isinstance(event, LineDeclared)]


def standing(events: Sequence[Event], line: str) -> Standing:
    """Return where a line stands after these events.

    Raises:
        NoSuchLine: none of them declares it.
    """
    for event in events:
        if isinstance(event, LineDeclared) and event.line == line:
            found = Standing(event, Purse(event.epsilon_budget))
            for each in events:
                found.hear(each)
            return found
    raise NoSuchLine(f"the log declares {', '.join(lines_of(events)) or 'no line'}, not {line}")
