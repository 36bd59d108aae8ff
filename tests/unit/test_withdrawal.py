"""What shows that a release was withdrawn: only an entry of the pinned log does, whoever carries the file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.acts import HazardRaised, ReleaseWithdrawn
from privacy.canonical import decode, encode
from privacy.channel import MOST_WITHDRAWN, Channel, ChannelError, read_channel
from privacy.events import Event, encode_event
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from privacy.manifest import TrustAnchors
from privacy.withdrawal import WithdrawalRefused, encode_withdrawal, open_withdrawal

LOG, ORIGIN = SigningKey.generate(), "log.example/test"
TRUST = TrustAnchors(origin=ORIGIN, release_key=SigningKey.generate().public, log_key=LOG.public)
EVENT = ReleaseWithdrawn(line="tiny", sequence=2, reason="hazard")
HAZARD = HazardRaised(hazard="lib-9", component="lib", version="1", reference="x")


def proof_of(event: Event, *, key: SigningKey = LOG, origin: str = ORIGIN) -> bytes:
    ledger = Ledger(origin, key)
    ledger.append(HAZARD)
    return ledger.proof(ledger.append(event))


SHOWN = encode_withdrawal(EVENT, proof_of(EVENT))


def test_the_pinned_logs_entry_is_read_back() -> None:
    assert open_withdrawal(SHOWN, TRUST) == EVENT


def with_entry(event: Event, proof: bytes) -> bytes:
    return encode({**decode(SHOWN), "entry": decode(encode_event(event)), "proof": proof.decode()})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "forged",
    [
        encode_withdrawal(EVENT, proof_of(EVENT, key=SigningKey.generate())),
        encode_withdrawal(EVENT, proof_of(EVENT, origin="log.example/other")),
        encode_withdrawal(EVENT, proof_of(ReleaseWithdrawn(line="tiny", sequence=1, reason="hazard"))),
        with_entry(HAZARD, proof_of(HAZARD)),
        encode({**decode(SHOWN), "format": "penchant-withdrawal-2"}),  # type: ignore[dict-item]
        encode({**decode(SHOWN), "more": 1}),  # type: ignore[dict-item]
        encode({**decode(SHOWN), "proof": 1}),  # type: ignore[dict-item]
        SHOWN + b" " * (1 << 16),
    ],
    ids=["other key", "other log", "other entry", "other kind", "other format", "more", "no proof", "long"],
)
def test_anything_else_is_refused_with_one_error(forged: bytes) -> None:
    with pytest.raises(WithdrawalRefused):
        open_withdrawal(forged, TRUST)


@pytest.mark.parametrize("at", range(len(SHOWN)))
def test_no_byte_of_it_can_be_changed(at: int) -> None:
    for changed in (SHOWN[at] ^ 1, SHOWN[at] ^ 0x80):
        with pytest.raises(WithdrawalRefused):
            open_withdrawal(SHOWN[:at] + bytes([changed]) + SHOWN[at + 1 :], TRUST)


@given(
    st.binary(max_size=200)
    | st.text(max_size=60).map(lambda text: SHOWN[:40] + text.encode("utf-8", "replace"))
)
def test_any_bytes_are_a_refusal_not_a_crash(data: bytes) -> None:
    with pytest.raises(WithdrawalRefused):
        open_withdrawal(data, TRUST)


def test_a_channel_names_withdrawals_only_where_there_are_some_and_not_endlessly() -> None:
    plain = Channel(line="tiny", current=None)
    assert b"withdrawn" not in plain.encode()
    listed = Channel(line="tiny", current=None, withdrawn=("a" * 64, "b" * 64))
    assert read_channel(listed.encode()) == listed
    with pytest.raises(ChannelError, match="at most 64"):
        Channel(line="tiny", current=None, withdrawn=("a" * 64,) * (MOST_WITHDRAWN + 1))
    for senseless in ([], ["a"], "a" * 64, [1], None):
        with pytest.raises(ChannelError):
            read_channel(encode({**decode(plain.encode()), "withdrawn": senseless}))  # type: ignore[dict-item]
