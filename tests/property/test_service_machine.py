"""The real service agrees with an oracle whatever happens in whatever order, and a planted fault does not."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    rule,
    run_state_machine_as_test,
)

from tests.life import PEOPLE, Life


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 25), ("postgresql", 10)])
def test_whatever_happens_in_whatever_order_the_service_agrees_with_the_oracle(
    kind: str, examples: int, fresh_database: Any
) -> None:
    seen = Counter[str]()
    made = type("Life", (Life,), {"make_database": staticmethod(lambda: fresh_database(kind)), "seen": seen})
    run_state_machine_as_test(
        made,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert seen["someone was in"]
    assert seen["someone invited was not"], seen


def test_the_oracle_notices_a_service_that_forgets_a_withdrawal(fresh_database: Any) -> None:
    """A planted fault: the switch is acknowledged, and nothing is written."""

    class Forgetful(Life):
        make_database = staticmethod(lambda: fresh_database("sqlite"))
        seen: Counter[str] = Counter()  # noqa: RUF012 (one for the whole search)

        @rule(person=PEOPLE)
        def withdraw(self, person: int) -> None:
            self._gone(person, self.versions[person] + 1)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Forgetful,
            settings=settings(
                max_examples=25, stateful_step_count=30, deadline=None, database=None,
                suppress_health_check=list(HealthCheck), report_multiple_bugs=False, phases=[Phase.generate],
            ),
        )  # fmt: skip
