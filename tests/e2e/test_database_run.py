"""The rounds of a run are the service's rounds: over its database they end as they do in memory."""

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from privacy.events import Event, RoundCommitted, decode_event
from server.database import open_engine, reading
from server.tables import consents, receipts, rounds
from simulations.__main__ import main
from tests.made import write_events

SCENARIO = Path(__file__).parents[2] / "simulations" / "scenarios" / "movielens.toml"
SETTINGS = (
    "dataset.name=csv", "population.shards=3", "consent.grant_share=0.9", "consent.withdraw_share=0.3",
    "test_seed=5",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "events.csv"
    write_events(path, people=60, items=40, events=9, columns="time title")
    return path


def carried_out(data: Path, out: Path, *more: str) -> list[str]:
    """Run, and return the digest of every round's result."""
    chosen = [option for setting in SETTINGS for option in ("--set", setting)]
    assert (
        main(["run", str(SCENARIO), "--data", str(data), "--out", str(out), "--quiet", *chosen, *more]) == 0
    )
    lines = (out / "ledger" / "entries.jsonl").read_bytes().splitlines()
    events: list[Event] = [decode_event(line) for line in lines]
    return [event.model_out for event in events if isinstance(event, RoundCommitted)]


def test_a_run_over_the_database_ends_as_one_in_memory_while_people_withdraw_from_it(
    data: Path, tmp_path: Path, database: str
) -> None:
    in_memory = carried_out(data, tmp_path / "memory")
    assert carried_out(data, tmp_path / "served", "--database", database) == in_memory
    assert len(in_memory) >= 3
    assert main(["verify", str(tmp_path / "served")]) == 0
    found = json.loads((tmp_path / "served" / "result.json").read_text())["consent"]
    engine = open_engine(database)
    with reading(engine) as connection:
        states = connection.execute(select(rounds.c.state)).scalars().all()
        grouped = select(consents.c.decision, func.count()).group_by(consents.c.decision)
        said = {row[0]: row[1] for row in connection.execute(grouped)}
        kept = connection.execute(select(func.count()).select_from(receipts)).scalar_one()
    engine.dispose()
    assert states == ["committed"] * len(in_memory)
    assert said["withdrawn"] == found["withdrawn"] > 0
    assert said["granted"] == found["granted"] - found["withdrawn"]
    assert kept == found["granted"] + found["withdrawn"]


def test_somebody_elses_database_is_not_simulated_in(
    data: Path, tmp_path: Path, sqlite_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    carried_out(data, tmp_path / "first", "--database", sqlite_database)
    options = ["run", str(SCENARIO), "--data", str(data), "--set", "dataset.name=csv", "--quiet"]
    assert main([*options, "--out", str(tmp_path / "second"), "--database", sqlite_database]) == 2
    assert "name an empty one" in capsys.readouterr().err
