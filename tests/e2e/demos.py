"""Runs of the demo's scenarios through the real command."""

import json
from pathlib import Path
from typing import Any

from simulations.__main__ import main

SCENARIOS = Path(__file__).parents[2] / "simulations" / "scenarios"


def run(folder: Path, scenario: str, *options: str) -> dict[str, Any]:
    arguments = ["run", str(SCENARIOS / f"{scenario}.toml"), "--out", str(folder), "--quiet", *options]
    assert main(arguments) == 0
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found
