"""A world of people over each kind of store: memory, SQLite, PostgreSQL."""

from collections.abc import Iterator

import pytest

from server.database import migrate, open_engine
from tests.worlds import (
    MakeWorld,
    MemoryWorld,
    SqlWorld,
    World,
)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def make_world(request: pytest.FixtureRequest) -> Iterator[MakeWorld]:
    if request.param == "memory":
        yield lambda epsilon=100.0: MemoryWorld(5, 1, epsilon=epsilon)
        return
    engine = open_engine(request.getfixturevalue(f"{request.param}_database"))
    migrate(engine)
    yield lambda epsilon=100.0: SqlWorld(engine, 5, 1, epsilon=epsilon)
    engine.dispose()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
