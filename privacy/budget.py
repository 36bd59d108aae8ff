"""The budget of a release line: asked before every round, spent the moment it says yes."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import ClassVar

from privacy.accountant import GaussianRound, spent
from privacy.calibration import PlannedRound
from privacy.errors import PrivacyError
from privacy.events import PrivacyEvent
from privacy.terms import Guarantee


class BudgetExceeded(PrivacyError):
    """The next round would cost more than the line has left: it must not run."""

    code: ClassVar[str] = "budget_exceeded"


class Budget:
    """Authorize rounds against a cap; what is authorized counts as spent, whatever happens next.

    The record is written before `authorize` returns, so a crash between authorization and noise wastes
    budget and never forgets it. After a restart, give the recorded events of the ledger.

    Args:
        cap: the line's guarantee; infinite epsilon authorizes everything (the run is stamped not private).
        recorded: events already in the ledger of this line.
        record: durably appends one event; an exception from it means nothing was authorized.
    """

    def __init__(
        self,
        cap: Guarantee,
        *,
        recorded: Iterable[PrivacyEvent],
        record: Callable[[PrivacyEvent], object],
    ) -> None:
        self._cap = cap
        self._events = list(recorded)
        self._record = record
        self._cleared: Counter[PlannedRound] = Counter()

    @property
    def events(self) -> tuple[PrivacyEvent, ...]:
        """Everything authorized so far, oldest first."""
        return tuple(self._events)

    def clear(self, planned: Iterable[PlannedRound]) -> None:
        """Check a whole plan once, so that its rounds need no accounting of their own.

        Spending a part of a plan never costs more than the plan, so each cleared round may run.

        Raises:
            BudgetExceeded: recorded events and the plan together exceed the cap; nothing is cleared.
        """
        plan = list(planned)
        self._check(plan)
        self._cleared = Counter(plan)

    def authorize(self, event: PrivacyEvent) -> None:
        """Spend one round's event, or refuse it.

        Raises:
            BudgetExceeded: the line would exceed its cap; nothing was recorded.
        """
        planned = PlannedRound(event.noise_multiplier, event.sampling_rate)
        if self._cleared[planned] == 0:
            self._check([*self._cleared.elements(), planned])
        self._record(event)
        self._events.append(event)
        self._cleared -= Counter([planned])

    def _check(self, plan: list[PlannedRound]) -> None:
        if not self._cap.private:
            return
        events: list[GaussianRound] = [*self._events, *plan]
        epsilon = spent(events, self._cap.delta).epsilon
        if epsilon > self._cap.epsilon:
            raise BudgetExceeded(
                f"{len(plan)} more round(s) would bring epsilon to {epsilon:.4f}, over the cap of "
                f"{self._cap.epsilon}; plan fewer rounds or more noise"
            )
