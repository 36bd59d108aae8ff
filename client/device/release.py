"""Open a release folder: verify, then parse. Nothing but signed, logged, current bytes reaches a parser."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from client.device.guard import MAX_BYTES, check_model
from client.errors import ClientError
from models.catalogue import Listing
from models.catalogue_file import decode_catalogue
from models.catalogue_view import CatalogueView
from models.errors import ModelError
from privacy.attested import Attested, Seen, attest
from privacy.channel import CATALOGUE, LABEL, MANIFEST, MODEL, PROOF
from privacy.errors import PrivacyError
from privacy.manifest import Manifest, TrustAnchors

CAPS = {MANIFEST: 2**16, PROOF: 2**16, MODEL: MAX_BYTES, CATALOGUE: MAX_BYTES, LABEL: 2**18}


class ReleaseError(ClientError):
    """The files are not a release this device may use; the subclasses say what to do."""

    code = "release_refused"


class ReleaseIncomplete(ReleaseError):
    """A file is missing or too long: the caller fetches the release again."""

    code = "release_incomplete"


class ReleaseForged(ReleaseError):
    """Signature, digest, log proof or contents do not hold: the caller discards the files and reports it."""

    code = "release_forged"


class ReleaseExpired(ReleaseError):
    """The release is past its last day: the caller asks for a newer one."""

    code = "release_expired"


class ReleaseOlder(ReleaseError):
    """The device already holds a newer release: the caller keeps that one."""

    code = "release_older"


@dataclass(frozen=True, slots=True)
class VerifiedRelease:
    """A release whose every byte is covered by the pinned keys.

    Args:
        manifest: what was signed.
        model: the guarded model's bytes.
        catalogue: the items the model ranks, in its order.
        seen: the keys over which it was believed.
    """

    manifest: Manifest
    model: bytes
    catalogue: Listing
    seen: Seen

    @property
    def name(self) -> str:
        """The release's name, ``line/sequence``."""
        return f"{self.manifest.line}/{self.manifest.sequence}"


def read_folder(folder: Path) -> dict[str, bytes]:
    """Read a release folder into memory once, so that what is verified is what is used.

    Raises:
        ReleaseIncomplete: a file is missing, unreadable or longer than its cap.
    """
    files = {}
    for name, cap in CAPS.items():
        try:
            with (folder / name).open("rb") as file:
                files[name] = file.read(cap + 1)
        except OSError as error:
            raise ReleaseIncomplete(f"{name} of the release cannot be read: {error.strerror}") from None
    return files


def open_release(
    files: Mapping[str, bytes],
    *,
    trust: TrustAnchors,
    now: int,
    held: Manifest | None = None,
    expired: bool = False,
    known: bool = False,
) -> VerifiedRelease:
    """Verify a release against the pinned keys, then parse it.

    Args:
        files: the files by name, as `read_folder` returns them.
        trust: the pinned log origin, release key and log key; rotations in the log lead to later keys.
        now: the present, in seconds since 1970 UTC.
        held: manifest of the release this device already uses.
        expired: let a release past its last day through, for ranking public content without any person.
        known: this release was opened here before: every byte is held to its digest again, what the bytes mean is
            not held to the catalogue's form a second time.

    Raises:
        ReleaseError: one of its subclasses, by what the caller does next.
        GuardError: the signed model is not one this device runs.
    """
    for name, cap in CAPS.items():
        if name not in files or len(files[name]) > cap:
            raise ReleaseIncomplete(f"{name} of the release is missing or longer than {cap} bytes")
    manifest, seen = _verified(files, trust)
    if now >= manifest.expires and not expired:
        raise ReleaseExpired(f"release {manifest.sequence} expired: ask for a newer one")
    if held is not None:
        check_succession(manifest, held)
    metadata = check_model(files[MODEL])
    if metadata.get("catalogue_sha256") != hashlib.sha256(files[CATALOGUE]).hexdigest():
        raise ReleaseForged("catalogue.json is not the catalogue the model was signed with")
    try:
        if not known:
            decode_catalogue(
                files[CATALOGUE]
            )  # all of it at once, many times its bytes: validated and let go
        catalogue = CatalogueView(files[CATALOGUE])
    except ModelError as error:
        raise ReleaseForged(f"the signed catalogue is malformed: {error}") from None
    if metadata.get("items") != str(len(catalogue)):
        raise ReleaseForged("model and catalogue have different numbers of items")
    return VerifiedRelease(manifest, files[MODEL], catalogue, seen)


def open_signed(manifest: bytes, proof: bytes, trust: TrustAnchors) -> Attested:
    """Return the manifest once keys and log agree with it: all there is to know before anything larger is read.

    Raises:
        ReleaseForged: they do not.
    """
    try:
        return attest(manifest, proof, trust)
    except PrivacyError as error:
        raise ReleaseForged(f"the release is not signed and logged by the pinned keys: {error}") from None


def _verified(files: Mapping[str, bytes], trust: TrustAnchors) -> Attested:
    """Return the manifest once key, log and model digest agree with it."""
    attested = open_signed(files[MANIFEST], files[PROOF], trust)
    manifest = attested.manifest
    model = files[MODEL]
    if len(model) != manifest.size or hashlib.sha256(model).hexdigest() != manifest.sha256:
        raise ReleaseForged("model.onnx is not the file that was signed")
    if hashlib.sha256(files[LABEL]).hexdigest() != manifest.label_digest:
        raise ReleaseForged("label.json is not the privacy label that was signed")
    return attested


def check_succession(manifest: Manifest, held: Manifest) -> None:
    """Refuse what cannot follow, or be, the release a device already uses.

    Raises:
        ReleaseForged, ReleaseOlder: it can be neither.
    """
    if manifest.line != held.line:
        raise ReleaseForged("the release is of another line than the one this device follows")
    if manifest.sequence < held.sequence:
        raise ReleaseOlder(f"release {manifest.sequence} is older than release {held.sequence}, held here")
    if manifest.sequence == held.sequence and manifest != held:
        raise ReleaseForged(f"two releases carry the number {held.sequence}")
