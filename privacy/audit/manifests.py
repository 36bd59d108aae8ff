"""A release beside the log: its signed manifest, its entry, its proof, and the guarantee it states."""

import hashlib
import re
from typing import Any, NamedTuple

from privacy.audit.accounting import account
from privacy.audit.beside import check_beside
from privacy.audit.faults import Broken
from privacy.audit.figures import LAST_DIGIT
from privacy.audit.forms import NotCanonical, decimal, raw_bytes, read
from privacy.audit.heads import Roots, Seen, check_prefix
from privacy.audit.labels import Label
from privacy.audit.notes import Proof, verified
from privacy.audit.state import Log, Published
from privacy.audit.tally import Tally
from privacy.audit.tree import climb

PREFIX = b"penchant release manifest v1\n"
_FILE = re.compile(rb'\{"manifest":(\{.*\}),"signature":"([A-Za-z0-9+/]{86}==)"\}')
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/ -]{0,99}")
FIELDS = {
    "line": str, "sequence": int, "sha256": str, "size": int, "issued": int, "expires": int, "rollout": str,
    "label_digest": str, "privacy": dict,
}  # fmt: skip
STATED = ("delta", "epsilon", "neighboring_relation", "private", "trust", "unit")


class Release(NamedTuple):
    """A release of the bundle, read and not yet believed.

    Args:
        where: its place, for people.
        data: the manifest file.
        manifest: its body.
        label: beside it.
        proof: of its entry.
    """

    where: str
    data: bytes
    manifest: dict[str, Any]
    label: Label
    proof: Proof

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest file, hex."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def name(self) -> str:
        """The release as people write it."""
        return f"{self.manifest['line']}/{self.manifest['sequence']}"


def read_manifest(data: bytes, where: str) -> dict[str, Any]:
    """Read a manifest's body without believing it.

    Raises:
        Broken: the file is no manifest of this version.
    """
    try:
        body = read(data)["manifest"] if _FILE.fullmatch(data) else None
        if isinstance(body, dict) and _sound(body):
            return body
    except NotCanonical as problem:
        raise Broken("release.form", where, f"{problem}") from None
    raise Broken("release.form", where, "a field is missing, unknown, mistyped or out of range")


def _sound(body: dict[str, Any]) -> bool:
    if body.keys() != FIELDS.keys() or any(type(body[name]) is not kind for name, kind in FIELDS.items()):
        return False
    stated = body["privacy"]
    if tuple(sorted(stated)) != STATED or not all(isinstance(value, str) for value in stated.values()):
        return False
    epsilon, private = decimal(stated["epsilon"]), stated["private"]
    return (
        _LINE.fullmatch(body["line"]) is not None
        and all(_DIGEST.fullmatch(body[name]) is not None for name in ("sha256", "label_digest"))
        and body["sequence"] >= 1
        and body["size"] >= 1
        and 0 <= body["issued"] < body["expires"]
        and 0 <= decimal(body["rollout"]) <= 1
        and 0 < decimal(stated["delta"]) < 1
        and epsilon >= 0
        and (private == "false" or (private == "true" and epsilon < float("inf")))
    )


def check_logged(release: Release, log: Log, roots: Roots) -> Published:
    """Return the entry that publishes a release, if manifest, entry and proof belong together.

    Raises:
        Broken: they do not.
    """
    where, manifest = release.where, release.manifest
    published = log.published.get(release.digest)
    name = (manifest["line"], manifest["sequence"])
    if published is None or (published.line, published.sequence) != name:
        raise Broken("release.logged", where, f"no entry publishes this manifest as {release.name}")
    found = _FILE.fullmatch(release.data)
    key = log.key_at(published.at, "release")
    if found is None or not verified(key, PREFIX + found[1], raw_bytes(found[2].decode())):
        raise Broken("release.signature", where, "the key of releases did not sign it")
    _check_proof(release, published, log, roots)
    return published


def _check_proof(release: Release, published: Published, log: Log, roots: Roots) -> None:
    proof, where = release.proof, release.where
    head = proof.head
    if head.origin != log.origin or not head.signed_by(log.key_at(head.size)):
        raise Broken("release.proof", where, f"its head is not signed by the key of {log.origin}")
    check_prefix(Seen(head, where), roots, "release.proof")
    leaf = b'{"kind":"release_published","line":"%b","manifest":"%b","sequence":%d}' % (
        published.line.encode(),
        release.digest.encode(),
        published.sequence,
    )
    root = climb(leaf, index=proof.index, size=head.size, path=proof.path)
    if proof.index != published.at or root != head.root:
        raise Broken("release.proof", where, f"it does not lead from entry {published.at} to its head")
    check_beside(proof, where)


def check_label_of(release: Release, published: Published, log: Log) -> None:
    """Return only if the label is the signed one, of this release, up to just before it was published.

    Raises:
        Broken: it is another.
    """
    body, manifest, where = release.label.body, release.manifest, release.where
    if release.label.digest != manifest["label_digest"]:
        raise Broken("label.digest", where, "the manifest names another label")
    for name in ("line", "sequence", "issued", "expires"):
        if body[name] != manifest[name]:
            raise Broken("label.release", where, f"{name} is {body[name]} there and {manifest[name]} here")
    if body["origin"] != log.origin:
        raise Broken("label.release", where, f"it is of the log {body['origin']}")
    if not published.costly < body["entries"] <= published.at:
        says = f"it is of the first {body['entries']} entries; entry {published.costly} changed what it says"
        raise Broken("label.release", where, says)


def check_guarantee(release: Release, published: Published, tally: Tally) -> None:
    """Return only if a manifest states no less than was spent, and the log let it go out.

    Raises:
        Broken: it does not, or the log did not.
    """
    stated, declared, where = release.manifest["privacy"], tally.declared, release.where
    for name in ("neighboring_relation", "trust", "unit"):
        if stated[name] != declared[name]:
            raise Broken(
                "release.guarantee", where, f"{name} is {stated[name]}, the line declared {declared[name]}"
            )
    if decimal(stated["delta"]) != declared["delta"]:
        raise Broken(
            "release.guarantee", where, f"delta is {stated['delta']}, the line declared {declared['delta']}"
        )
    spent = account(tally.costs["line"], declared["delta"]).epsilon
    if decimal(stated["epsilon"]) < spent - LAST_DIGIT:
        raise Broken(
            "release.guarantee", where, f"it states epsilon {stated['epsilon']}, {spent:.6f} was spent"
        )
    if stated["private"] == "true" and not published.private:
        raise Broken("release.guarantee", where, "it states privacy for a line stamped not private")
    if published.private and published.uncovered:
        raise Broken(
            "release.uncovered", where, f"line {published.line} used private data outside epsilon before"
        )
    if published.private and not release.label.body["verdict"]["may_go_out"]:
        because = "; ".join(release.label.body["verdict"]["because"])
        raise Broken("release.blocked", where, f"it was published although {because}")
