"""A label from wherever an officer has it: a run's folder, a release's folder, or label.json itself."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from privacy.attested import attest
from privacy.channel import PROOF
from privacy.errors import PrivacyError
from privacy.label import MOST_BYTES, Label, read_label
from privacy.manifest import TrustAnchors, open_manifest
from server.audit.errors import SourceRefused

FOLDERS = ("release", "draft")
"""Where a run's folder holds a label: of what went out, or of what must not."""


@dataclass(frozen=True, slots=True)
class FoundLabel:
    """A label, and whether somebody stands for it.

    Args:
        label: as it was read.
        path: of its file.
        signed: whether a manifest beside it names exactly this label, signed by the key in trust.json there, or by
            one that the rotations beside its log proof lead to.
    """

    label: Label
    path: Path
    signed: bool

    @property
    def attested(self) -> str:
        """Say who stands for it."""
        if self.signed:
            return "named by the signed manifest beside it"
        return "unsigned: no manifest beside it names it"


def find_label(source: Path) -> FoundLabel:
    """Read a label, with its manifest where there is one.

    Args:
        source: label.json, a release's folder, or a run's folder.

    Raises:
        SourceRefused: there is no label, or it is not the one that the manifest beside it names.
    """
    path = _path(source)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        label = read_label(data)
        return FoundLabel(label, path, _signed(path.parent, data))
    except OSError as problem:
        raise SourceRefused(
            f"{problem.filename}: {problem.strerror}; name a release's folder, or a label.json"
        ) from None
    except PrivacyError as problem:
        raise SourceRefused(f"{path}: {problem}") from None


def _path(source: Path) -> Path:
    if not source.is_dir():
        return source
    places = [source, *(source / name for name in FOLDERS)]
    found = [place / "label.json" for place in places if (place / "label.json").is_file()]
    if not found:
        raise SourceRefused(f"{source}: no label.json here, nor in {' or '.join(FOLDERS)}/ below")
    return found[0]


def _signed(folder: Path, data: bytes) -> bool:
    manifest, trust = folder / "manifest.json", folder / "trust.json"
    if not manifest.is_file() or not trust.is_file():
        return False
    signed, proof, anchors = manifest.read_bytes(), folder / PROOF, TrustAnchors.decode(trust.read_bytes())
    if proof.is_file():
        opened = attest(signed, proof.read_bytes(), anchors).manifest
    else:  # sealed, and in no log yet
        opened = open_manifest(signed, anchors.release_key)
    if opened.label_digest != hashlib.sha256(data).hexdigest():
        raise SourceRefused(f"{folder}: label.json is not the label that manifest.json was signed with")
    return True
