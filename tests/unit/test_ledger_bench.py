"""The benchmark of the log measures logs that hold: each of its bundles is audited, or it stops."""

import json
from pathlib import Path

import pytest

from simulations.benchmarks import ledger, ledger_stored
from simulations.postgres import binary


def test_a_small_run_writes_a_row_for_every_figure(tmp_path: Path) -> None:
    ledger.main(tmp_path, sizes=(600,), seeds=(1,), stored=False)
    rows = [json.loads(row) for row in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert {row["metric"]: row["unit"] for row in rows} == ledger.UNITS
    assert all(row["value"] > 0 and row["contestant"] == "600 entries" for row in rows)


def test_a_bundle_that_does_not_verify_stops_the_benchmark(tmp_path: Path) -> None:
    path = tmp_path / "600.bundle"
    ledger.measure(600, tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"epsilon_budget":"4"', b'"epsilon_budget":"9"'))
    with pytest.raises(AssertionError):
        ledger.audited(path)


def test_a_small_run_in_both_databases_writes_a_row_for_every_figure(tmp_path: Path) -> None:
    ledger_stored.main(tmp_path, sizes=(600,))
    rows = [json.loads(row) for row in (tmp_path / "ledger-stored.jsonl").read_text().splitlines()]
    found = {(row["contestant"], row["metric"]) for row in rows if row["value"] > 0}
    databases = ["SQLite", "PostgreSQL"] if binary("initdb") else ["SQLite"]
    expected = {(f"600 entries in {name}", metric) for name in databases for metric in ledger_stored.UNITS}
    assert found == expected
