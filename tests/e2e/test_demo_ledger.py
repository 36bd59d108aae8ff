"""What the demo leaves for an officer: a log, signed heads, a label, a bundle that passes the audit."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from privacy.accountant import epsilon_pld, spent
from privacy.acts import (
    AccountantDeclared,
    ConsentRootAnchored,
    HazardMitigated,
    HazardRaised,
    NotCovered,
    NoticePublished,
)
from privacy.canonical import decode
from privacy.checkpoint import open_checkpoint
from privacy.events import (
    LineDeclared,
    PrivacyEvent,
    ReleasePublished,
    RoundCommitted,
    RoundTerms,
)
from privacy.label import make_label, read_label
from privacy.label_rows import Declarations
from privacy.ledger import read_ledger
from privacy.manifest import TrustAnchors, open_manifest
from privacy.merkle import root
from server.audit.__main__ import main as audit


def test_epsilon_recomputes_from_the_signed_ledger(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, result = demo
    trust = TrustAnchors.decode((folder / "ledger" / "trust.json").read_bytes())
    entries = (folder / "ledger" / "entries.jsonl").read_bytes()
    checkpoint = (folder / "ledger" / "checkpoint").read_bytes()
    events = read_ledger(entries, checkpoint, trust.log_key, origin=trust.origin)
    costs = [event for event in events if isinstance(event, PrivacyEvent)]
    stated = result["privacy"]
    assert spent(costs, stated["delta"]).epsilon == stated["epsilon"] <= stated["epsilon_budget"]
    assert (
        epsilon_pld(costs, stated["delta"]) == stated["epsilon_check"]["epsilon"] <= stated["epsilon_budget"]
    )
    kinds = [type(event) for event in events]
    hazard: list[type] = [HazardRaised, HazardMitigated]
    opening: list[type] = [LineDeclared, AccountantDeclared, *hazard * 2, *[NoticePublished] * 2]
    rounds: list[type] = [RoundTerms, PrivacyEvent, RoundCommitted, ConsentRootAnchored]
    assert kinds == [*opening, NotCovered, NotCovered, ConsentRootAnchored, *rounds * 4, ReleasePublished]


def test_its_own_bundle_passes_the_audit_with_the_officers_part_too(
    demo: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ([], ["--officer"]):
        bundle = str(tmp_path / "demo.bundle")
        assert audit(["bundle", str(demo[0]), "-o", bundle, *part]) == 0
        assert audit(["verify", bundle]) == 0
        assert "MAY GO OUT" in capsys.readouterr().out


def test_every_commit_left_a_signed_head_and_the_last_one_is_the_log(
    demo: tuple[Path, dict[str, Any]],
) -> None:
    ledger = demo[0] / "ledger"
    trust = TrustAnchors.decode((ledger / "trust.json").read_bytes())
    leaves = (ledger / "entries.jsonl").read_bytes().splitlines()
    heads = decode((ledger / "checkpoints").read_bytes())
    assert isinstance(heads, list)
    signed = [open_checkpoint(str(head).encode(), trust.log_key, origin=trust.origin) for head in heads]
    assert [(head.size, head.root) for head in signed] == [(n.size, root(leaves[: n.size])) for n in signed]
    assert str(heads[-1]).encode() == (ledger / "checkpoint").read_bytes()
    commits = [at for at, leaf in enumerate(leaves) if b'"round_committed"' in leaf]
    sizes = [head.size for head in signed]
    assert all(any(commit < size <= later for size in sizes) for commit, later in pairwise([*commits, 99]))


def test_the_label_is_the_signed_one_and_follows_from_the_log(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, result = demo
    trust = TrustAnchors.decode((folder / "ledger" / "trust.json").read_bytes())
    entries = (folder / "ledger" / "entries.jsonl").read_bytes()
    events = read_ledger(entries, (folder / "ledger" / "checkpoint").read_bytes(), trust.log_key)
    data = (folder / "release" / "label.json").read_bytes()
    manifest = open_manifest((folder / "release" / "manifest.json").read_bytes(), trust.release_key)
    assert manifest.label_digest == hashlib.sha256(data).hexdigest()
    label = read_label(data)
    said = {row.row: row.says for row in label.rows}
    assert (label.may_go_out, label.entries) == (True, len(events) - 1)
    again = make_label(
        events[: label.entries],
        label.line,
        origin=trust.origin,
        sequence=1,
        issued=label.issued,
        expires=label.expires,
        declared=Declarations(
            one_person_one_id=said["person"],
            pretraining=said["pretraining"],
            side_channels=said["side_channels"],
            security=said["security"],
            data_collected=said["data"],
            retention=said["retention"],
            approver=said["approver"],
        ),
    )
    assert again == label
    assert result["release"]["label"] == "release/label.html"
    assert 'href="release/label.html"' in (folder / "report.html").read_text()
    assert label.digest in (folder / "release" / "label.html").read_text()
    assert not (folder / "draft").exists()


def test_the_ledger_holds_no_count_of_people(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = demo
    officer = json.loads((folder / "officer" / "rounds.json").read_text())
    text = (folder / "ledger" / "entries.jsonl").read_text()
    for row in officer["rounds"]:
        assert row["in_sum"] < 943
        assert f":{row['in_sum']}" not in text
        assert row["salt"] not in text
