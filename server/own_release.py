"""Releases of lines that this service trains: labelled from its own log, logged and published in one transaction."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from privacy.acts import KeyPurpose
from privacy.channel import LABEL, MANIFEST, NAMES, PROOF, Pointer
from privacy.checkpoint import LogProof
from privacy.errors import PrivacyError
from privacy.events import ReleasePublished, decode_event
from privacy.keys import VerifyKey
from privacy.manifest import TrustAnchors, open_manifest
from privacy.succession import MOST_ROTATIONS, read_steps
from privacy.withdrawal import encode_withdrawal, parts
from server.ledger_store import LogKey, StoredLedger
from server.line_policy import hold_line
from server.logs import Logs
from server.release_store import WITHDRAWAL, ReleaseStore
from server.releases import Published, ReleaseRefused

TO_LOG = tuple(name for name in NAMES if name != PROOF)
"""What a publisher brings: everything but the proof, which the log makes."""
CARRIED: tuple[KeyPurpose, ...] = ("log", "release")
"""Whose rotations go along with a release: its devices pin a key of the log and one of releases."""


def log_and_publish(
    connection: Connection,
    line: str,
    files: Mapping[str, str],
    *,
    release_key: VerifyKey,
    logs: Logs,
    now: int,
) -> Published:
    """Record a release in this service's log and publish it with its proof; both or neither.

    Args:
        connection: the transaction.
        line: declared in this log.
        files: SHA-256 by name, of files put here before.
        release_key: signs the line's manifests.
        logs: who signs the log.
        now: seconds since 1970 UTC.

    Raises:
        ReleaseRefused: its label is not what this log says, or lets it not out.
    """
    if set(files) != set(TO_LOG):
        raise ReleaseRefused(f"a release of this service's log is published with {', '.join(TO_LOG)}")
    hold_line(connection, line)
    store, ledger = ReleaseStore(connection), StoredLedger(connection)
    held = store.read(files)
    if missing := [name for name in TO_LOG if name not in held]:
        raise ReleaseRefused(f"the release lacks {', '.join(missing)}")
    try:
        manifest = open_manifest(held[MANIFEST], release_key)
        _check_label(held[LABEL], ledger, line, logs.public.origin)
    except PrivacyError as problem:
        raise ReleaseRefused(f"the release is not signed and labelled: {problem}") from None
    digest = hashlib.sha256(held[MANIFEST]).hexdigest()
    event = ReleasePublished(line=line, sequence=manifest.sequence, manifest=digest)
    ledger.append(event)
    ledger.keep_head(logs.public)
    whole = _with_proof(store, files, ledger.proof(event, logs.public, purposes=CARRIED))
    trust = store.trust_in(logs.public.origin) or TrustAnchors(
        origin=logs.public.origin, release_key=release_key, log_key=logs.public.key.public
    )
    return store.publish(line, whole, trust=trust, now=now)


def prove_anew(connection: Connection, by: LogKey) -> None:
    """Prove what devices are shown of this log with the rotations of now beside it, for apps that pin a later key.

    Args:
        connection: the transaction.
        by: who signs the log now.

    Raises:
        KeyNotApproved: two people replaced this key.
    """
    store, ledger = ReleaseStore(connection), StoredLedger(connection)
    rotations = [(at, event.purpose) for at, event in ledger.rotations()]
    if not any(purpose in CARRIED for _, purpose in rotations):
        return
    head = ledger.checkpoint(by)

    def again(proof: bytes, *purposes: KeyPurpose) -> bytes:
        old = LogProof.decode(proof)
        needed = [at for at, purpose in rotations if purpose in purposes][-MOST_ROTATIONS:]
        steps = read_steps(old.extra, origin=by.origin) if old.extra else ()
        same = [step.index for step in steps] == needed
        return proof if same else ledger.proof_at(old.index, head, purposes=purposes)

    def anew(release: Published) -> Published:
        if release.state == "withdrawn":
            leaf, proof = parts(store.read({WITHDRAWAL: release.withdrawal})[WITHDRAWAL])
            shown = encode_withdrawal(decode_event(leaf), again(proof, "log"))
            return replace(release, withdrawal=store.put(shown))
        if release.state == "expired":
            return release
        proof = again(store.read({PROOF: release.files.files[PROOF]})[PROOF], *CARRIED)
        return replace(release, files=_with_proof(store, release.files.files, proof))

    for line in store.lines(by.origin):
        store.change(
            line, lambda held: replace(held, releases={at: anew(each) for at, each in held.releases.items()})
        )


def _with_proof(store: ReleaseStore, files: Mapping[str, str], proof: bytes) -> Pointer:
    return Pointer({**files, PROOF: store.put(proof)})


def _check_label(data: bytes, ledger: StoredLedger, line: str, origin: str) -> None:
    """Make the label again from the log, as it was and as it is: a figure that moved since asks for a new label.

    Raises:
        ReleaseRefused, ReleaseBlocked, LabelError: it must not go out.
    """
    # With the accountants behind it, which take seconds to load.
    from privacy.label import Label, declared_in, make_label, read_label

    label = read_label(data)
    label.require()
    if (label.line, label.origin) != (line, origin):
        raise ReleaseRefused(f"the label is of {label.line} in {label.origin}, not of {line} in {origin}")
    events = ledger.events()

    def again(entries: int) -> Label:
        return make_label(
            events[:entries],
            line,
            origin=origin,
            sequence=label.sequence,
            issued=label.issued,
            expires=label.expires,
            declared=declared_in(label),
        )

    if again(label.entries) != label:
        raise ReleaseRefused("the label does not follow from this log's entries")
    now = again(len(events))
    moved = sorted(
        name
        for name, figure in now.figures.items()
        if name != "consent_anchors" and label.figures.get(name) != figure
    )
    if moved:
        raise ReleaseRefused(f"since the label was made {', '.join(moved)} moved: label the release anew")
