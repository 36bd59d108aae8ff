"""Faults in what stands around the log: container, heads, trust, releases, labels, the officer's part."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from privacy.audit.accounting import Account
from privacy.audit.faults import RULES, Broken, Unreadable
from privacy.audit.figures import check_accountants
from privacy.audit.tally import Tally
from privacy.audit.verify import audit
from privacy.canonical import encode
from privacy.checkpoint import Checkpoint, sign_checkpoint
from privacy.keys import SigningKey
from privacy.manifest import TrustAnchors
from privacy.tree import Tree
from tests.bundles_changed import (
    ENTRIES,
    HEADS,
    LABEL,
    MANIFEST,
    PROOF,
    TRUSTED,
    Change,
    Lines,
    doubled,
    dropped,
    exchanged,
    fewer,
    replaced,
)
from tests.bundles_made import LOG, RELEASE, TRUST, Publisher, lines_of, sealed, simple
from tests.log_made import LINE, ORIGIN
from tests.unit.test_audit_rules import FAULTS

CONSENT = SigningKey.from_seed(b"c" * 32)


def forked(some: Lines) -> None:
    """Sign an older head over another history."""
    other = Tree([b"another history", *some[ENTRIES + 1 : ENTRIES + 9]])
    some[HEADS + 1] = encode(sign_checkpoint(Checkpoint(ORIGIN, 9, other.root()), LOG).decode())


def rolled_back(some: Lines) -> None:
    """Keep an old, well signed head as the newest, with all the entries."""
    del some[HEADS + 2]
    fewer(some, b"checkpoints", 1)


def headless(some: Lines) -> None:
    del some[HEADS : HEADS + 3]
    fewer(some, b"checkpoints", 3)


def head_twice(some: Lines) -> None:
    some.insert(HEADS, some[HEADS])
    fewer(some, b"checkpoints", -1)


def another_trust(some: Lines) -> None:
    keys = TrustAnchors(origin=ORIGIN, release_key=RELEASE.public, log_key=CONSENT.public)
    some[TRUSTED] = keys.encode()


def releaseless(some: Lines) -> None:
    del some[MANIFEST : PROOF + 1]
    fewer(some, b"releases", 1)


def twice(some: Lines) -> None:
    some[PROOF + 1 : PROOF + 1] = some[MANIFEST : PROOF + 1]
    fewer(some, b"releases", -1)


FAULTY: list[tuple[str, str, Change]] = [
    ("bundle.form", "a line more", lambda some: some.append(b"{}")),
    ("bundle.form", "a header that says too much", lambda some: fewer(some, b"entries", -2)),
    ("bundle.form", "a head that is no string", lambda some: some.__setitem__(HEADS, b"[]")),
    ("trust.form", "a field that nobody knows", replaced(TRUSTED, b'{"format"', b'{"a":"b","format"')),
    ("trust.form", "one key for both", lambda some: some.__setitem__(
        TRUSTED, TRUST.encode().replace(RELEASE.public.base64.encode(), LOG.public.base64.encode()))),
    ("log.signature", "a head of a stranger's", another_trust),
    ("log.signature", "a head whose size was rewritten", replaced(HEADS, rb"\n3\n", rb"\n4\n")),
    ("log.signature", "a head that is no note", replaced(HEADS, rb"\n\n", rb"\n")),
    ("log.order", "heads in another order", exchanged(HEADS, HEADS + 1)),
    ("log.order", "a head twice", head_twice),
    ("log.length", "an entry dropped", dropped(ENTRIES + 4)),
    ("log.length", "the newest entry cut off", dropped(ENTRIES + 16)),
    ("log.length", "an entry twice", doubled(ENTRIES + 4)),
    ("log.length", "an entry added at the end", doubled(ENTRIES + 16)),
    ("log.length", "an old head passed off as the newest", rolled_back),
    ("log.length", "no head at all", headless),
    ("log.root", "entries exchanged", exchanged(ENTRIES + 7, ENTRIES + 10)),
    ("log.root", "noise rewritten", replaced(ENTRIES + 7, b'"noise_multiplier":"3"', b'"noise_multiplier":"4"')),
    ("log.fork", "an older head over another history", forked),
    ("release.form", "a manifest with a field more", replaced(MANIFEST, b'"line"', b'"extra":1,"line"')),
    ("release.form", "a sequence of no release", replaced(MANIFEST, b'"sequence":1', b'"sequence":0')),
    ("release.logged", "a manifest rewritten", replaced(MANIFEST, b'"size":9', b'"size":8')),
    ("release.missing", "a release left out", releaseless),
    ("release.missing", "a release twice", twice),
    ("release.proof", "a proof of another entry", replaced(PROOF, rb"\nindex 16\n", rb"\nindex 15\n")),
    ("release.proof", "a proof that is none", replaced(PROOF, b"tlog-proof@v1", b"tlog-proof@v2")),
    ("label.digest", "a label that says less", replaced(LABEL, b'"sequence":1', b'"sequence":2')),
    ("label.digest", "words rewritten", replaced(LABEL, b"One account for one person.", b"One account, roughly.")),
    ("label.form", "a label of another version", replaced(LABEL, b"penchant-label-1", b"penchant-label-2")),
    ("label.form", "a label with a field more", replaced(LABEL, b'"line"', b'"extra":1,"line"')),
]  # fmt: skip


def rule_of(data: bytes, folder: Path, **how: Any) -> str:
    path = folder / "made.bundle"
    path.write_bytes(data)
    with pytest.raises(Broken) as broken:
        audit(path, **how)
    return broken.value.rule


@pytest.mark.parametrize(("rule", "what", "change"), FAULTY, ids=[what for _, what, _ in FAULTY])
def test_a_fault_sealed_again_is_named_by_its_rule(
    rule: str, what: str, change: Change, tmp_path: Path
) -> None:
    some = lines_of(simple().bundle())
    change(some)
    assert rule_of(sealed(some), tmp_path) == rule


def test_a_byte_changed_is_a_seal_broken_and_a_file_cut_off_too(tmp_path: Path) -> None:
    whole = sealed(lines_of(simple().bundle()))
    assert rule_of(whole.replace(b"ann", b"bob", 1), tmp_path) == "bundle.seal"
    assert rule_of(whole[:-1], tmp_path) == rule_of(whole[:-500], tmp_path) == "bundle.seal"
    assert rule_of(whole + b"\n", tmp_path) == "bundle.seal"


def test_whoever_pins_other_keys_is_told_so(tmp_path: Path) -> None:
    whole = sealed(lines_of(simple().bundle()))
    others = TrustAnchors(origin=ORIGIN, release_key=RELEASE.public, log_key=CONSENT.public)
    assert rule_of(whole, tmp_path, trust=others.encode()) == "trust.pinned"
    (tmp_path / "made.bundle").write_bytes(whole)
    assert audit(tmp_path / "made.bundle", trust=TRUST.encode()).pinned
    assert not audit(tmp_path / "made.bundle").pinned


def relabelled(**changes: Any) -> Publisher:
    """Return a publisher who signs and logs a label it has rewritten."""
    made = simple()
    (_, label), made.releases = made.releases[0], []
    made.events.pop()
    body = json.loads(label)
    for name, change in changes.items():
        change(body[name])
    made.sign(LINE, 1, encode(body))
    return made


def _row(row: str, **fields: str) -> Callable[[list[dict[str, Any]]], None]:
    return lambda rows: next(each for each in rows if each["row"] == row).update(fields)


UNSAID = {"status": "unknown", "says": "Nobody has said.", "evidence": "nothing"}
RELABELLED: dict[str, tuple[str, dict[str, Any]]] = {
    "an epsilon made smaller": ("label.figure", {"figures": lambda each: each.update(epsilon="1")}),
    "odds made better": ("label.figure", {"figures": lambda each: each.update(odds="0.55")}),
    "a figure left out": ("label.form", {"figures": lambda each: each.pop("odds")}),
    "a point of the curve moved": ("label.curve", {"curve": lambda each: each[7].__setitem__(1, "0.1")}),
    "a curve cut short": ("label.curve", {"curve": lambda each: each.pop()}),
    "an audit that nobody made": ("label.row", {"rows": _row("empirical", status="declared")}),
    "a word called a proof": ("label.row", {"rows": _row("retention", status="proved")}),
    "a row left out": ("label.row", {"rows": lambda each: each.pop()}),
    "a row made optional": ("label.row", {"rows": lambda each: each[0].update(required=False)}),
    "a row about another figure": ("label.row", {"rows": lambda each: each[0].update(figures=["odds"])}),
    "a row under another title": ("label.row", {"rows": lambda each: each[0].update(title="Anonymity")}),
    "a promise in a proof's words": (
        "label.words",
        {"rows": lambda each: each[0].update(says="Epsilon is 1.")},
    ),
    "evidence that nobody checks": (
        "label.words",
        {"rows": lambda each: each[0].update(evidence="an expert")},
    ),
    "code that did not run": ("label.words", {"rows": _row("code", evidence="7" * 64)}),
    "another trust in words": ("label.words", {"rows": _row("trust", says="Nobody sees anything.")}),
    "an unknown row waved through": (
        "label.verdict",
        {"rows": _row("approver", **UNSAID)},
    ),
    "a verdict against its reasons": (
        "label.verdict",
        {"verdict": lambda each: each.update(because=["a hazard is open"])},
    ),
}


@pytest.mark.parametrize("what", RELABELLED)
def test_a_label_that_every_key_signed_says_no_more_than_the_log(what: str, tmp_path: Path) -> None:
    rule, changes = RELABELLED[what]
    assert rule_of(sealed(lines_of(relabelled(**changes).bundle())), tmp_path) == rule


def test_a_manifest_of_another_key_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    made = simple()
    (_, label), made.releases, made.key = made.releases[0], [], CONSENT
    made.events.pop()
    made.sign(LINE, 1, label)
    assert rule_of(sealed(lines_of(made.bundle())), tmp_path) == "release.signature"


@pytest.mark.parametrize("epsilon", [1.99, 2.01])
def test_accountants_that_differ_by_more_than_their_errors_are_not_believed(epsilon: float) -> None:
    tally = Tally({"epsilon_budget": 4.0})
    check_accountants(tally, Account(2.0, 2.0, None, "prv"), "here")
    with pytest.raises(Broken) as broken:
        check_accountants(tally, Account(epsilon, 2.0, None, "prv"), "here")
    assert broken.value.rule == "accountants.agree"
    with pytest.raises(Broken):
        check_accountants(tally, Account(2.0, 2.0, 2.1, "prv"), "here")


def test_a_file_that_is_no_bundle_is_unreadable_not_invalid(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04", b"{}\n", sealed([b"{}"])):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(Unreadable):
            audit(tmp_path / "other")
    with pytest.raises(Unreadable, match="No such file"):
        audit(tmp_path / "absent")
    (tmp_path / "made").write_bytes(sealed(lines_of(simple().bundle())))
    with pytest.raises(Unreadable, match=f"it holds {LINE}/1"):
        audit(tmp_path / "made", only="no-such/1")
    with pytest.raises(Unreadable, match="trust file"):
        audit(tmp_path / "made", trust=b"{}")


def test_every_rule_has_a_planted_fault() -> None:
    alone = ["bundle.seal", "trust.pinned", "release.signature", "accountants.agree", "key.rotation"]
    alone += [
        "log.since",
        "release.uncovered",
        "release.blocked",
        "release.guarantee",
    ]  # each has a test of its own
    alone += ["officer.form", "officer.key", "officer.head", "officer.anchor"]  # in test_audit_officer.py
    planted = [rule for rule, *_ in (*FAULTS, *FAULTY, *RELABELLED.values())]
    assert {*planted, *alone} == RULES.keys()
