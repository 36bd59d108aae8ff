"""Notices: what a person is shown before they decide, as data files named by the digest of their content."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import ClassVar

from privacy.canonical import JSON, CanonicalError, encode
from server.consent import PURPOSES, Purpose
from server.errors import ServerError

PROSE = ("data", "text", "title", "withdrawal")
FIELDS = {*PROSE, "edition", "language", "purpose", "recipients", "retention_days"}


class NoticeError(ServerError):
    """A notice file is not complete: the operator mends it before the service starts."""

    code: ClassVar[str] = "notice_malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice in one language.

    Args:
        purpose: what consent is asked for.
        language: BCP 47 tag.
        edition: rises with every material change, in all languages together; an older one holds no longer.
        content: everything shown, as JSON.
        digest: SHA-256 of the canonical content, hex: the notice's name in every record.
    """

    purpose: Purpose
    language: str
    edition: int
    content: Mapping[str, JSON]
    digest: str


def read_notice(text: str, *, name: str) -> Notice:
    """Read one notice file.

    Raises:
        NoticeError: names the file and what is missing or surplus.
    """
    try:
        content = json.loads(text)
        canonical = encode(content)
    except (ValueError, RecursionError, CanonicalError) as problem:
        raise NoticeError(f"{name}: not JSON without fractions: {problem}") from None
    if not isinstance(content, dict) or set(content) != FIELDS:
        raise NoticeError(f"{name}: a notice holds exactly {', '.join(sorted(FIELDS))}")
    if content["purpose"] not in PURPOSES or type(content["edition"]) is not int or content["edition"] < 1:
        raise NoticeError(f"{name}: unknown purpose, or an edition that is not 1 or more")
    if not all(isinstance(content[field], str) and content[field].strip() for field in PROSE):
        raise NoticeError(f"{name}: {', '.join(PROSE)} are sentences that a person can read")
    recipients, days = content["recipients"], content["retention_days"]
    if not isinstance(recipients, list) or not all(isinstance(each, str) for each in recipients):
        raise NoticeError(f"{name}: recipients is a list of names")
    if type(days) is not int or days < 0 or not re.fullmatch("[A-Za-z0-9-]{2,35}", str(content["language"])):
        raise NoticeError(f"{name}: retention_days is a whole number, language a BCP 47 tag")
    return Notice(
        purpose=content["purpose"],
        language=str(content["language"]),
        edition=content["edition"],
        content=content,
        digest=hashlib.sha256(canonical).hexdigest(),
    )


class Notices:
    """Every notice the service knows; older editions stay readable, the newest ones hold.

    Args:
        notices: of any purposes, languages and editions.
    """

    def __init__(self, notices: Iterable[Notice]) -> None:
        self._by_digest = {notice.digest: notice for notice in notices}
        newest = {
            purpose: max((n.edition for n in self._by_digest.values() if n.purpose == purpose), default=0)
            for purpose in PURPOSES
        }
        self._current = {
            purpose: frozenset(
                digest
                for digest, notice in self._by_digest.items()
                if notice.purpose == purpose and notice.edition == newest[purpose]
            )
            for purpose in PURPOSES
        }

    def current(self, purpose: Purpose) -> frozenset[str]:
        """Return the digests that hold now, one per language."""
        return self._current[purpose]

    def known(self) -> list[Notice]:
        """Return every notice, older editions included."""
        return list(self._by_digest.values())

    def find(self, digest: str) -> Notice | None:
        """Return a notice by its digest, older editions included."""
        return self._by_digest.get(digest)

    def listed(self, language: str | None = None) -> list[Notice]:
        """Return the notices that hold now, ordered, in one language or in all."""
        found = [self._by_digest[digest] for purpose in PURPOSES for digest in self._current[purpose]]
        return sorted(
            (notice for notice in found if language in (None, notice.language)),
            key=lambda notice: (notice.purpose, notice.language),
        )


def shipped_notices() -> Notices:
    """Read the notices that come with the service, English and German."""
    folder = files("server") / "notices_data"
    return Notices(
        read_notice(file.read_text(encoding="utf-8"), name=file.name)
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json")
    )
