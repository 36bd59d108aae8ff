"""Whole scenarios on tables nobody tuned for: dense or sparse, with or without times, texts and ratings."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from client.device.preview import Preview
from client.device.slate import Event
from privacy.manifest import TrustAnchors
from simulations.__main__ import main
from simulations.scenario import load
from tests.made import write_events

SCENARIO = Path(__file__).parents[2] / "simulations" / "scenarios" / "movielens.toml"


def run(tmp_path: Path, *settings: str, quiet: bool = True) -> int:
    """Run the scenario on the table with these settings; return the exit code."""
    where = ["--data", str(tmp_path / "events.csv"), "--out", str(tmp_path / "run"), *["--quiet"] * quiet]
    asked = ["dataset.name=csv", *settings]
    return main(["run", str(SCENARIO), *where, *(part for setting in asked for part in ("--set", setting))])


@pytest.mark.parametrize(
    ("shape", "epsilon", "timed"),
    [
        ({"people": 120, "items": 60, "events": 20, "columns": "rating time title"}, "8", True),
        ({"people": 90, "items": 300, "events": 9, "columns": "time"}, "inf", True),
        ({"people": 120, "items": 60, "events": 20, "columns": ""}, "inf", False),
    ],
    ids=["dense, everything", "sparse, no text", "no times, no text, no ratings"],
)
def test_a_table_becomes_a_draft_a_report_and_a_verified_ledger(
    tmp_path: Path, shape: dict[str, Any], epsilon: str, timed: bool
) -> None:
    write_events(tmp_path / "events.csv", **shape)
    assert run(tmp_path, f"privacy.epsilon={epsilon}") == 0
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["dataset"] == {
        "name": "events", "people": shape["people"] + 1, "items": result["dataset"]["items"],
        "interactions": shape["people"] * shape["events"] + 2, "catalogue": "derived from interactions",
    }  # fmt: skip
    assert result["reading"]["timed"] is timed
    assert (result["reading"]["repeated_interactions"], result["reading"]["people_left_out"]) == (1, 1)
    assert ("content_only" in result["baselines"]) is ("title" in shape["columns"]), (
        "nothing ranks by no text"
    )
    assert "derived from interactions" in (tmp_path / "run" / "report.html").read_text()
    assert main(["verify", str(tmp_path / "run")]) == 0
    because = result["release"]["because"]
    assert {"required row pretraining is unknown", "required row metrics is unknown"} <= set(because), (
        "a catalogue that people's events made, and figures measured on them, are outside epsilon"
    )
    release = tmp_path / "run" / "draft"
    trust = TrustAnchors.decode((release / "trust.json").read_bytes())
    device = Preview.open(release, trust=trust, now=int(time.time()))
    listed = json.loads((release / "catalogue.json").read_text())["ids"]
    events = [Event(item) for item in listed[:6]]
    slates = [device.recommend(order, k=5) for order in (events, events[::-1])]
    scores = [[item.score for item in slate.items] for slate in slates]
    assert (scores[0] != pytest.approx(scores[1], abs=1e-6)) is timed, "recency is on exactly where times are"


def test_odd_tables_are_read_as_they_are_and_each_stage_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wide numbers, gaps, names in any script, no text in the text's column, one item with most events, repeats."""
    rows = ["user,item,title,time"]
    for person in range(60):
        name, few = 10**22 + 7919 * person, person < 10
        rows += [f"{name},ключ é–😀,,{when}" for when in range(9)]
        rows += [
            f"{name},{10**17 + 104729 * (person * item % 37)},,{9 + item}" for item in range(1 if few else 9)
        ]
    (tmp_path / "events.csv").write_text("\n".join(rows), encoding="utf-8")
    assert run(tmp_path, "privacy.epsilon=inf", quiet=False) == 0
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    listed = json.loads((tmp_path / "run" / "draft" / "catalogue.json").read_text())["ids"]
    assert result["dataset"]["people"] == 60
    assert result["reading"]["people_left_out"] >= 10
    assert result["reading"]["repeated_interactions"] >= 60 * 8
    assert {"ключ é–😀", str(10**17)} <= set(listed)
    assert main(["verify", str(tmp_path / "run")]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].split() == ["0", "s", "loading", "csv"]
    assert run(tmp_path, "privacy.epsilon=inf", "training.mechanism=none") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1, "--quiet says nothing but what is wrong"


def test_more_people_than_declared_are_refused_with_the_settings_to_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_events(tmp_path / "events.csv", people=1000, items=9, events=3, columns="")
    assert run(tmp_path) == 2
    said = capsys.readouterr().err
    assert "--set population.declared=1000 --set privacy.delta=0.000501187" in said
    mended = [part for part in said.strip().split() if "=" in part]
    assert load(SCENARIO, overrides=mended, seed=None).population.declared == 1000
