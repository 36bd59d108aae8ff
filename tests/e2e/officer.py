"""What an officer is given: a run's folder whose log, label and release fit together, or do not."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from privacy.acts import NoticePublished, ReleaseWithdrawn, WithdrawalReason
from privacy.canonical import encode
from privacy.events import Event, ReleasePublished
from privacy.keys import SigningKey
from privacy.label import Label, make_label
from privacy.ledger import Ledger
from privacy.manifest import Manifest, TrustAnchors, sign_manifest, state
from privacy.terms import Guarantee
from simulations.consent_log import notices
from tests.log_made import LINE, ORIGIN, SAID, whole_log

RELEASE_KEY, LOG_KEY = SigningKey.from_seed(b"r" * 32), SigningKey.from_seed(b"l" * 32)
TRUST = TrustAnchors(origin=ORIGIN, release_key=RELEASE_KEY.public, log_key=LOG_KEY.public)
ISSUED, EXPIRES = 1_790_000_000, 1_797_776_000


def log(rounds: int = 3) -> list[Event]:
    """Return a log whose notices are those that people are shown."""
    others = [event for event in whole_log(rounds) if not isinstance(event, NoticePublished)]
    return [others[0], *notices(), *others[1:]]


def label_of(events: list[Event], *, sequence: int = 1, approver: str = "ann") -> Label:
    return make_label(
        events,
        LINE,
        origin=ORIGIN,
        sequence=sequence,
        issued=ISSUED,
        expires=EXPIRES,
        declared=replace(SAID, approver=approver),
    )


def manifest_of(label: Label, key: SigningKey = RELEASE_KEY) -> bytes:
    guarantee = Guarantee(
        epsilon=float(label.figures["epsilon"]),
        delta=5e-4,
        unit="enrolled_subject",
        neighboring_relation="add_or_remove_one",
        trust="central",
    )
    manifest = Manifest(
        line=label.line,
        sequence=label.sequence,
        sha256="9" * 64,
        size=1,
        issued=ISSUED,
        expires=EXPIRES,
        rollout=1.0,
        label_digest=label.digest,
        privacy=state(guarantee, private=True),
    )
    return sign_manifest(manifest, key)


def write_run(
    folder: Path, events: Iterable[Event], *, approver: str = "ann", withdrawn: WithdrawalReason | None = None
) -> Label:
    """Write a run that released what its label lets out, and perhaps took it back, or left a draft."""
    ledger, heads = Ledger(ORIGIN, LOG_KEY), []
    for event in events:
        ledger.append(event)
    heads.append(ledger.checkpoint())
    label = label_of(list(ledger.events), approver=approver)
    manifest = manifest_of(label)
    files = {"label.json": label.encode(), "manifest.json": manifest, "trust.json": TRUST.encode()}
    if label.may_go_out:
        digest = hashlib.sha256(manifest).hexdigest()
        at = ledger.append(ReleasePublished(line=LINE, sequence=1, manifest=digest))
        heads.append(ledger.checkpoint())
        files["manifest.proof"] = ledger.proof(at)
        if withdrawn is not None:
            ledger.append(ReleaseWithdrawn(line=LINE, sequence=1, reason=withdrawn))
            heads.append(ledger.checkpoint())
    _write(folder / ("release" if label.may_go_out else "draft"), files)
    _write(
        folder / "ledger",
        {
            "trust.json": TRUST.encode(),
            "entries.jsonl": ledger.export(),
            "checkpoint": heads[-1],
            "checkpoints": encode([head.decode() for head in heads]),
        },
    )
    return label


def _write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
