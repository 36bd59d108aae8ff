"""Signed requests: RFC 9421's own Ed25519 vector, every change caught, and any bytes refused politely."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.canonical import from_base64, to_base64
from privacy.http_signature import RequestRefused, SignedRequest, sign, signature_base, verify
from privacy.keys import SigningKey, VerifyKey
from privacy.pseudonym import derive_key, subject_of

KEY = SigningKey.from_seed(bytes(range(32)))
NONCE = "n" * 22
PLAIN = SignedRequest(
    method="PUT",
    authority="consent.example:8443",
    path="/v1/subjects/ab/consents/federated_contribution",
    query="a=1",
    headers={"if-match": '"3"', "idempotency-key": "k-1", "accept": "application/json"},
    body=b'{"notice":"x"}',
)


def signed(request: SignedRequest, key: SigningKey = KEY) -> SignedRequest:
    return replace(
        request, headers={**request.headers, **sign(request, key, created=1_700_000_000, nonce=NONCE)}
    )


def test_the_example_of_the_standard_verifies() -> None:
    """RFC 9421, appendix B.2.6, with the public key of B.1.4."""
    request = SignedRequest(
        method="POST",
        authority="example.com",
        path="/foo",
        query="param=Value&Pet=dog",
        headers={
            "date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "content-type": "application/json",
            "content-length": "18",
        },
        body=b'{"hello": "world"}',
    )
    covered = ("date", "@method", "@path", "@authority", "content-type", "content-length")
    parameters = (
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    public = VerifyKey(from_base64("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="))
    signature = from_base64(
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    )
    public.verify(signature_base(request, covered, parameters), signature)


def test_a_signed_request_names_its_key_time_and_nonce() -> None:
    proof = verify(signed(PLAIN))
    assert (proof.key, proof.created, proof.nonce) == (KEY.public, 1_700_000_000, NONCE)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "DELETE"},
        {"authority": "evil.example"},
        {"path": "/v1/subjects/cd/consents/federated_contribution"},
        {"query": ""},
        {"body": b'{"notice":"y"}'},
        {"body": b""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_part_of_a_signed_request_can_change(change: dict[str, object]) -> None:
    with pytest.raises(RequestRefused):
        verify(replace(signed(PLAIN), **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["if-match", "idempotency-key", "content-digest"])
def test_a_condition_can_neither_change_nor_be_added_nor_be_left_out(name: str) -> None:
    whole = signed(PLAIN)
    with pytest.raises(RequestRefused):
        verify(replace(whole, headers={**whole.headers, name: "1"}))
    if name in whole.headers:
        with pytest.raises(RequestRefused):
            verify(replace(whole, headers={k: v for k, v in whole.headers.items() if k != name}))


def test_a_refusal_may_be_added_on_the_way_and_never_taken_off() -> None:
    """A browser adds Sec-GPC after the page has signed; that must not stop a withdrawal."""
    whole = signed(PLAIN)
    assert verify(replace(whole, headers={**whole.headers, "sec-gpc": "1"})).key == KEY.public
    refusing = signed(replace(PLAIN, headers={**PLAIN.headers, "sec-gpc": "1"}))
    without = {name: value for name, value in refusing.headers.items() if name != "sec-gpc"}
    with pytest.raises(RequestRefused):
        verify(replace(refusing, headers=without))


def test_a_signature_that_covers_too_little_is_refused() -> None:
    """An attacker's own key signs correctly, but leaves the path open."""
    components = ("@method", "@authority", "@query", "content-digest", "if-match", "idempotency-key")
    whole = signed(PLAIN)
    covered = " ".join(f'"{name}"' for name in components)
    parameters = f'({covered});created=1;nonce="{NONCE}";keyid="{KEY.public.base64}";alg="ed25519"'
    signature = to_base64(KEY.sign(signature_base(whole, components, parameters)))
    headers = {
        **whole.headers,
        "signature-input": f"penchant={parameters}",
        "signature": f"penchant=:{signature}:",
    }
    with pytest.raises(RequestRefused, match="must cover"):
        verify(replace(whole, headers=headers))


def test_a_signature_under_another_name_is_refused() -> None:
    whole = signed(PLAIN)
    other = SigningKey.from_seed(bytes(32)).public.base64
    forged = whole.headers["signature-input"].replace(KEY.public.base64, other)
    with pytest.raises(RequestRefused):
        verify(replace(whole, headers={**whole.headers, "signature-input": forged}))


@given(st.text(max_size=300), st.text(max_size=120))
def test_any_header_gives_a_proof_or_our_error(named: str, signature: str) -> None:
    with pytest.raises(RequestRefused):
        verify(replace(PLAIN, headers={"signature-input": named, "signature": signature}))


@given(st.binary(max_size=50), st.text("abc/%2F", max_size=20), st.text("ab=&", max_size=9))
def test_whatever_is_signed_verifies(body: bytes, path: str, query: str) -> None:
    request = replace(PLAIN, body=body, path=f"/{path}", query=query)
    assert verify(signed(request)).key == KEY.public


def test_two_services_see_two_unrelated_names_and_one_service_always_the_same() -> None:
    secret = bytes(32)
    here, there = (derive_key(secret, audience=f"https://{name}.example") for name in ("a", "b"))
    assert subject_of(here.public) != subject_of(there.public)
    assert derive_key(secret, audience="https://a.example") == here
