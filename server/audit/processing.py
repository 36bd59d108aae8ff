"""The record of processing activities (GDPR Article 30), as far as notices, log and code say it."""

from privacy.label_words import evidence_of
from server.audit.consent_policy import english
from server.audit.documents import Document, Points, Table, fill
from server.audit.gathering import Evidence
from server.audit.pack_pages import label_name
from server.consent import PURPOSES, SENDS

SECURITY = (
    "Events stay on the device, encrypted row by row (AES-256-GCM) under weekly keys, destroyed to forget.",
    "What leaves is a clipped contribution to a sum; the sum gets noise before anything is made of it.",
    "Devices sign every request with a key of their own (Ed25519, RFC 9421); replays count once.",
    "Budgets, notices, keys and promotions change by two people with their own credentials; every use is recorded.",
    "Releases, log and receipts are signed by keys kept apart; devices refuse what is not signed and logged.",
    "After a restore from backup all consent is denied until the person's own device confirms it.",
)
"""Article 30(1)(g) and 32(1), each held by tests of this repository."""
SUBJECTS = "people who use the app and agreed, each for that purpose alone"


def processing_record(found: Evidence) -> Document:
    """Return the record, with what only the controller can say marked."""
    controller = found.controller or fill("name of the controller")
    return Document(
        name="processing",
        title="Record of processing activities",
        lead=(
            "After Article 30(1) of the General Data Protection Regulation. It is filled from the notices, the "
            "public log and the code; what only the controller can say is marked."
        ),
        sections=(
            (
                "Controller (a)",
                (
                    Points(
                        (
                            f"Name and contact: {controller}, {fill('address and contact of the controller')}",
                            f"Others: {fill('representative and joint controllers, or none')}",
                            f"Data protection officer: {fill('contact of the data protection officer')}",
                        )
                    ),
                ),
            ),
            (
                "Purposes, people, data, recipients, time limits (b, c, d, f)",
                (_activities(found), _service()),
            ),
            (
                "Transfers to third countries (e)",
                (f"Transfers: {fill('where service and backups are hosted, and the safeguards')}.",),
            ),
            ("Technical and organisational measures (g)", (Points(SECURITY),)),
            ("Releases made of it", (_releases(found),)),
        ),
    )


def _activities(found: Evidence) -> Table:
    rows = []
    for purpose in PURPOSES:
        notice = english(found, purpose)
        if notice is None:
            continue
        recipients = notice.content["recipients"]
        told = ", ".join(map(str, recipients)) if isinstance(recipients, list) and recipients else "nobody"
        where = "leaves the device" if purpose in SENDS else "stays on the device"
        rows.append(
            (
                str(notice.content["title"]),
                SUBJECTS,
                f"{notice.content['data']} ({where})",
                told,
                f"{notice.content['retention_days']} days",
                "consent, Article 6(1)(a)",
            )
        )
    return Table(
        "Processing by purpose",
        ("purpose", "people", "personal data", "recipients", "kept for", "legal basis"),
        tuple(rows),
    )


def _service() -> Table:
    rows = (
        (
            "Keeping consent",
            "people with an enrolled device",
            "pseudonym, decisions, signed receipts with the notice shown; no e-mail, address or place",
            "nobody",
            "until erased by the person, or a backup is not confirmed",
            "legal obligation to prove consent, Article 7(1)",
        ),
        (
            "Administering the service",
            "staff with a credential",
            "name, role, what they did and when",
            "auditors",
            fill("how long the record of administration is kept"),
            fill("legal basis towards staff"),
        ),
    )
    return Table(
        "Processing by the service itself",
        ("purpose", "people", "personal data", "recipients", "kept for", "legal basis"),
        rows,
    )


def _releases(found: Evidence) -> Table:
    rows = tuple(
        (
            f"{label.line}, release {label.sequence}",
            "may go out" if label.may_go_out else "must not go out",
            evidence_of(label, "trust").partition(",")[0],
            f"labels/{label_name(label)}.html",
        )
        for label in found.labels
    )
    none = (("none yet", "-", "-", "-"),)
    return Table("Published models", ("release", "verdict", "trust", "privacy label"), rows or none)
