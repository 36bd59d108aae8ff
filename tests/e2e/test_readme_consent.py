"""The README's commands for consent work as pasted."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.serving import free_port

README = Path(__file__).parents[2] / "README.md"
DOOR = "### You are responsible for compliance"


def blocks() -> list[str]:
    """Return the door's commands, a block each."""
    text = README.read_text().split(DOOR)[1].split("\n### ")[0]
    parts = [part for part in text.split("\n\n") if part.startswith("    ")]
    return ["\n".join(line[4:] for line in part.splitlines()) for part in parts]


def run(script: str, folder: Path) -> str:
    """Run commands in a shell that stops at the first that fails; return what they print."""
    options = {"cwd": folder, "text": True, "env": {**os.environ, "OMP_NUM_THREADS": "1"}}
    done = subprocess.run(["bash", "-euc", script], capture_output=True, timeout=120, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return str(done.stdout)


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here: apt-get install curl")
def test_consent_works_as_pasted(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    _, start, device, by_hand = blocks()
    port = str(free_port())
    start = start.replace("penchant-server serve", f"exec penchant-server serve --port {port}")
    device, by_hand = (part.replace("8400", port) for part in (device, by_hand))
    by_hand = by_hand.replace("sign-request", f"sign-request --server http://127.0.0.1:{port}")
    service = subprocess.Popen(
        ["bash", "-euc", start], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert service.stdout is not None
        assert service.stdout.readline().startswith("serving consent at")
        run(
            f"curl -sS --retry 50 --retry-connrefused --retry-delay 1 http://127.0.0.1:{port}/readyz",
            tmp_path,
        )
        decided = run(device, tmp_path)
        checked = run('export PATH="$PWD/.venv/bin:$PATH"; cd runs/consent\n' + by_hand, tmp_path)
    finally:
        service.terminate()
        service.communicate(timeout=30)
    assert service.returncode == 0
    assert '"gpc":true' in decided
    assert "Acknowledged by the service" in decided
    folder = tmp_path / "runs" / "consent"
    for name, decision in (("granted", "granted"), ("withdrawn", "withdrawn")):
        receipt = json.loads((folder / f"{name}.json").read_text())["receipt"]
        assert receipt["events"][0]["decision"] == decision
    assert "Help the shared model learn" in (folder / "granted.json").read_text()
    assert '"decision":"withdrawn"' in checked
    assert checked.rstrip().endswith("verified: signed by the pinned key, not a byte changed")


def test_the_door_has_the_commands_it_talks_about() -> None:
    assert len(blocks()) == 4
    assert "verify-receipt" in blocks()[-1]
