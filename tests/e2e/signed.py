"""A tiny release, signed and logged by keys made for the test."""

import hashlib
import math
from dataclasses import dataclass

from models.export import ExportedRelease, export_release
from privacy.events import ReleasePublished
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from privacy.manifest import Manifest, TrustAnchors, sign_manifest, state
from privacy.terms import Guarantee
from tests.made import catalogue, parameters

NOW = 1_768_000_000
DAY = 86_400
ORIGIN = "log.example/test"
NO_GUARANTEE = Guarantee(
    epsilon=math.inf,
    delta=1e-6,
    unit="enrolled_subject",
    neighboring_relation="add_or_remove_one",
    trust="central",
)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Whoever holds the release key and the log."""

    release_key: SigningKey
    log_key: SigningKey

    @property
    def trust(self) -> TrustAnchors:
        return TrustAnchors(origin=ORIGIN, release_key=self.release_key.public, log_key=self.log_key.public)

    def publish(
        self,
        exported: ExportedRelease,
        *,
        sequence: int = 1,
        rollout: float = 1.0,
        label: bytes = b"{}",
        days: int = 30,
        ledger: Ledger | None = None,
    ) -> dict[str, bytes]:
        """Return the files of a release folder; its log is a new one unless one is given."""
        manifest = Manifest(
            line="tiny",
            sequence=sequence,
            sha256=exported.sha256,
            size=exported.size,
            issued=NOW - DAY,
            expires=NOW + days * DAY,
            rollout=rollout,
            label_digest=hashlib.sha256(label).hexdigest(),
            privacy=state(NO_GUARANTEE, private=False),
        )
        signed = sign_manifest(manifest, self.release_key)
        ledger = ledger or Ledger(ORIGIN, self.log_key)
        digest = hashlib.sha256(signed).hexdigest()
        at = ledger.append(ReleasePublished(line="tiny", sequence=sequence, manifest=digest))
        return {
            "manifest.json": signed,
            "manifest.proof": ledger.proof(at),
            "model.onnx": exported.model,
            "catalogue.json": exported.catalogue,
            "label.json": label,
        }


def publisher() -> Publisher:
    return Publisher(SigningKey.generate(), SigningKey.generate())


def tiny(items: int = 30) -> ExportedRelease:
    return export_release(parameters(items, taste=4, content=6), catalogue(items))
