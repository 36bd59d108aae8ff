"""One result everywhere: any number of shards in this process, and Flower's own simulation runtime with Ray."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import pytest

from models.export import export_release
from models.features import item_features
from privacy.events import Event, NotPrivate, RoundCommitted
from privacy.ledger import read_ledger
from privacy.manifest import TrustAnchors, open_manifest
from simulations import flower, training
from simulations.__main__ import main
from simulations.flower import run_on_flower
from simulations.line import ReleaseLine
from simulations.loading import load_dataset
from simulations.runtimes import InProcess
from simulations.scenario import Scenario, load
from simulations.sections import GradientTraining
from simulations.split import leave_two_out
from simulations.training import train
from tests.made import write_events

FEDAVG = Path(__file__).parents[2] / "simulations" / "scenarios" / "movielens-fedavg.toml"
SETTINGS = (
    "dataset.name=csv", "privacy.epsilon=8", "training.rounds=2", "training.recipe.local_steps=2",
    "consent.withdraw_share=0.2", "training.sampling_rate=0.6",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "events.csv"
    write_events(path, people=70, items=40, events=9, columns="time title")
    return path


def asked(shards: int, seed: int = 11) -> Scenario:
    settings = [*SETTINGS, f"population.shards={shards}", f"test_seed={seed}"]
    return load(FEDAVG, overrides=settings, seed=None)


def statistics(shards: int, seed: int = 11) -> Scenario:
    shares = [f"training.shares.{name}=1" for name in ("popularity", "moments", "item_context", "vote")]
    settings = [*SETTINGS[:2], SETTINGS[4], f"population.shards={shards}", f"test_seed={seed}", *shares]
    return load(FEDAVG.with_name("movielens.toml"), overrides=settings, seed=None)


def in_process(data: Path, scenario: Scenario) -> tuple[list[str], str]:
    """Train in this process; return the digest of every round's result, and of the release.

    With equal noise, results are equal exactly where the integer sums are.
    """
    dataset = load_dataset(scenario.dataset, data=data, cache=data.parent)
    line = ReleaseLine(scenario)
    trained = train(
        scenario,
        train=leave_two_out(dataset, seed=scenario.seed).train,
        timed=dataset.timed,
        features=item_features(dataset.catalogue).table,
        line=line,
        observe=lambda label, parameters: None,
        runtime=InProcess(),
    )
    return results(line.ledger.events), export_release(trained.parameters, dataset.catalogue).sha256


def results(events: Iterable[Event]) -> list[str]:
    return [event.model_out for event in events if isinstance(event, RoundCommitted)]


def test_statistics_and_votes_give_the_same_release_for_any_sharding(data: Path) -> None:
    one = in_process(data, statistics(1))
    assert len(one[0]) == 4
    assert in_process(data, statistics(2)) == in_process(data, statistics(7)) == one
    assert in_process(data, statistics(2, seed=12)) != one


def listening(processes: list[int]) -> set[str]:
    """Return the addresses at which these processes listen, as the kernel writes them."""
    found = set()
    for process in processes:
        try:
            sockets = {os.readlink(entry) for entry in Path(f"/proc/{process}/fd").iterdir()}
            tables = [Path(f"/proc/{process}/net/{name}").read_text() for name in ("tcp", "tcp6")]
        except OSError:
            continue
        rows = [line.split() for table in tables for line in table.splitlines()[1:]]
        found |= {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}
    return found


LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


def test_every_runtime_and_every_sharding_gives_the_same_sums_and_the_same_release(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = asked(1).training
    assert isinstance(how, GradientTraining)
    plan = training.gradient_rounds(asked(1), how)
    monkeypatch.setattr(training, "gradient_rounds", lambda scenario, how: plan)
    one = in_process(data, asked(1))
    assert len(one[0]) == 3
    assert in_process(data, asked(2)) == in_process(data, asked(7)) == one
    assert in_process(data, asked(2, seed=12)) != one, "a run that ignored its seed would pass the rest"

    heard, addresses, tag = list[str](), set[str](), uuid4().hex

    def progress(text: str, share: float) -> None:
        heard.append(text)
        addresses.update(listening(flower.tagged(tag)))

    out = tmp_path / "flower"
    sample = run_on_flower(asked(2), data=data, out=out, progress=progress, tag=tag)
    trust = TrustAnchors.decode((out / "ledger" / "trust.json").read_bytes())
    draft = TrustAnchors.decode((out / "draft" / "trust.json").read_bytes())
    entries, checkpoint = ((out / "ledger" / name).read_bytes() for name in ("entries.jsonl", "checkpoint"))
    events = read_ledger(entries, checkpoint, trust.log_key, origin=trust.origin)
    assert (results(events), hashlib.sha256((out / "draft" / "model.onnx").read_bytes()).hexdigest()) == one
    assert any(isinstance(event, NotPrivate) and event.reason == "seeded_randomness" for event in events)
    assert len(sample["items"]) == 5
    assert heard[0] == "starting Flower"
    assert heard[-1] == "done"
    assert addresses
    assert addresses <= LOOPBACK
    assert flower.tagged(tag) == []
    assert not (out / "flower" / "devices").exists()
    result = json.loads((out / "result.json").read_text())
    assert (result["privacy"]["private"], result["privacy"]["epsilon"]) == (False, None)
    assert not open_manifest((out / "draft" / "manifest.json").read_bytes(), draft.release_key).private
    assert main(["verify", str(out)]) == 0
