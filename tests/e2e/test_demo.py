"""The demo, end to end on the real MovieLens-100K through the real command, and what must hold of it."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from client.device.preview import Preview
from client.device.release import ReleaseForged, open_release, read_folder
from client.device.slate import Event
from privacy.events import (
    NotPrivate,
    ReleasePublished,
)
from privacy.ledger import read_ledger
from privacy.manifest import TrustAnchors, open_manifest
from simulations.__main__ import main
from tests.e2e.demos import SCENARIOS, run

ROOT = Path(__file__).parents[2]


def test_the_result_holds_what_its_contract_says(demo: tuple[Path, dict[str, Any]]) -> None:
    _, result = demo
    assert result["dataset"] == {
        "name": "ml-100k", "people": 943, "items": 1682, "interactions": 100000, "catalogue": "public",
    }  # fmt: skip
    assert result["consent"]["granted"] + result["consent"]["never_granted"] == 943
    assert result["consent"]["withdrawn"] > 0
    assert result["release"]["bytes"] <= 180_000
    change = result["release"]["ndcg_change"]
    assert abs(change["mean"]) <= 3 * change["ci95"] + 1e-4
    assert change["ci95"] < 0.003
    assert {"load_s", "features_s", "train_s", "export_s", "evaluate_s", "device_updates_per_s"} == set(
        result["timing"]
    )
    assert {"popularity", "popularity_private", "puresvd", "ease"} <= set(result["baselines"])


def test_it_beats_private_popularity_and_reaches_its_floor(demo: tuple[Path, dict[str, Any]]) -> None:
    _, result = demo
    ours, private = result["test"], result["baselines"]["popularity_private"]
    assert ours["sampled99"]["hr@10"] >= 0.58
    assert ours["sampled99"]["ndcg@10"] >= 0.35
    assert ours["full"]["ndcg@10"] > private["full"]["ndcg@10"]


def test_who_left_is_in_no_later_sum(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, result = demo
    rounds = json.loads((folder / "officer" / "rounds.json").read_text())["rounds"]
    counts = [row["in_sum"] for row in rounds]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == result["consent"]["granted"] - result["consent"]["withdrawn"]
    assert any(row["recomputed"] for row in rounds)


def test_a_device_opens_the_release_and_explains_its_slate(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, result = demo
    release = folder / "release"
    trust = TrustAnchors.decode((release / "trust.json").read_bytes())
    manifest = open_manifest((release / "manifest.json").read_bytes(), trust.release_key)
    assert float(manifest.privacy["epsilon"]) == result["privacy"]["epsilon"]
    device = Preview.open(release, trust=trust, now=manifest.issued)
    slate = device.recommend([Event("50"), Event("172")], k=5)
    assert len(slate.items) == 5
    for item in slate.items:
        assert item.title
        assert math.isclose(item.score, sum(reason.amount for reason in item.reasons), abs_tol=1e-6)
    assert {"50", "172"}.isdisjoint(item.item for item in slate.items)


def test_the_report_says_trust_wherever_it_says_epsilon(demo: tuple[Path, dict[str, Any]]) -> None:
    page = (demo[0] / "report.html").read_text()
    assert "central" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_without_privacy_everything_is_stamped_so(tmp_path: Path) -> None:
    result = run(tmp_path, "movielens", "--set", "privacy.epsilon=inf", "--seed", "2")
    privacy = result["privacy"]
    assert privacy["private"] is False
    assert privacy["epsilon"] is privacy["epsilon_budget"] is privacy["epsilon_check"]["epsilon"] is None
    assert privacy["attacker_success"] == 1.0
    assert result["test"]["sampled99"]["hr@10"] >= 0.69
    trust = TrustAnchors.decode((tmp_path / "ledger" / "trust.json").read_bytes())
    entries = (tmp_path / "ledger" / "entries.jsonl").read_bytes()
    events = read_ledger(entries, (tmp_path / "ledger" / "checkpoint").read_bytes(), trust.log_key)
    assert any(isinstance(event, NotPrivate) for event in events)
    assert not any(isinstance(event, ReleasePublished) for event in events), "it is released to nobody"
    draft = read_folder(tmp_path / "draft")
    manifest = open_manifest(draft["manifest.json"], own_keys(tmp_path / "draft").release_key)
    assert manifest.private is False
    assert not (tmp_path / "release").exists()
    with pytest.raises(ReleaseForged):
        open_release(draft, trust=trust, now=manifest.issued)
    assert result["release"]["may_go_out"] is False
    assert "the line is stamped not private" in result["release"]["because"]
    assert "Must not go out" in (tmp_path / "draft" / "label.html").read_text()
    page = (tmp_path / "report.html").read_text()
    assert "NOT PRIVATE" in page
    assert "BLOCKED" in page
    assert main(["verify", str(tmp_path)]) == 0


def own_keys(folder: Path) -> TrustAnchors:
    return TrustAnchors.decode((folder / "trust.json").read_bytes())


def test_a_required_row_that_nobody_filled_blocks_the_release_and_the_run_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "manifest.json").write_text("of an earlier run")
    mute = ["--set", 'declared.approver=""', "--out", str(tmp_path)]
    assert main(["run", str(SCENARIOS / "movielens.toml"), *mute]) == 0
    said = capsys.readouterr().out
    assert "BLOCKED" in said
    assert "required row approver is unknown" in said
    assert not (tmp_path / "release" / "manifest.json").exists()
    assert (tmp_path / "draft" / "manifest.json").exists()


def test_gradient_rounds_go_through_the_same_aggregator(tmp_path: Path) -> None:
    result = run(tmp_path, "movielens-fedavg")
    assert result["privacy"]["epsilon"] <= 8.0
    assert result["test"]["sampled99"]["hr@10"] >= 0.50
    assert result["test"]["sampled99"]["ndcg@10"] >= 0.29
    mechanisms = [
        row["mechanism"] for row in json.loads((tmp_path / "officer" / "rounds.json").read_text())["rounds"]
    ]
    assert mechanisms == ["popularity", *["gradient"] * 16]


def test_a_population_larger_than_declared_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--set", "population.declared=900", "--set", "privacy.delta=5.0e-4"]
    arguments = ["run", str(SCENARIOS / "movielens.toml"), "--out", str(tmp_path / "no"), "--quiet", *small]
    assert main(arguments) == 2
    assert "943 people" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_the_ten_lines_of_the_readme_work_as_pasted(
    demo: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    chapter = (ROOT / "README.md").read_text().split("### You build an app")[1]
    pasted = chapter.split("```python\n")[1].split("```")[0]
    (tmp_path / "runs").mkdir()
    shutil.copytree(demo[0], tmp_path / "runs" / "demo")
    run_it = subprocess.run(
        [sys.executable, "-c", pasted], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run_it.returncode == 0, run_it.stderr
    assert "['stored', 'stored', 'stored']" in run_it.stdout
    assert "because you liked" in run_it.stdout
    assert '"scope":"item"' in run_it.stdout
    table = chapter.split("|---|---|\n")[1].split("\n\n")[0]
    named = [name for row in table.splitlines() for name in re.findall("`([^`]*)`", row.split("|")[1])]
    assert all(name.split(".")[-1] in pasted for name in named)
    assert len([line for line in pasted.splitlines() if line and "import" not in line]) <= 12


def test_the_device_commands_of_the_readme_work_as_pasted(
    demo: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    chapter = (ROOT / "README.md").read_text().split("### You build an app")[1].split("\n### ")[0]
    blocks = [f"    {block}" for block in chapter.split("\n\n    ")[1:]]
    verbs, pair, export = ("\n".join(re.findall("^    (.*)", block, re.M)) for block in blocks)
    (tmp_path / "runs").mkdir()
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    shutil.copytree(demo[0], tmp_path / "runs" / "demo")

    def start(script: str) -> subprocess.Popen[str]:
        lines = ["bash", "-euc", script]
        environment = {**os.environ, "HOME": str(tmp_path)}
        pipe = subprocess.PIPE
        return subprocess.Popen(lines, cwd=tmp_path, env=environment, stdout=pipe, stderr=pipe, text=True)

    def said(script: str) -> str:
        running = start(script)
        out, err = running.communicate(timeout=120)
        assert running.returncode == 0, err
        return out

    assert "the same for everybody" in said(verbs)
    assert (tmp_path / "www" / "channel.json").exists()
    at = "--home runs/device --release runs/demo/release"
    said(
        f".venv/bin/penchant-device consent grant --yes {at[:18]}; .venv/bin/penchant-device track view 50 {at}"
    )
    waiting = start(pair)
    assert waiting.stdout is not None
    code = next(line.strip() for line in waiting.stdout if line.startswith("penchant-pair"))
    said(export.replace("CODE", code))
    out, err = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, err
    assert "taken over: 1 stored" in out
