"""A line's budget over its life, period and release, as its log has it in every step that spends."""

from collections.abc import Iterable
from typing import ClassVar

from privacy.budget import Budget
from privacy.calibration import PlannedRound
from privacy.events import Event, PrivacyEvent, RoundTerms
from privacy.terms import Guarantee
from server.errors import ServerError
from server.round_book import RoundBook


class LineNotDeclared(ServerError):
    """The line has no budget: declare it before anything is asked or planned."""

    code: ClassVar[str] = "line_not_declared"


class LineBudget:
    """What one line may still spend.

    Args:
        line: the line's name.
    """

    def __init__(self, line: str) -> None:
        self._line = line
        self._plan: list[PlannedRound] = []
        self._budget: Budget | None = None
        self._cap: Guarantee | None = None
        self._heard: list[Event] = []
        self._book: RoundBook | None = None

    def clear(self, book: RoundBook, planned: Iterable[PlannedRound]) -> None:
        """Check a whole plan once, so that its rounds need no accounting of their own.

        Raises:
            LineNotDeclared: nobody promised anything.
            BudgetExceeded: the line cannot afford the plan beside what it has spent.
        """
        self._plan, self._budget = list(planned), None
        self._current(book)

    def spend(self, book: RoundBook, intent: PrivacyEvent) -> None:
        """Record an intent in this step, or refuse it; holds the line until the step ends.

        Raises:
            LineNotDeclared: nobody promised anything.
            BudgetExceeded: nothing was recorded.
        """
        budget = self._current(book)
        self._book = book
        try:
            budget.authorize(intent)
            self._heard.append(intent)
        finally:
            self._book = None

    def _current(self, book: RoundBook) -> Budget:
        cap = book.cap(self._line)
        if cap is None:
            raise LineNotDeclared(f"line {self._line} is not declared here; declare it with its budget first")
        history = book.history(self._line)
        if self._budget is None or self._cap != cap or self._heard != history:
            budget = Budget(cap, recorded=history, record=self._record)
            budget.clear(self._left(history))
            self._budget, self._cap, self._heard = budget, cap, history
        return self._budget

    def _record(self, event: PrivacyEvent) -> None:
        if self._book is None:
            raise LineNotDeclared("an intent is recorded in the step that seals its round, nowhere else")
        self._book.append(event)

    def _left(self, history: list[Event]) -> list[PlannedRound]:
        """Return the part of the plan that is not spent yet."""
        left = list(self._plan)
        for event in history:
            if isinstance(event, PrivacyEvent):
                planned = PlannedRound(event.noise_multiplier, event.sampling_rate)
                if planned in left:
                    left.remove(planned)
        return left


def intent(terms: RoundTerms) -> PrivacyEvent:
    """Return what a round of these terms spends."""
    return PrivacyEvent(
        line=terms.line,
        round=terms.round,
        mechanism="gaussian",
        clipping_norm=terms.clipping_norm,
        noise_multiplier=terms.noise_multiplier,
        sampling_rate=terms.sampling_rate,
        denominator=terms.denominator,
    )
