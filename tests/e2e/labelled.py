"""Releases as a publisher makes them: a log with a past, a label that follows from it, everything signed."""

import hashlib
from dataclasses import replace

from models.export import export_release
from privacy.events import Event, ReleasePublished
from privacy.keys import SigningKey
from privacy.label import Label, make_label
from privacy.ledger import Ledger
from privacy.manifest import Manifest, TrustAnchors, sign_manifest, state
from privacy.terms import Guarantee
from tests.e2e.consenting import NOW
from tests.log_made import LINE, ORIGIN, SAID, whole_log
from tests.made import catalogue, parameters

DAY = 86_400
RELEASE_KEY, LOG_KEY = SigningKey.from_seed(b"r" * 32), SigningKey.from_seed(b"l" * 32)
TRUST = TrustAnchors(origin=ORIGIN, release_key=RELEASE_KEY.public, log_key=LOG_KEY.public)
LOG = whole_log()
EXPORTED = {
    items: export_release(parameters(items, taste=4, content=6), catalogue(items)) for items in (30, 31)
}
GUARANTEE = Guarantee(
    epsilon=4.0,
    delta=5e-4,
    unit="enrolled_subject",
    neighboring_relation="add_or_remove_one",
    trust="central",
)


def label_of(sequence: int, *, log: list[Event] = LOG) -> Label:
    return make_label(
        log,
        LINE,
        origin=ORIGIN,
        sequence=sequence,
        issued=NOW - DAY,
        expires=NOW + 30 * DAY,
        declared=SAID,
    )


_LABEL = label_of(1)


def labelled(
    sequence: int = 1, *, items: int = 30, label: Label | None = None, next_log_key: SigningKey | None = None
) -> dict[str, bytes]:
    """Return a whole release folder, logged after the log's key was replaced where the next one is given."""
    exported = EXPORTED[items]
    said = (label or replace(_LABEL, sequence=sequence)).encode()
    manifest = Manifest(
        line=LINE,
        sequence=sequence,
        sha256=exported.sha256,
        size=exported.size,
        issued=NOW - DAY,
        expires=NOW + 30 * DAY,
        rollout=1.0,
        label_digest=hashlib.sha256(said).hexdigest(),
        privacy=state(GUARANTEE, private=True),
    )
    signed = sign_manifest(manifest, RELEASE_KEY)
    ledger = Ledger(ORIGIN, LOG_KEY)
    for event in LOG:
        ledger.append(event)
    if next_log_key is not None:
        ledger.rotate(next_log_key, proposed_by="ann", approved_by="bob")
    digest = hashlib.sha256(signed).hexdigest()
    at = ledger.append(ReleasePublished(line=LINE, sequence=sequence, manifest=digest))
    return {
        "manifest.json": signed,
        "manifest.proof": ledger.proof(at),
        "model.onnx": exported.model,
        "catalogue.json": exported.catalogue,
        "label.json": said,
    }
