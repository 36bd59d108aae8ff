"""What every level of the tests shares: Hypothesis' profile, and the gate's rule that nothing is skipped."""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # as the commands have it: nodes are the threads
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads starve a busy machine

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from tests.postgres import HOW_TO_GET, binary, running

settings.register_profile("penchant", deadline=None, max_examples=60, print_blob=True)
settings.load_profile("penchant")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the gate's run when a test was skipped: a skipped guarantee is not shown."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("PENCHANT_NO_SKIPS"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start one real PostgreSQL for the whole session; skip with the way to get one where there is none."""
    if not binary("initdb") or not binary("pg_ctl"):
        pytest.skip(HOW_TO_GET)
    with running() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Return the URL of a fresh, empty database of either kind."""
    url: str = request.getfixturevalue(f"{request.param}_database")
    return url


@pytest.fixture
def sqlite_database(fresh_database: Callable[[str], str]) -> str:
    """Return the URL of a fresh SQLite file."""
    return fresh_database("sqlite")


@pytest.fixture
def postgresql_database(fresh_database: Callable[[str], str]) -> str:
    """Return the URL of a fresh PostgreSQL database."""
    return fresh_database("postgresql")


@pytest.fixture
def fresh_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Return what makes a fresh, empty database of a kind and returns its URL."""

    def make(kind: str) -> str:
        name = f"test_{uuid4().hex}"
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / name}.db"
        server = request.getfixturevalue("postgres")
        engine = create_engine(
            make_url(f"{server}/postgres").set(drivername="postgresql+pg8000"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return f"{server}/{name}"

    return make
