"""The house: root names are ours, folders hold what house.md says, files stay small."""

import importlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("server", "client", "models", "privacy", "simulations")
BESIDE = {
    *ROOMS, "tests", "pyproject.toml", "README.md", "Makefile", "LICENSE", "CHANGELOG.md", "constraints.txt",
    ".gitignore", ".ci", ".git",
}  # fmt: skip
MADE = {".venv", "runs", "build", "dist"}


def sources() -> list[Path]:
    return [path for room in (*ROOMS, "tests") for path in (ROOT / room).rglob("*.py")]


@pytest.mark.parametrize("room", ROOMS)
def test_each_root_name_resolves_inside_this_repository(room: str) -> None:
    assert Path(importlib.import_module(room).__file__ or "").parent == ROOT / room


@pytest.mark.parametrize("room", ROOMS)
def test_root_init_files_hold_a_docstring_and_nothing_else(room: str) -> None:
    text = (ROOT / room / "__init__.py").read_text().strip()
    assert text.startswith('"""')
    assert text.count('"""') == 2
    assert text.endswith('"""')


def test_nothing_else_stands_at_the_top() -> None:
    tops = {
        path.name
        for path in ROOT.iterdir()
        if path.name not in MADE
        and not path.name.endswith((".egg-info", "_cache", ".hypothesis"))
        and not path.name.startswith(".venv")
    }
    assert tops <= BESIDE, tops - BESIDE


def test_no_file_grows_beyond_300_lines() -> None:
    long = {str(path): lines for path in sources() if (lines := len(path.read_text().splitlines())) > 300}
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path in sources() if not path.read_text().lstrip().startswith(('"""', 'r"""'))]
    assert not silent


def test_test_folders_go_by_level() -> None:
    levels = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()} - {"__pycache__"}
    assert {"unit", "property", "conformance", "e2e"} <= levels <= {
        "unit", "property", "conformance", "e2e", "vectors",
    }  # fmt: skip


def test_torch_can_only_be_the_cpu_build() -> None:
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    assert 'torch==2.13.0+cpu; sys_platform == "linux"' in constraints
    assert not [line for line in constraints if line.startswith(("nvidia-", "triton"))]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert "torch==2.13.0" in extras["server"]
