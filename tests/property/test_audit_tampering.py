"""Ten thousand changed bytes, and thousands more under a seal that fits: not one goes unseen."""

import random
from collections import Counter
from pathlib import Path

import pytest

from privacy.audit.faults import Broken, Unreadable
from privacy.audit.verify import audit
from tests.bundles_made import lines_of, rich, sealed
from tests.unit.test_audit_officer import with_officer

CHANGES, SEALED_AGAIN = 10_000, 3_000


def verdict(path: Path) -> str:
    """Return the rule that a bundle breaks, "unreadable", or "valid"."""
    try:
        audit(path)
    except Broken as problem:
        return problem.rule
    except Unreadable:
        return "unreadable"
    return "valid"


def other(byte: int, coins: random.Random) -> int:
    return (byte + coins.randrange(1, 256)) % 256


def test_every_one_of_ten_thousand_random_one_byte_changes_is_caught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, whole, coins = tmp_path / "made.bundle", sealed(lines_of(rich().bundle())), random.Random(4)
    path.write_bytes(whole)
    found: Counter[str] = Counter()
    with path.open("r+b") as file:
        for _ in range(CHANGES):
            at = coins.randrange(len(whole))
            for byte in (other(whole[at], coins), whole[at]):
                file.seek(at)
                file.write(bytes([byte]))
                file.flush()
                if byte != whole[at]:
                    found[verdict(path)] += 1
    with capsys.disabled():
        print(f"\n{CHANGES:,} random one-byte changes: {dict(found)}")
    assert set(found) == {"bundle.seal", "unreadable"}
    assert found.total() == CHANGES
    assert verdict(path) == "valid"


def test_a_byte_changed_under_a_seal_that_fits_breaks_a_rule_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, coins = tmp_path / "made.bundle", random.Random(5)
    found: Counter[str] = Counter()
    for some in (lines_of(rich().bundle()), with_officer()[0]):
        for _ in range(SEALED_AGAIN // 2):
            changed = list(some)
            at = coins.randrange(len(some))
            place = coins.randrange(len(some[at]))
            byte = other(some[at][place], coins)
            changed[at] = some[at][:place] + bytes([byte]) + some[at][place + 1 :]
            path.write_bytes(sealed(changed))
            found[verdict(path)] += 1
    with capsys.disabled():
        print(f"\n{SEALED_AGAIN:,} one-byte changes, sealed again: {dict(found.most_common())}")
    assert found["valid"] == 0
    assert len(found) > 10


def test_entries_dropped_moved_or_repeated_under_a_seal_that_fits_break_the_log(tmp_path: Path) -> None:
    path, some, coins = tmp_path / "made.bundle", lines_of(rich().bundle()), random.Random(6)
    first = next(at for at, line in enumerate(some) if line.startswith(b'{"declared_population"'))
    introduces = next(at for at, line in enumerate(some) if b"key_rotated" in line)
    entries = [
        at for at in range(first, len(some)) if at != introduces
    ]  # without it the newest heads are a stranger's
    for _ in range(200):
        a, b = sorted(coins.sample(entries, 2))
        moved = [*some[:a], *some[a + 1 : b + 1], some[a], *some[b + 1 :]]
        path.write_bytes(sealed(moved))
        assert verdict(path) == "log.root"
        fewer = [some[0].replace(b'"entries":35', b'"entries":34'), *some[1:a], *some[a + 1 :]]
        path.write_bytes(sealed(fewer))
        assert verdict(path) == "log.length"
        more = [some[0].replace(b'"entries":35', b'"entries":36'), *some[1:a], some[b], *some[a:]]
        path.write_bytes(sealed(more))
        assert verdict(path) == "log.length"
