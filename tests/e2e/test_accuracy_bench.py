"""The accuracy benchmark, end to end on a tiny population: every method, and on after a kill."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulations.__main__ import main
from simulations.benchmarks.accuracy.command import PAGE, ROWS
from simulations.benchmarks.accuracy.methods import CONTESTANTS, METHODS
from simulations.benchmarks.accuracy.publishing import SUMMARY, show_table
from simulations.benchmarks.accuracy.summary import read
from tests.made import write_events


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "made.csv"
    write_events(path, people=60, items=80, events=12, columns="time title")
    return path


def arguments(data: Path, out: Path, *more: str) -> list[str]:
    return ["bench", "accuracy", "--dataset", "csv", "--data", str(data), "--out", str(out), *more]


def cells(path: Path) -> list[tuple[str, float | None, int]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [(row["contestant"], row["epsilon"], row["seed"]) for row in rows if row["metric"] == "seconds"]


def test_every_method_is_measured_at_every_epsilon_it_spends(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(arguments(data, out, "--epsilons", "4", "--seeds", "1")) == 0
    assert sorted(cells(out / ROWS), key=str) == sorted(
        ((name, 4.0 if METHODS[name].spends else None, 1) for name in CONTESTANTS), key=str
    )
    lines = {line.method: line for line in read(out / SUMMARY)}
    assert lines.keys() == set(CONTESTANTS)
    for line in lines.values():
        assert 0 <= line.metrics["full hr@10"].mean <= 1
        assert {"coverage", "gini of shown items", "full ndcg@10, heavy"} <= line.metrics.keys()
    assert lines["pfedrec"].settings
    assert len(lines["pfedrec"].tried) > 2
    page = (out / PAGE).read_text()
    assert all(METHODS[name].label in page for name in CONTESTANTS)


def test_oracles_are_measured_where_they_are_named_and_called_not_private_everywhere(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, names = tmp_path / "out", [name for name, how in METHODS.items() if how.named]
    asked = arguments(data, out, "--methods", ",".join(names), "--epsilons", "8,inf", "--seeds", "1")
    assert main(asked) == 0
    assert {name for name, _, _ in cells(out / ROWS)} == set(names) > {"oracle_blend", "oracle_no_noise"}
    shown = capsys.readouterr().out
    assert shown.count("NOT PRIVATE: ") == 4, "two oracles under two protocols"
    assert (out / PAGE).read_text().count("NOT PRIVATE: ") >= 4


def test_content_is_skipped_where_items_have_none(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_events(data, people=40, items=30, events=8, columns="time")
    out = tmp_path / "out"
    assert main(arguments(data, out, "--methods", "content_only", "--epsilons", "inf", "--seeds", "1")) == 0
    (line,) = read(out / SUMMARY)
    assert "reading csv" in capsys.readouterr().err, "a log hears of progress, too"
    assert (line.metrics, line.skipped) == ({}, "the catalogue has no public text, genres or years")


def test_a_killed_run_goes_on_where_it_was_and_a_finished_one_measures_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    asked = arguments(data, out, "--methods", "popularity,ease,fedmf", "--seeds", "1,2,3")
    bench = subprocess.Popen([sys.executable, "-m", "simulations", *asked], stdout=subprocess.DEVNULL)
    rows = out / ROWS
    while bench.poll() is None and (not rows.exists() or len(cells(rows)) < 4):
        time.sleep(0.01)
    bench.kill()
    bench.wait()
    with rows.open("ab") as file:
        file.write(b'{"benchmark": "accuracy", "contest')
    kept = rows.read_bytes().rpartition(b"\n")[0] + b"\n"
    before = cells_of_bytes(kept)
    assert 4 <= len(before) < 9
    assert main(asked) == 0
    whole = rows.read_bytes()
    assert whole.startswith(kept)
    assert len(cells(rows)) == len(set(cells(rows))) == 9
    assert main(asked) == 0
    assert rows.read_bytes() == whole
    assert "FedMF" in capsys.readouterr().out


def cells_of_bytes(rows: bytes) -> list[str]:
    return [line for line in rows.decode().splitlines() if '"metric": "seconds"' in line]


def test_readmes_tables_are_printed_without_measuring(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "accuracy", "--table"]) == 0
    assert capsys.readouterr().out == show_table()
