"""The README's commands as a reader would paste them."""

import os
import subprocess
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
DOOR = "### You are responsible for compliance"
CONSENT = "Consent is a service."


def blocks(start: str, end: str) -> list[str]:
    """Return the commands between two texts, a block each."""
    text = README.read_text().split(start)[1].split(end)[0]
    parts = [part for part in text.split("\n\n") if part.startswith("    ")]
    return ["\n".join(line[4:] for line in part.splitlines()) for part in parts]


def run(script: str, folder: Path, *, patience: int = 240) -> str:
    """Run commands in a shell that stops at the first that fails; return what they print."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=patience, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout
