"""The README's compliance door, tried as a compliance officer would: only its own commands, and what they answer."""

import sys
from pathlib import Path

import pytest

from server.audit.__main__ import COMMANDS
from simulations.__main__ import main
from tests.e2e.readme import CONSENT, DOOR, README, blocks, run

ROOT = README.parent


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which `make demo` has just run."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (folder / "simulations").symlink_to(ROOT / "simulations")
    scenario = str(ROOT / "simulations" / "scenarios" / "movielens.toml")
    assert main(["run", scenario, "--out", str(folder / "runs" / "demo"), "--quiet"]) == 0
    return folder


def test_an_officer_gets_from_a_run_to_both_answers_and_a_file_for_the_record(desk: Path) -> None:
    label, check, record, no = blocks(DOOR, CONSENT)

    answered = run(label, desk)
    assert "MAY GO OUT" in answered.splitlines()[2]
    told = answered.split("WHAT TO TELL A PERSON WHO ASKS")[1].split("THE GUARANTEE")[0]
    assert "What left your device" in told
    assert "You can switch off at any time" in told
    assert "times in 100" in told

    checked = run(check, desk)
    assert "VALID" in checked
    assert "MAY GO OUT" in checked

    filed = run(record, desk)
    assert "rounds left at this rate" in filed
    first = (desk / "runs" / "evidence" / "index.html").read_text()
    assert "May go out" in first
    assert "What only you can say" in first
    assert "Example Ltd" in (desk / "runs" / "evidence" / "processing.html").read_text()

    refused = run(no, desk, patience=600)
    assert "MUST NOT GO OUT, because" in refused
    assert "required row retention is unknown" in refused
    assert "not this one" in refused
    assert "may go out" in refused
    assert not (desk / "runs" / "blocked" / "release").exists()


def test_every_command_of_the_door_is_one_that_the_audit_or_the_simulator_has() -> None:
    lines = [line for block in blocks(DOOR, CONSENT) for line in block.splitlines()]
    audits = [line.split()[1] for line in lines if line.startswith(".venv/bin/penchant-audit")]
    assert set(audits) == set(COMMANDS)


def test_a_door_whose_command_fails_is_found_out(desk: Path) -> None:
    """The planted fault: a label under another name than the run has."""
    broken = blocks(DOOR, CONSENT)[0].replace("runs/demo", "runs/elsewhere")
    with pytest.raises(AssertionError, match="elsewhere"):
        run(broken, desk)
