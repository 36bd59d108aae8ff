"""What every line of a log has spent, may still spend, and how far that reaches: a pure function of its events."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from privacy.accountant import account
from privacy.acts import CapScope
from privacy.events import Event
from privacy.forecast import rounds_left
from privacy.gaussian import GaussianRound
from privacy.spending import SCOPES, costs_of
from privacy.standing import Standing, lines_of, standing


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeBalance:
    """What a line spent over one scope.

    Args:
        scope: the line's life, its current period, or what was spent since its last release.
        spent: epsilon, by the accountant in charge; inf without noise.
        cap: most that may be spent over it, inf for none.
    """

    scope: CapScope
    spent: float
    cap: float

    @property
    def left(self) -> float:
        """Cap minus spent, never below zero; epsilon does not add up, so this is no promise of rounds."""
        return math.inf if math.isinf(self.cap) else max(0.0, self.cap - self.spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Where a line's budget stands.

    Args:
        line: its name.
        delta: at which epsilon is stated.
        trust: who must be trusted with single updates.
        private: whether any bound holds.
        scopes: over the line, its period, and since its last release.
        rounds: paid for so far.
        rounds_left: more rounds like the last one within every cap; None where nothing was spent or no cap holds.
        releases: published in the current period.
        releases_declared: most that the period may have.
        period: number of the current period.
        period_days: days a period lasts at least.
    """

    line: str
    delta: float
    trust: str
    private: bool
    scopes: tuple[ScopeBalance, ...]
    rounds: int
    rounds_left: int | None
    releases: int
    releases_declared: int
    period: int
    period_days: int

    def over(self, scope: CapScope) -> ScopeBalance:
        """Return one scope's."""
        return next(each for each in self.scopes if each.scope == scope)

    @property
    def forecast(self) -> str:
        """Say how far the budget reaches."""
        if not self.private:
            return "no bound: not private"
        if self.rounds_left is None:
            return "nothing spent yet"
        rounds = "1 round" if self.rounds_left == 1 else f"{self.rounds_left:,} rounds"
        return f"{rounds} left at this rate"


def balances(events: Sequence[Event]) -> list[Balance]:
    """Return where every declared line stands, oldest first.

    Raises:
        AccountantsDisagree: no epsilon can be stated.
    """
    return [_balance(standing(events, line)) for line in lines_of(events)]


def _balance(found: Standing) -> Balance:
    delta, purse = found.declared.delta, found.purse
    scopes = tuple(
        ScopeBalance(scope=scope, spent=account(purse.costs(scope), delta).epsilon, cap=purse.cap(scope))
        for scope in SCOPES
    )
    return Balance(
        line=found.declared.line,
        delta=delta,
        trust=found.declared.trust,
        private=found.private,
        scopes=scopes,
        rounds=found.rounds,
        rounds_left=_left(found),
        releases=found.period_releases,
        releases_declared=found.declared.releases,
        period=found.period,
        period_days=found.declared.period_days,
    )


def _left(found: Standing) -> int | None:
    """Forecast under every cap: the scarcest one says how many."""
    purse, delta = found.purse, found.declared.delta
    step = _last(found)
    capped = [(purse.costs(scope), purse.cap(scope)) for scope in SCOPES if math.isfinite(purse.cap(scope))]
    if step is None or step.noise_multiplier == 0 or not capped:
        return None
    return min(rounds_left(costs, step, epsilon=cap, delta=delta) for costs, cap in capped)


def _last(found: Standing) -> GaussianRound | None:
    """Return the newest thing paid for."""
    spends = found.purse.spends
    return costs_of(spends[-1])[-1] if spends else None
