"""The README's commands for consent work as pasted."""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.readme import CONSENT, blocks, run
from tests.e2e.serving import free_port

HERE = 'export PATH="$PWD/.venv/bin:$PATH"; cd runs/consent\n'


def asked() -> list[str]:
    return blocks(CONSENT, "\n### ")


def patiently(script: str, folder: Path) -> str:
    """Run commands again until the next tick has made what they ask for."""
    for _ in range(30):
        with contextlib.suppress(AssertionError):
            return run(script, folder)
        time.sleep(1)
    return run(script, folder)


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here: apt-get install curl")
def test_consent_works_as_pasted(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    start, device, by_hand, proved = asked()
    port = str(free_port())
    start = start.replace(
        "penchant-server serve", f"exec penchant-server serve --port {port} --tick-seconds 2"
    )
    device, by_hand, proved = (part.replace("8400", port) for part in (device, by_hand, proved))
    by_hand, proved = (
        part.replace("sign-request", f"sign-request --server http://127.0.0.1:{port}")
        for part in (by_hand, proved)
    )
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
        checked = run(HERE + by_hand, tmp_path)
        shown = patiently(HERE + proved, tmp_path)
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
    assert "verified: in the consent log, and that in penchant.local/log" in shown
    assert "proofs checked and kept; 0 receipts" in shown
    assert "\npenchant.local/log\n" in shown
    assert shown.rstrip().endswith("No line is declared in this log.")


def test_the_door_has_the_commands_it_talks_about() -> None:
    assert len(asked()) == 4
    assert "verify-receipt" in asked()[2]
    assert "--proof" in asked()[3]
