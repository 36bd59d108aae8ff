"""A made-up publisher with everything a log can hold, and the bundles it, or whoever stole its keys, would write."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from privacy.acts import (
    AuditMeasured,
    CapChanged,
    ConsentRootAnchored,
    KeyRotated,
    MetricReleased,
    PeriodStarted,
    ReleaseWithdrawn,
    TuningAccounted,
)
from privacy.bundle import Bundle, BundledRelease, lines, write_bundle
from privacy.checkpoint import Checkpoint, LogProof, sign_checkpoint
from privacy.errors import PrivacyError
from privacy.events import Event, ReleasePublished, decode_event, encode_event
from privacy.keys import SigningKey
from privacy.label import make_label
from privacy.manifest import Manifest, TrustAnchors, sign_manifest, state
from privacy.rotation import rotated
from privacy.succession import carry
from privacy.terms import Guarantee
from privacy.tree import Tree
from tests.log_made import LINE, ORIGIN, SAID, declared, one_round, opening

DAY, NOW = 86_400, 1_800_000_000
LOG, LOG_NEXT, RELEASE, RELEASE_NEXT = (SigningKey.from_seed(bytes([seed]) * 32) for seed in b"lmrs")
TRUST = TrustAnchors(origin=ORIGIN, release_key=RELEASE.public, log_key=LOG.public)
OTHER = "another-line"


@dataclass(slots=True)
class Publisher:
    """A log and its releases; whatever is changed here is signed again by whoever holds every key.

    Args:
        events: the log.
        releases: manifest and label of each, in the log's order.
        heads: sizes at which a head was signed.
    """

    events: list[Event] = field(default_factory=list)
    releases: list[tuple[bytes, bytes]] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    key: SigningKey = RELEASE

    def publish(self, line: str, sequence: int, *, epsilon: float, private: bool = True) -> None:
        """Label, sign and log a release."""
        label = make_label(
            self.events, line, origin=ORIGIN, sequence=sequence, issued=NOW, expires=NOW + DAY, declared=SAID
        ).encode()
        self.sign(line, sequence, label, epsilon=epsilon, private=private)

    def sign(
        self, line: str, sequence: int, label: bytes, *, epsilon: float = 4.0, private: bool = True
    ) -> None:
        """Sign and log a release with a label as it is."""
        guarantee = Guarantee(
            epsilon=epsilon, delta=5e-4, unit="enrolled_subject", neighboring_relation="add_or_remove_one",
            trust="central",
        )  # fmt: skip
        manifest = Manifest(
            line=line, sequence=sequence, sha256="7" * 64, size=9, issued=NOW, expires=NOW + DAY, rollout=1.0,
            label_digest=hashlib.sha256(label).hexdigest(), privacy=state(guarantee, private=private),
        )  # fmt: skip
        signed = sign_manifest(manifest, self.key)
        self.releases.append((signed, label))
        digest = hashlib.sha256(signed).hexdigest()
        self.events.append(ReleasePublished(line=line, sequence=sequence, manifest=digest))
        self.heads.append(len(self.events))

    def bundle(self) -> Bundle:
        """Return the bundle of everything, heads and proofs signed over the log as it is now."""
        return seal([encode_event(event) for event in self.events], self.releases, self.heads)


def seal(
    leaves: Sequence[bytes], releases: Sequence[tuple[bytes, bytes]], heads: Sequence[int] = ()
) -> Bundle:
    """Return a bundle over these leaves, signed by whoever holds every key of the log.

    Args:
        leaves: the log.
        releases: manifest and label of each; one that the log does not publish has a proof of the last leaf.
        heads: sizes at which heads were signed, beside the newest.
    """
    tree, size = Tree(leaves), len(leaves)
    rotations = [
        at for at, leaf in enumerate(leaves) if b'"purpose":"log"' in leaf and b"key_rotated" in leaf
    ]

    def head(at: int) -> bytes:
        key = LOG_NEXT if rotations and at > rotations[0] else LOG
        return sign_checkpoint(Checkpoint(ORIGIN, at, tree.root(at)), key)

    def proof(manifest: bytes) -> bytes:
        digest = hashlib.sha256(manifest).hexdigest().encode()
        found = [at for at, leaf in enumerate(leaves) if digest in leaf] or [size - 1]
        extra = carry(tree, rotated_in(leaves), purposes=("log", "release"), size=size)
        return LogProof(found[0], tree.inclusion_proof(found[0], size), head(size), extra).encode()

    return Bundle(
        trust=TRUST.encode(),
        checkpoints=[head(at) for at in sorted({*(at for at in heads if at < size), size})],
        releases=[BundledRelease(manifest=m, label=label, proof=proof(m)) for m, label in releases],
        entries=leaves,
        size=size,
    )


def rotated_in(leaves: Sequence[bytes]) -> list[tuple[int, KeyRotated]]:
    """Return the rotations of a log that can be read."""
    found = []
    for at, leaf in enumerate(leaves):
        with suppress(PrivacyError):
            if isinstance(event := decode_event(leaf), KeyRotated):
                found.append((at, event))
    return found


def written(folder: Path, bundle: Bundle) -> Path:
    """Write a bundle where nothing else is and return its path."""
    path = folder / "made.bundle"
    write_bundle(path, bundle)
    return path


@cache
def _simple() -> Publisher:
    made = Publisher(list(opening()))
    for number in (1, 2, 3):
        made.events += one_round(number)
    made.events.append(ConsentRootAnchored(number=1, commitment="5" * 64))
    made.heads += [3, 9]
    made.publish(LINE, 1, epsilon=4.0)
    return made


@cache
def _rich() -> Publisher:
    made = Publisher(list(_simple().events), list(_simple().releases), list(_simple().heads))
    shared = {"mechanism": "gaussian", "clipping_norm": 1.0, "sampling_rate": 1.0, "line": LINE}
    people = {"proposed_by": "ann", "approved_by": "bob"}
    made.events += [
        declared(OTHER),
        CapChanged(line=LINE, scope="line", epsilon=3.9, **people),
        rotated(LOG, LOG_NEXT, origin=ORIGIN, purpose="log", **people),
        rotated(RELEASE, RELEASE_NEXT, origin=ORIGIN, purpose="release", **people),
        PeriodStarted(line=LINE, period=2, starts=NOW),
        MetricReleased(metric="hit rate", number=1, noise_multiplier=30.0, **shared),  # type: ignore[arg-type]
        TuningAccounted(number=1, noise_multiplier=60.0, looks=4, **shared),  # type: ignore[arg-type]
        AuditMeasured(
            line=LINE, method="canaries", epsilon_lower=0.5, delta=5e-4, confidence=0.95, evidence="6" * 64
        ),
        ConsentRootAnchored(number=2, commitment="8" * 64),
        *list(one_round(1, line=OTHER, rate=0.5))[:2],
        *one_round(4, noise=20.0, rate=0.25),
    ]
    made.key = RELEASE_NEXT
    made.publish(LINE, 2, epsilon=4.0)
    made.events += [
        ReleaseWithdrawn(line=LINE, sequence=1, reason="replaced"),
        PeriodStarted(line=LINE, period=3, starts=NOW + 365 * DAY),
        ConsentRootAnchored(number=3, commitment="9" * 64),
    ]
    return made


def simple() -> Publisher:
    """Return a log with three rounds and one release."""
    return _copied(_simple())


def rich() -> Publisher:
    """Return a log with every kind of event but a stamp, two lines, two releases and two rotated keys."""
    return _copied(_rich())


def _copied(made: Publisher) -> Publisher:
    return Publisher(list(made.events), list(made.releases), list(made.heads), made.key)


def lines_of(bundle: Bundle) -> list[bytes]:
    """Return a bundle's lines but the seal, without their ends."""
    return [line.removesuffix(b"\n") for line in lines(bundle)]


def sealed(some: Sequence[bytes]) -> bytes:
    """Return the bundle of these lines with a seal that fits: what anybody can make."""
    body = b"".join(line + b"\n" for line in some)
    return body + b'{"sha256":"%b"}\n' % hashlib.sha256(body).hexdigest().encode()
