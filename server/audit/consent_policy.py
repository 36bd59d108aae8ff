"""The consent policy as it is enforced, with every notice in full, for an officer's file."""

from collections.abc import Iterator

from server.audit.documents import Block, Document, Points, Table
from server.audit.gathering import Evidence
from server.consent import DAY, GRANTS_AN_HOUR, LIFETIME, PURPOSES, QUIET, SENDS
from server.notices import Notice

GUARANTEES: tuple[tuple[str, str, str], ...] = (
    ("No use after the reply", "Once a withdrawal is acknowledged, no later sum holds that person's update.",
     "tests/conformance/test_rounds.py, tests/conformance/test_consent_model.py"),
    ("No resurrection", "Consenting again makes a new version and never revives an older update.",
     "tests/conformance/test_rounds.py"),
    ("Absence is denial", "Missing, expired, unreadable or unknown means no; strangers learn nothing about anyone.",
     "tests/property/test_consent.py, tests/e2e/test_strangers.py"),
    ("Fail closed", "If consent cannot be read when a round commits, the round aborts.",
     "tests/conformance/test_conductor.py"),
    ("The device first", "The local switch acts at once and offline; the service is told afterwards.",
     "tests/e2e/test_device_consent.py"),
    ("Bounded effect", "A sum that holds somebody who leaves is made again without them, or the round aborts.",
     "tests/conformance/test_rounds.py"),
    ("The noise holds", "Who leaves lowers neither noise nor denominator.", "tests/conformance/test_conductor.py"),
    ("No refund", "What is spent stays spent, whoever leaves or enrols again.", "tests/property/test_budget.py"),
    ("Erasure", "Uncommitted data are deleted with the reply; no backup brings consent back.",
     "tests/e2e/test_backup.py"),
    ("Evidence", "Every decision is answered with a signed receipt that verifies offline.",
     "tests/e2e/test_consent_service.py"),
)  # fmt: skip
"""What is guaranteed, in words, and the tests that fail without it."""


def consent_policy(found: Evidence) -> Document:
    """Return the policy and the notices."""
    return Document(
        name="consent",
        title="Consent: policy and notices",
        lead=(
            "What people are asked, how their answer is kept, and what it guarantees. Every purpose is off until "
            "somebody switches it on, is decided alone, and the product works without any of them."
        ),
        sections=(
            ("Purposes", (_purposes(found),)),
            ("Rules", (_rules(),)),
            ("Guarantees", (_guarantees(),)),
            ("Publication of notices", tuple(_publication(found))),
            *((_heading(notice), tuple(_notice(notice))) for notice in found.notices),
        ),
    )


def english(found: Evidence, purpose: str) -> Notice | None:
    """Return a purpose's notice in English, or in any language where there is none."""
    listed = [notice for notice in found.notices if notice.purpose == purpose]
    return next((notice for notice in listed if notice.language == "en"), listed[0] if listed else None)


def _purposes(found: Evidence) -> Table:
    rows = []
    for purpose in PURPOSES:
        notice = english(found, purpose)
        if notice is not None:
            leaves = str(notice.content["data"]) if purpose in SENDS else "nothing"
            languages = ", ".join(sorted({n.language for n in found.notices if n.purpose == purpose}))
            rows.append((purpose, str(notice.content["title"]), leaves, languages, str(notice.edition)))
    return Table(
        "What consent is asked for",
        ("purpose", "in words", "what leaves the device", "languages", "edition"),
        tuple(rows),
    )


def _rules() -> Points:
    return Points(
        (
            f"Consent lapses after {LIFETIME // DAY} days unless it is given again.",
            f"After a refusal or a withdrawal nobody asks again for {QUIET // DAY} days.",
            "A material change of a notice ends consent under the older one: people are asked again.",
            "Withdrawing takes no more steps than agreeing, and no rate limit ever refuses it.",
            f"One person may agree at most {GRANTS_AN_HOUR} times an hour, so that nobody can stall rounds.",
            "Global Privacy Control (Sec-GPC) refuses every purpose for which something leaves the device.",
            "A person is known by a pseudonym made on their device; no e-mail, address, user agent or place is kept.",
        )
    )


def _guarantees() -> Table:
    return Table("What is guaranteed, and what holds it", ("guarantee", "in words", "held by"), GUARANTEES)


def _publication(found: Evidence) -> Iterator[Block]:
    if not found.published:
        yield (
            "The public log holds no notice: nobody can check from outside what people were shown. Until it does, "
            "every release is blocked."
        )
        return
    yield "A notice is published by two people; its digest is in the public log before anyone is asked under it."
    rows = tuple(
        (
            event.purpose,
            event.language,
            str(event.edition),
            event.proposed_by,
            event.approved_by,
            event.notice,
        )
        for event in found.published
    )
    yield Table(
        "Notices in the public log",
        ("purpose", "language", "edition", "proposed by", "approved by", "SHA-256"),
        rows,
    )


def _heading(notice: Notice) -> str:
    return (
        f"Notice: {notice.content['title']} ({notice.purpose}, {notice.language}, edition {notice.edition})"
    )


def _notice(notice: Notice) -> Iterator[Block]:
    content = notice.content
    recipients = content["recipients"]
    told = ", ".join(map(str, recipients)) if isinstance(recipients, list) and recipients else "nobody"
    yield str(content["text"])
    yield str(content["withdrawal"])
    yield Points(
        (
            f"Data: {content['data']}",
            f"Recipients: {told}",
            f"Kept for: {content['retention_days']} days",
            f"SHA-256 of its canonical content: {notice.digest}",
        )
    )
