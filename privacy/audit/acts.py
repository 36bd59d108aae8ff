"""The rules of what people do around rounds: two persons, notices, hazards and keys."""

import json

from privacy.audit.faults import Broken
from privacy.audit.forms import NotCanonical, raw_bytes
from privacy.audit.grammar import Entry
from privacy.audit.notes import verified
from privacy.audit.state import Log

ROTATION = b"penchant key rotation v1\n"
STATED = ("approved_by", "new_key", "old_key", "origin", "proposed_by", "purpose")


def check_approval(entry: Entry) -> None:
    """Return only if no person approved what they proposed.

    Raises:
        Broken: one did.
    """
    who = entry.says["proposed_by"]
    if who == entry.says["approved_by"]:
        raise Broken("approval.two", entry.where, f"{who} approved what {who} proposed")


def notice_published(log: Log, entry: Entry) -> None:
    """Hear what people are shown from here on.

    Raises:
        Broken: its edition does not rise.
    """
    notice = entry.says["purpose"], entry.says["language"]
    before = log.editions.get(notice, 0)
    if entry.says["edition"] <= before:
        raise Broken("notice.edition", entry.where, f"it follows edition {before} of {' in '.join(notice)}")
    log.editions[notice] = entry.says["edition"]
    log.whole.notices += 1


def hazard_raised(log: Log, entry: Entry) -> None:
    """Hear of a known flaw; whatever mitigated it before does so no longer."""
    log.whole.raised.add(entry.says["hazard"])
    log.whole.mitigated.pop(entry.says["hazard"], None)
    log.hazard_at = entry.at


def hazard_mitigated(log: Log, entry: Entry) -> None:
    """Hear what was done about a flaw.

    Raises:
        Broken: nobody raised it.
    """
    if entry.says["hazard"] not in log.whole.raised:
        raise Broken("hazard.raised", entry.where, f"nobody raised {entry.says['hazard']} before")
    log.whole.mitigated[entry.says["hazard"]] = entry.says["test"]
    log.hazard_at = entry.at


def check_pinned_keys(log: Log) -> None:
    """Return only if every pinned key is one of those that followed each other.

    Raises:
        Broken: the log's keys never lead to a pinned one.
    """
    for purpose in log.awaited:
        raise Broken("key.rotation", "the log", f"its {purpose} keys never lead to the one that is pinned")


def _others(log: Log, purpose: str) -> set[bytes]:
    """Return the keys of every other purpose: one stolen key must not forge two things."""
    return {key for each in log.chains if each != purpose for key in log.keys(each)}


def key_rotated(log: Log, entry: Entry) -> None:
    """Hear that a key was replaced.

    A trust file may pin a successor of the first key: it vouches for those before it by the leaf it signed.

    Raises:
        Broken: it was not in use, another log's, one of the two keys did not sign, or the new one signed before.
    """
    says, purpose = entry.says, entry.says["purpose"]
    if says["origin"] != log.origin:
        raise Broken("key.rotation", entry.where, f"it is of the log {says['origin']}")
    try:
        old, new = raw_bytes(says["old_key"]), raw_bytes(says["new_key"])
        signatures = raw_bytes(says["old_signature"]), raw_bytes(says["new_signature"])
    except NotCanonical as problem:
        raise Broken("key.rotation", entry.where, f"a key or signature: {problem}") from None
    chain = log.chains.setdefault(purpose, [(0, old)])
    known = chain[-1][1]
    if old == new or (purpose in log.rotated and old != known):
        raise Broken("key.rotation", entry.where, f"it replaces a {purpose} key that was not in use")
    stated = {name: says[name] for name in STATED}
    message = ROTATION + json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()
    for name, key, signature in zip(("old", "new"), (old, new), signatures, strict=True):
        if not verified(key, message, signature):
            raise Broken("key.rotation", entry.where, f"the {name} {purpose} key did not sign it")
    before = log.keys(purpose) if old == known else []
    if new in before or new in _others(log, purpose):
        raise Broken(
            "key.rotation", entry.where, f"the new {purpose} key signs, or signed, something here already"
        )
    if old != known:
        log.awaited[purpose], chain[0] = known, (0, old)
    if log.awaited.get(purpose) == new:
        del log.awaited[purpose]
    log.rotated.add(purpose)
    chain.append((entry.at + 1, new))
