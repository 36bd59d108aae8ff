"""What a log adds up to, entry by entry: the sums that budgets, labels and figures are functions of."""

import math
from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from privacy.audit.grammar import Entry

Costs: TypeAlias = "Counter[tuple[float, float]]"
"""How often each (noise multiplier, sampling rate) was spent."""
SCOPES = ("line", "period", "release")


@dataclass(slots=True)
class Tally:
    """One line's sums.

    Args:
        declared: the fields of its declaration.
        costs: what it spent over its life, its period, since its last release.
        caps: the lowest cap over each that two people set.
        extremes: longest contribution, least noise, highest rate of anything spent.
        rounds, metrics, looks: how many were paid for.
        period, period_releases: the current period, and how many releases it has had.
        stamped: whether it is stamped not private.
        uncovered: what was done outside epsilon, activity to data; private data stay.
        accountant: the fields of the accountants named last.
        measured: the fields of the largest empirical lower bound on record.
        codes: digests of the code its rounds ran.
    """

    declared: dict[str, Any]
    costs: dict[str, Costs] = field(default_factory=lambda: {scope: Counter() for scope in SCOPES})
    caps: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SCOPES, math.inf))
    extremes: tuple[float, float, float] | None = None
    rounds: int = 0
    metrics: int = 0
    looks: int = 0
    period: int = 1
    period_releases: int = 0
    stamped: bool = False
    uncovered: dict[str, str] = field(default_factory=dict)
    accountant: dict[str, Any] | None = None
    measured: dict[str, Any] | None = None
    codes: dict[str, None] = field(default_factory=dict)

    @property
    def lower(self) -> float | None:
        """The largest empirical lower bound on record."""
        return None if self.measured is None else float(self.measured["epsilon_lower"])

    def cap(self, scope: str) -> float:
        """Return the most that may be spent over a scope."""
        return float(min(self.declared["epsilon_budget"], self.caps["line"], self.caps[scope]))

    @property
    def private(self) -> bool:
        """Whether it makes a promise and nothing took it back."""
        return not self.stamped and math.isfinite(self.declared["epsilon_budget"])

    def spend(self, says: dict[str, Any], times: int) -> None:
        """Add what an event costs."""
        pair = says["noise_multiplier"], says["sampling_rate"]
        for costs in self.costs.values():
            costs[pair] += times
        length, noise, rate = says["clipping_norm"], *pair
        if self.extremes is not None:
            length, noise, rate = (
                max(length, self.extremes[0]),
                min(noise, self.extremes[1]),
                max(rate, self.extremes[2]),
            )
        self.extremes = length, noise, rate

    def frozen(self) -> "Tally":
        """Return the sums as they are now, whatever is added later."""
        kept = copy(self)
        kept.costs = {scope: Counter(costs) for scope, costs in self.costs.items()}
        kept.caps, kept.uncovered, kept.codes = dict(self.caps), dict(self.uncovered), dict(self.codes)
        return kept


@dataclass(slots=True)
class Whole:
    """What concerns no line alone.

    Args:
        lines: how many are declared.
        costs: of all of them together.
        raised: hazards by name.
        mitigated: those of them with a mitigation on record, each with the test of the newest.
        notices, anchors: how many are on record.
    """

    lines: int = 0
    costs: Costs = field(default_factory=Counter)
    raised: set[str] = field(default_factory=set)
    mitigated: dict[str, str] = field(default_factory=dict)
    notices: int = 0
    anchors: int = 0

    @property
    def open_hazards(self) -> set[str]:
        """Hazards without a mitigation."""
        return self.raised - self.mitigated.keys()

    def frozen(self) -> "Whole":
        """Return the sums as they are now, whatever is added later."""
        kept = copy(self)
        kept.costs, kept.raised, kept.mitigated = Counter(self.costs), set(self.raised), dict(self.mitigated)
        return kept


def times(entry: Entry) -> int:
    """Return how many Gaussian mechanisms an entry stands for."""
    if entry.kind == "tuning_accounted":
        return int(entry.says["looks"])
    return int(entry.kind in ("privacy_event", "metric_released"))
