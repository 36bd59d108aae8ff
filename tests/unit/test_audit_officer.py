"""The officer's part of a bundle: the private consent log is held against the anchors of the public one."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from privacy.acts import ConsentLogGap
from privacy.audit.faults import Broken
from privacy.audit.verify import audit
from privacy.bundle import Bundle, ConsentPart, ConsentTick
from privacy.canonical import encode
from privacy.checkpoint import Checkpoint, sign_checkpoint
from privacy.consent_log import anchor, commitment, erasure
from privacy.keys import SigningKey
from privacy.log_pins import Pins
from privacy.rotation import rotated
from privacy.tree import Tree
from tests.bundles_changed import ENTRIES, HEADER, Lines, exchanged, replaced
from tests.bundles_made import LOG, lines_of, sealed, simple, written
from tests.log_made import LINE, ORIGIN
from tests.unit.test_audit_faults import rule_of

CONSENT, CONSENT_ORIGIN = SigningKey.from_seed(b"c" * 32), "penchant.example/consents"


def with_officer(*, salt: bytes = b"s" * 32) -> tuple[Lines, int]:
    """Return a bundle with the officer's part and the place where that begins."""
    leaves = [
        commitment(b"a", b"1" * 32),
        commitment(b"b", b"2" * 32),
        erasure(0),
        commitment(b"c", b"3" * 32),
    ]
    tree = Tree(leaves)
    head = sign_checkpoint(Checkpoint(CONSENT_ORIGIN, 4, tree.root()), CONSENT)
    made = simple()
    (_, label), made.releases = made.releases[0], []
    made.events[-2:] = [anchor(head, number=1, salt=salt)]
    made.sign(LINE, 1, label)
    bundle = made.bundle()
    part = ConsentPart(
        origin=CONSENT_ORIGIN,
        key=CONSENT.public,
        ticks=[ConsentTick(number=1, salt=salt, checkpoint=head)],
        leaves=leaves,
        size=4,
    )
    return lines_of(replace(bundle, consent=part)), ENTRIES + bundle.size


def test_the_officers_part_is_audited_where_it_is_there(tmp_path: Path) -> None:
    some, _ = with_officer()
    (tmp_path / "made.bundle").write_bytes(sealed(some))
    assert audit(tmp_path / "made.bundle").officer == (4, 1)


def with_gap(*, kept: Sequence[int] = (1, 4), declared: bool = True) -> Lines:
    """Return a bundle whose log anchors four heads, of which the second and third went with a database."""
    leaves = [commitment(bytes([place]), bytes([place]) * 32) for place in range(8)]
    tree, made = Tree(leaves), simple()
    (_, label), made.releases = made.releases[0], []
    sizes = {1: 4, 2: 6, 3: 8, 4: 8}
    heads = {
        number: sign_checkpoint(Checkpoint(CONSENT_ORIGIN, size, tree.root(size)), CONSENT)
        for number, size in sizes.items()
    }
    made.events[-2:] = [anchor(heads[1], number=1, salt=b"s" * 32)]
    made.sign(LINE, 1, label)
    made.events += [anchor(heads[number], number=number, salt=b"s" * 32) for number in (2, 3)]
    made.events += [ConsentLogGap(first=2, last=3)] if declared else []
    made.events.append(anchor(heads[4], number=4, salt=b"s" * 32))
    ticks = [ConsentTick(number=number, salt=b"s" * 32, checkpoint=heads[number]) for number in kept]
    part = ConsentPart(origin=CONSENT_ORIGIN, key=CONSENT.public, ticks=ticks, leaves=leaves, size=8)
    return lines_of(replace(made.bundle(), consent=part))


def test_heads_that_went_with_a_database_are_missed_only_where_the_log_says_so(tmp_path: Path) -> None:
    (tmp_path / "made.bundle").write_bytes(sealed(with_gap()))
    found = audit(tmp_path / "made.bundle")
    assert (found.lost, found.officer) == (2, (8, 2))
    assert rule_of(sealed(with_gap(declared=False)), tmp_path) == "officer.anchor"
    assert rule_of(sealed(with_gap(kept=(1, 3))), tmp_path) == "officer.anchor"
    assert rule_of(sealed(with_gap(kept=(1, 3, 4))), tmp_path) == "officer.anchor"
    assert rule_of(sealed(with_gap(kept=(4,))), tmp_path) == "officer.anchor"


def _forge_head(some: Lines, at: int) -> None:
    some[at + 1] = some[at + 1].replace(rb"\n4\n", rb"\n3\n")


OFFICER: dict[str, tuple[str, Callable[[Lines, int], None]]] = {
    "a leaf exchanged": ("officer.head", lambda some, at: exchanged(at + 2, at + 3)(some)),
    "a leaf cut off": ("officer.head", lambda some, at: _cut(some, at)),
    "a key that did not sign": (
        "officer.head",
        lambda some, at: replaced(at, CONSENT.public.base64.encode(), LOG.public.base64.encode())(some),
    ),
    "a leaf that is neither": ("officer.form", lambda some, at: some.__setitem__(at + 2, b'{"name":"ann"}')),
    "an erasure of what is to come": (
        "officer.form",
        lambda some, at: replaced(at + 4, b'"erased":0', b'"erased":3')(some),
    ),
    "another head than the anchored one": ("officer.anchor", _forge_head),
    "another salt": ("officer.anchor", lambda some, at: replaced(at + 1, b"7373", b"7374")(some)),
    "a tick out of order": (
        "officer.anchor",
        lambda some, at: replaced(at + 1, b'"number":1', b'"number":2')(some),
    ),
}


def _cut(some: Lines, at: int) -> None:
    some.pop()
    header = json.loads(some[HEADER])
    header["consent"]["entries"] -= 1
    some[HEADER] = encode(header)


@pytest.mark.parametrize("what", OFFICER)
def test_a_fault_in_the_officers_part_is_named_by_its_rule(what: str, tmp_path: Path) -> None:
    rule, change = OFFICER[what]
    some, at = with_officer()
    change(some, at)
    assert rule_of(sealed(some), tmp_path) == rule


NEXT, PEOPLE = SigningKey.from_seed(b"n" * 32), {"proposed_by": "ann", "approved_by": "bob"}


def rotated_between(
    *, first: SigningKey = CONSENT, second: SigningKey = NEXT, key: SigningKey = CONSENT
) -> Bundle:
    """Return a bundle whose consent log has a tick, a rotation of its key, and another tick.

    Args:
        first, second: sign the ticks.
        key: the one that the officer's part names.
    """
    leaves = [commitment(bytes([at]), b"1" * 32) for at in range(4)]
    tree, salt = Tree(leaves), b"s" * 32
    heads = [
        sign_checkpoint(Checkpoint(CONSENT_ORIGIN, size, tree.root(size)), by)
        for size, by in ((2, first), (4, second))
    ]
    made = simple()
    (_, label), made.releases = made.releases[0], []
    made.events[-2:] = [anchor(heads[0], number=1, salt=salt)]
    made.sign(LINE, 1, label)
    made.events += [
        rotated(CONSENT, NEXT, origin=ORIGIN, purpose="consent_log", **PEOPLE),
        anchor(heads[1], number=2, salt=salt),
    ]
    ticks = [
        ConsentTick(number=number, salt=salt, checkpoint=head) for number, head in enumerate(heads, start=1)
    ]
    part = ConsentPart(origin=CONSENT_ORIGIN, key=key.public, ticks=ticks, leaves=leaves, size=4)
    return replace(made.bundle(), consent=part)


@pytest.mark.parametrize("key", [CONSENT, NEXT])
def test_the_consent_logs_key_is_followed_over_the_public_logs_rotation(
    key: SigningKey, tmp_path: Path
) -> None:
    path = written(tmp_path, rotated_between(key=key))
    assert audit(path).officer == (4, 2)
    for pinned in (CONSENT, NEXT):
        assert audit(path, pins=pins(pinned)).officer == (4, 2)


def pins(consent: SigningKey, *, name: str = CONSENT_ORIGIN) -> bytes:
    return Pins(origin=ORIGIN, key=LOG.public, consent_origin=name, consent_key=consent.public).encode()


STRANGER = SigningKey.from_seed(b"?" * 32)
ROTATED: dict[str, tuple[str, dict[str, SigningKey]]] = {
    "the replaced key signs on": ("officer.head", {"second": CONSENT}),
    "the new key signs before its time": ("officer.head", {"first": NEXT}),
    "a stranger signs": ("officer.head", {"second": STRANGER}),
    "a key that nothing leads to": ("officer.key", {"key": STRANGER}),
}


@pytest.mark.parametrize("what", ROTATED)
def test_a_fault_in_the_consent_logs_keys_is_named_by_its_rule(what: str, tmp_path: Path) -> None:
    rule, how = ROTATED[what]
    with pytest.raises(Broken) as broken:
        audit(written(tmp_path, rotated_between(**how)))
    assert broken.value.rule == rule


@pytest.mark.parametrize("wrong", [pins(STRANGER), pins(CONSENT, name="other.example/consents")])
def test_whoever_pins_another_consent_log_is_told_so(wrong: bytes, tmp_path: Path) -> None:
    with pytest.raises(Broken) as broken:
        audit(written(tmp_path, rotated_between()), pins=wrong)
    assert broken.value.rule == "officer.key"
