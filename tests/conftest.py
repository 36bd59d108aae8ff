"""What every level of the tests shares: Hypothesis' profile, and the gate's rule that nothing is skipped."""

import os

import pytest
from hypothesis import settings

settings.register_profile("penchant", deadline=None, max_examples=60, print_blob=True)
settings.load_profile("penchant")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the gate's run when a test was skipped: a skipped guarantee is not shown."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("PENCHANT_NO_SKIPS"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
