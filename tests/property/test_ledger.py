"""The ledger: it only grows, a restart continues it, and no byte of an export changes unseen."""

from collections.abc import Callable, Iterator
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import ledger, merkle
from privacy.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint, verify_log_proof
from privacy.errors import PrivacyError
from privacy.events import Event, NotPrivate, PrivacyEvent, RoundAborted, encode_event
from privacy.keys import SignatureError, SigningKey, VerifyKey
from privacy.ledger import Ledger, LedgerError, read_ledger
from privacy.merkle import ProofError, consistency_proof, root, verify_consistency

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(32))
ORIGIN = "penchant.example/log"


def spent(number: int) -> PrivacyEvent:
    return PrivacyEvent(
        line="demo", round=number, mechanism="gaussian", clipping_norm=1.0, noise_multiplier=2.0 + number / 8,
        sampling_rate=1.0, denominator=943.0,
    )  # fmt: skip


def filled(size: int, *, origin: str = ORIGIN, key: SigningKey = KEY) -> Ledger:
    log = Ledger(origin, key)
    for number in range(1, size + 1):
        log.append(spent(number))
    return log


LOG = filled(5)
DATA, HEAD = LOG.export(), LOG.checkpoint()
LINES = DATA.splitlines(keepends=True)
LOG_ROOT = open_checkpoint(HEAD, KEY.public).root


class Reader(Protocol):
    """How a ledger is read, rightly or not."""

    def __call__(
        self, data: bytes, checkpoint: bytes, key: VerifyKey, *, origin: str
    ) -> tuple[Event, ...]: ...


def changed(data: bytes, at: int, by: int) -> bytes:
    return data[:at] + bytes([data[at] ^ by]) + data[at + 1 :]


def passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except PrivacyError:
        return False
    return True


def tamperings(read: Reader = read_ledger) -> Iterator[str]:
    """Yield every way to tamper with a log that a reader does not see."""
    forged = filled(4)
    forged.append(NotPrivate(line="demo", reason="no_noise"))
    head = Checkpoint(ORIGIN, 5, root([line[:-1] for line in forged.export().splitlines(keepends=True)]))
    unsigned = head.text.encode() + HEAD[HEAD.index(b"\n\n") + 1 :]
    ways = {
        "dropped": (b"".join(LINES[1:]), HEAD), "cut": (b"".join(LINES[:-1]), HEAD),
        "cut within a line": (DATA[:-1], HEAD), "repeated": (b"".join([*LINES, LINES[-1]]), HEAD),
        "swapped": (b"".join([LINES[1], LINES[0], *LINES[2:]]), HEAD),
        "repeated for another": (b"".join([LINES[0], LINES[0], *LINES[2:]]), HEAD),
        "replaced": (forged.export(), HEAD), "empty": (b"", HEAD), "empty line": (DATA + b"\n", HEAD),
        "less noise": (DATA.replace(b"2.125", b"2.124"), HEAD),
        "another head": (forged.export(), unsigned),
        "another key": (forged.export(), sign_checkpoint(head, OTHER)),
        "another log": (DATA, filled(5, origin="other.example/log").checkpoint()),
        "another size": (DATA, filled(4).checkpoint()),
        "a size that lies": (DATA, sign_checkpoint(Checkpoint(ORIGIN, 4, LOG_ROOT), KEY)),
    }  # fmt: skip
    for name, (data, checkpoint) in ways.items():
        if passes(lambda data=data, checkpoint=checkpoint: read(data, checkpoint, KEY.public, origin=ORIGIN)):  # type: ignore[misc]
            yield name


def test_an_empty_log_is_a_log() -> None:
    empty = Ledger(ORIGIN, KEY)
    assert (empty.size, empty.events, empty.export()) == (0, (), b"")
    assert read_ledger(b"", empty.checkpoint(), KEY.public, origin=ORIGIN) == ()


@given(st.integers(0, 20))
def test_what_was_appended_is_what_is_read(size: int) -> None:
    log = filled(size)
    events = read_ledger(log.export(), log.checkpoint(), KEY.public, origin=ORIGIN)
    assert events == log.events == tuple(spent(number) for number in range(1, size + 1))


def test_append_gives_the_index_that_proof_takes() -> None:
    log = filled(6)
    assert log.append(RoundAborted(line="demo", round=7)) == 6
    for index, event in enumerate(log.events):
        head = verify_log_proof(log.proof(index), encode_event(event), KEY.public, origin=ORIGIN)
        assert head == open_checkpoint(log.checkpoint(), KEY.public)
    with pytest.raises(ProofError):
        log.proof(7)


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_an_export_changed_in_one_byte_is_refused(at: int, by: int) -> None:
    assert not passes(lambda: read_ledger(changed(DATA, at, by), HEAD, KEY.public))


@given(st.integers(0, len(HEAD) - 1), st.integers(1, 255))
def test_a_checkpoint_changed_in_one_byte_is_refused(at: int, by: int) -> None:
    assert not passes(lambda: read_ledger(DATA, changed(HEAD, at, by), KEY.public))


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_bytes_are_refused_with_our_error(data: bytes, checkpoint: bytes) -> None:
    assert not passes(lambda: read_ledger(data, HEAD, KEY.public))
    assert not passes(lambda: read_ledger(DATA, checkpoint, KEY.public))


@given(st.integers(0, 12), st.integers(0, 12))
def test_a_later_head_continues_an_earlier_one(old: int, more: int) -> None:
    log = filled(old)
    before = open_checkpoint(log.checkpoint(), KEY.public)
    for number in range(more):
        log.append(RoundAborted(line="demo", round=number + 1))
    after = open_checkpoint(log.checkpoint(), KEY.public)
    verify_consistency(
        old_size=old, new_size=old + more, old_root=before.root, new_root=after.root,
        proof=consistency_proof(old, [encode_event(event) for event in log.events]),
    )  # fmt: skip


@given(st.integers(0, 8), st.integers(0, 4))
def test_a_restart_continues_the_same_log(size: int, unsigned: int) -> None:
    log = filled(size)
    head = log.checkpoint()
    for number in range(unsigned):
        log.append(spent(size + number + 1))
    again = Ledger.resume(log.export(), head, origin=ORIGIN, key=KEY)
    assert again.events == log.events
    again.append(spent(99))
    log.append(spent(99))
    assert again.checkpoint() == log.checkpoint()


def test_a_restart_on_a_changed_past_is_refused() -> None:
    for data in (
        b"".join(LINES[:4]),
        b"".join(LINES[::-1]),
        DATA[:-1],
        filled(6).export()[:-1],
        filled(4).export() + LINES[0],
    ):
        with pytest.raises(LedgerError):
            Ledger.resume(data, HEAD, origin=ORIGIN, key=KEY)
    with pytest.raises(SignatureError):
        Ledger.resume(DATA, HEAD, origin=ORIGIN, key=OTHER)


def test_an_append_and_its_checkpoint_hash_a_logarithm_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    log, calls, hashed = filled(1000), 0, merkle.node_hash

    def counted(left: bytes, right: bytes) -> bytes:
        nonlocal calls
        calls += 1
        return hashed(left, right)

    monkeypatch.setattr(merkle, "node_hash", counted)
    log.append(spent(1001))
    assert log.checkpoint()
    assert calls <= 20


def test_no_tampering_goes_unseen() -> None:
    assert list(tamperings()) == []


def test_a_skipped_root_check_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_check", lambda leaves, signed: None)
    assert {"dropped", "cut", "swapped", "repeated", "less noise"} <= set(tamperings())


def test_a_check_of_the_size_alone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "root", lambda leaves: LOG_ROOT)
    assert {"swapped", "less noise", "replaced"} <= set(tamperings())


def test_a_skipped_signature_check_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VerifyKey, "verify", lambda self, message, signature: None)
    assert "another head" in set(tamperings())


def test_a_reader_that_forgets_which_log_it_reads_is_caught() -> None:
    def careless(data: bytes, checkpoint: bytes, key: VerifyKey, *, origin: str) -> tuple[Event, ...]:
        return read_ledger(data, checkpoint, key)

    assert "another log" in set(tamperings(careless))


def test_a_root_that_ignores_order_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    head = sign_checkpoint(Checkpoint(ORIGIN, 5, root(sorted(line[:-1] for line in LINES))), KEY)
    monkeypatch.setattr(ledger, "root", lambda leaves: root(sorted(leaves)))
    swapped = b"".join([LINES[1], LINES[0], *LINES[2:]])
    assert passes(lambda: read_ledger(swapped, head, KEY.public))
    monkeypatch.undo()
    assert not passes(lambda: read_ledger(swapped, head, KEY.public))
