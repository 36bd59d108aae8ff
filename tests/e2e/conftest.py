"""One run of the demo, shared by everything that only reads it."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.demos import run


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, run(folder, "movielens")
