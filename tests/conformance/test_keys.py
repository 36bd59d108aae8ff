"""Keys against published vectors: RFC 8032 for Ed25519, the reference implementation for signed-note names."""

import pytest

from privacy.canonical import from_base64
from privacy.keys import KeyRefused, SignatureError, SigningKey, VerifyKey, read_verifier

VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = from_base64("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]

RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_keys_and_signatures_are_those_of_rfc_8032(
    seed: str, public: str, message: str, signature: str
) -> None:
    key = SigningKey.from_seed(bytes.fromhex(seed))
    assert key.public.raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    key.public.verify(bytes.fromhex(message), bytes.fromhex(signature))


def test_a_verifier_is_written_and_read_as_the_reference_does() -> None:
    key = SigningKey.from_seed(SEED)
    assert key.public.verifier("PeterNeumann") == VERIFIER
    assert key.public.note_id("PeterNeumann").hex() == "c74f20a3"
    assert read_verifier(VERIFIER) == ("PeterNeumann", key.public)


@pytest.mark.parametrize(
    "text",
    [VERIFIER[:end] for end in range(len(VERIFIER))]
    + [VERIFIER[start:] for start in range(1, len(VERIFIER))]
    + [VERIFIER[:at] + chr(ord(VERIFIER[at]) + 1) + VERIFIER[at + 1 :] for at in range(len(VERIFIER))]
    + [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_mangled_verifier_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused):
        read_verifier(text)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(KeyRefused):
        SigningKey.from_seed(bytes(size))
    with pytest.raises(KeyRefused):
        VerifyKey(bytes(size))


def test_a_changed_message_signature_or_key_is_refused() -> None:
    key, other = SigningKey.from_seed(SEED), SigningKey.generate()
    good = key.sign(b"hi")
    for by, message, signature in (
        (key, b"ho", good),
        (key, b"hi", good[:-1]),
        (key, b"hi", bytes(64)),
        (other, b"hi", good),
    ):
        with pytest.raises(SignatureError):
            by.public.verify(message, signature)


def test_a_key_travels_as_base64_and_a_seed_never_shows() -> None:
    key = SigningKey.generate()
    assert VerifyKey.from_base64(key.public.base64) == key.public
    assert SigningKey.from_seed(key.seed).public == key.public
    assert repr(key.seed) not in repr(key)
    with pytest.raises(KeyRefused):
        VerifyKey.from_base64(key.public.base64[:-1])
