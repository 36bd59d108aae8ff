"""One run of the demo, shared by everything that only reads it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.demos import run

if TYPE_CHECKING:
    from tests.e2e.keyholders import World


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, run(folder, "movielens")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator["World"]:
    """A service that replaced every key it has, with a device of the first day; shared by what tries it."""
    from tests.e2e.keyholders import replaced

    with replaced(tmp_path_factory.mktemp("keys")) as made:
        yield made
