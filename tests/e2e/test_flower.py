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
from privacy.events import Event, NotPrivate, RoundCommitted, RoundTerms
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


STATISTICS = FEDAVG.with_name("movielens.toml")


def with_vote(shards: int, seed: int = 11) -> list[str]:
    shares = [f"training.shares.{name}=1" for name in ("popularity", "moments", "item_context", "vote")]
    loud = ["dataset.name=csv", "features.text=words", "privacy.epsilon=20", "consent.withdraw_share=0.2"]
    return [*loud, f"population.shards={shards}", f"test_seed={seed}", *shares]


def statistics(shards: int, seed: int = 11) -> Scenario:
    return load(STATISTICS, overrides=with_vote(shards, seed), seed=None)


def in_process(data: Path, scenario: Scenario) -> tuple[list[tuple[str, str]], str]:
    """Train in this process; return what each round asked with the digest of its result, and the release's digest.

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


def results(events: Iterable[Event]) -> list[tuple[str, str]]:
    listed = list(events)
    asked = [event.mechanism for event in listed if isinstance(event, RoundTerms)]
    found = [event.model_out for event in listed if isinstance(event, RoundCommitted)]
    return list(zip(asked, found, strict=True))


def test_statistics_and_votes_give_the_same_release_for_any_sharding_and_by_command_on_flower(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = in_process(data, statistics(1))
    assert [asked for asked, _ in one[0]] == ["popularity", "moments", "item_context", "vote"]
    assert in_process(data, statistics(2)) == in_process(data, statistics(7)) == one
    assert in_process(data, statistics(2, seed=12)) != one
    settings = [part for setting in with_vote(2) for part in ("--set", setting)]
    where = ["--data", str(data), "--out", str(tmp_path / "run"), "--runtime", "flower"]
    assert main(["run", str(STATISTICS), *settings, *where]) == 0
    said = capsys.readouterr()
    assert "One person's device" in said.out
    assert "starting Flower" in said.err
    assert on_flower(tmp_path / "run")[1] == one


def on_flower(out: Path) -> tuple[list[Event], tuple[list[tuple[str, str]], str]]:
    """Return a run folder's events, and the digests of every round's result and of the release."""
    trust = TrustAnchors.decode((out / "ledger" / "trust.json").read_bytes())
    entries, checkpoint = ((out / "ledger" / name).read_bytes() for name in ("entries.jsonl", "checkpoint"))
    events = list(read_ledger(entries, checkpoint, trust.log_key, origin=trust.origin))
    return events, (results(events), hashlib.sha256((out / "draft" / "model.onnx").read_bytes()).hexdigest())


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
    draft = TrustAnchors.decode((out / "draft" / "trust.json").read_bytes())
    events, found = on_flower(out)
    assert found == one
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
