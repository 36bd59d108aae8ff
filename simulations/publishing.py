"""Label a trained model, and publish it if nothing stands against that; a blocked one becomes a draft, in no log."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from models.export import ExportedRelease
from privacy.events import ReleasePublished
from privacy.keys import SigningKey
from privacy.label import Label, make_label
from privacy.label_page import page
from privacy.label_rows import Declarations
from privacy.ledger import Ledger
from privacy.manifest import Manifest, TrustAnchors, sign_manifest, state
from simulations.line import ReleaseLine

DAY = 86_400
RELEASE, DRAFT = "release", "draft"
"""Folders: what may go out, and what must not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A labelled model with everything that stands beside it.

    Args:
        label: whether it may go out, and why not.
        trust: whom a device must pin to take it: the line's keys, or for a draft keys that nobody else knows.
        files: by name.
    """

    label: Label
    trust: TrustAnchors
    files: Mapping[str, bytes]

    @property
    def folder(self) -> str:
        """Where in the run's folder it lies."""
        return RELEASE if self.label.may_go_out else DRAFT


def publish(line: ReleaseLine, exported: ExportedRelease, declared: Declarations) -> Publication:
    """Label the line's model, sign it, and log it if its label lets it out.

    A draft is signed by a key made for it and stands in a log of its own, so that the simulation can open it the way
    a device would, and no device that pins the line's keys ever does.

    Args:
        line: its ledger holds everything but the release.
        exported: the model.
        declared: what no ledger can show.
    """
    now = int(time.time())
    name, expires = line.scenario.line.name, now + line.scenario.line.release_expires_days * DAY
    label = make_label(
        line.ledger.events,
        name,
        origin=line.origin,
        sequence=1,
        issued=now,
        expires=expires,
        declared=declared,
    )
    signer, ledger, trust = line.release_key, line.ledger, line.anchors
    if not label.may_go_out:
        signer, log_key = SigningKey.generate(), SigningKey.generate()
        origin = f"draft.{line.origin}"
        ledger = Ledger(origin, log_key)
        trust = TrustAnchors(origin=origin, release_key=signer.public, log_key=log_key.public)
    manifest = sign_manifest(
        Manifest(
            line=name,
            sequence=label.sequence,
            sha256=exported.sha256,
            size=exported.size,
            issued=now,
            expires=expires,
            rollout=1.0,
            label_digest=label.digest,
            privacy=state(line.spent(), private=line.scenario.private),
        ),
        signer,
    )
    digest = hashlib.sha256(manifest).hexdigest()
    index = ledger.append(ReleasePublished(line=name, sequence=label.sequence, manifest=digest))
    if label.may_go_out:
        line.mark()
    return Publication(
        label=label,
        trust=trust,
        files={
            "model.onnx": exported.model,
            "catalogue.json": exported.catalogue,
            "manifest.json": manifest,
            "manifest.proof": ledger.proof(index),
            "label.json": label.encode(),
            "label.html": page(label).encode(),
            "trust.json": trust.encode(),
        },
    )


def declarations(line: ReleaseLine, *, public_catalogue: bool) -> Declarations:
    """Return what the scenario's owner says, without what this run shows to be untrue.

    Args:
        line: of the scenario.
        public_catalogue: whether the items were known beforehand, not read off somebody's interactions.
    """
    said = Declarations(**line.scenario.declared.model_dump())
    return said if public_catalogue else replace(said, pretraining="")
