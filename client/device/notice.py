"""What a person is shown before they decide: fetched from a service, or the one that needs none."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from client.device.purposes import LOCAL, PURPOSES, Purpose
from privacy.canonical import JSON, encode
from privacy.errors import PrivacyError

TEXTS = ("language", "purpose", "text", "title", "withdrawal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice in one language, and the consent version at which it was shown.

    Args:
        purpose: what consent is asked for.
        language: BCP 47 tag.
        digest: SHA-256 of the canonical content, hex.
        content: everything to show, as JSON.
        version: the consent version the person decides on; grants carry it in If-Match.
    """

    purpose: Purpose
    language: str
    digest: str
    content: Mapping[str, JSON]
    version: int = 0

    @property
    def text(self) -> str:
        """Title, text and the way out, in plain words."""
        return "\n".join(str(self.content[name]) for name in ("title", "text", "withdrawal"))


def read_notice(content: JSON, *, version: int = 0) -> Notice | None:
    """Read a notice's content, or return None where it is none that can be shown."""
    if not isinstance(content, dict) or not all(isinstance(content.get(name), str) for name in TEXTS):
        return None
    purpose = next((known for known in PURPOSES if known == content["purpose"]), None)
    try:
        digest = hashlib.sha256(encode(content)).hexdigest()
    except PrivacyError:
        return None
    if purpose is None:
        return None
    language = str(content["language"])
    return Notice(purpose=purpose, language=language, digest=digest, content=content, version=version)


_ENGLISH = (
    "Personal rankings on this device",
    "This device keeps what you meet, encrypted, for at most 180 days and ranks by it. Nothing leaves it for this.",
    "Switch it off at any time: your events and everything learnt from them are deleted unless you keep them.",
    "What you meet on this device; no part of it leaves.",
)
_GERMAN = (
    "Persönliche Ranglisten auf diesem Gerät",
    "Dieses Gerät merkt sich, verschlüsselt und höchstens 180 Tage lang, was Sie ansehen, und ordnet danach. "
    "Dafür verlässt nichts das Gerät.",
    "Sie können es jederzeit abschalten: Ihre Ereignisse und alles daraus Gelernte werden gelöscht, "
    "wenn Sie sie nicht behalten.",
    "Was Sie auf diesem Gerät ansehen; nichts davon verlässt es.",
)
_OWN = {"en": _ENGLISH, "de": _GERMAN}


def own_notice(language: str) -> Notice:
    """Return the notice of local personalization that ships with the device, in English where there is no other."""
    named = language.split("-")[0].lower()
    spoken = named if named in _OWN else "en"
    title, text, withdrawal, data = _OWN[spoken]
    content: dict[str, JSON] = {
        "data": data,
        "edition": 1,
        "language": spoken,
        "purpose": LOCAL,
        "recipients": [],
        "retention_days": 180,
        "text": text,
        "title": title,
        "withdrawal": withdrawal,
    }
    digest = hashlib.sha256(encode(content)).hexdigest()
    return Notice(purpose=LOCAL, language=spoken, digest=digest, content=content)
