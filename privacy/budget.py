"""The budget of a release line: asked before every round, spent the moment it says yes."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from privacy.accountant import spent
from privacy.calibration import PlannedRound
from privacy.errors import PrivacyError
from privacy.events import Event
from privacy.gaussian import GaussianRound
from privacy.spending import SCOPES, Purse, Spend, costs_of
from privacy.terms import Guarantee


class BudgetExceeded(PrivacyError):
    """The next round would cost more than the line has left: it must not run."""

    code: ClassVar[str] = "budget_exceeded"


class Budget:
    """Authorize rounds against a line's caps; what is authorized counts as spent, whatever happens next.

    The record is written before `authorize` returns, so a crash between authorization and noise wastes
    budget and never forgets it. After a restart, give the recorded events of the ledger.

    Args:
        cap: the line's guarantee; infinite epsilon authorizes everything (the run is stamped not private).
        recorded: events already in the ledger of this line: what was spent, and what else moves its caps
            (releases, periods, changed caps).
        record: durably appends one event; an exception from it means nothing was authorized.
    """

    def __init__(
        self,
        cap: Guarantee,
        *,
        recorded: Iterable[Event],
        record: Callable[[Any], object],
    ) -> None:
        self._cap = cap
        self._purse = Purse(cap.epsilon)
        for event in recorded:
            self._purse.hear(event)
        self._record = record
        self._cleared: Counter[PlannedRound] = Counter()

    @property
    def events(self) -> tuple[Spend, ...]:
        """Everything authorized so far, oldest first."""
        return tuple(self._purse.spends)

    def hear(self, event: Event) -> None:
        """Take note of a release, a new period or a changed cap that the ledger has just recorded.

        Spends are not heard but authorized.
        """
        if not costs_of(event):
            self._purse.hear(event)

    def clear(self, planned: Iterable[PlannedRound]) -> None:
        """Check a whole plan once, so that its rounds need no accounting of their own.

        Spending a part of a plan never costs more than the plan, so each cleared round may run.

        Raises:
            BudgetExceeded: recorded events and the plan together exceed a cap; nothing is cleared.
        """
        plan = list(planned)
        self._check(plan)
        self._cleared = Counter(plan)

    def authorize(self, event: Spend) -> None:
        """Spend one event, or refuse it.

        Raises:
            BudgetExceeded: the line would exceed a cap; nothing was recorded.
        """
        planned = [PlannedRound(cost.noise_multiplier, cost.sampling_rate) for cost in costs_of(event)]
        if Counter(planned) - self._cleared:
            self._check([*self._cleared.elements(), *planned])
        self._record(event)
        self._purse.hear(event)
        self._cleared -= Counter(planned)

    def _check(self, plan: list[PlannedRound]) -> None:
        """Compose each scope's spends with the plan, as if no release or period came between."""
        for scope in SCOPES:
            costs: list[GaussianRound] = [*self._purse.costs(scope), *plan]
            cap = self._purse.cap(scope)
            if cap == math.inf or (scope != "line" and cap == self._purse.cap("line")):
                continue
            epsilon = spent(costs, self._cap.delta).epsilon
            if epsilon > cap:
                raise BudgetExceeded(
                    f"{len(plan)} more round(s) would bring epsilon to {epsilon:.4f} over this {scope}, past the "
                    f"cap of {cap}; plan fewer rounds or more noise"
                )
