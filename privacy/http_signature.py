"""Signed requests: RFC 9421 with Ed25519, in the one form that devices of this project send.

Every request covers its method, authority, path and query, the digest of its body, and each header that changes
what it means; `created` and `nonce` let the receiver refuse replays. The key id is the public key itself, so a
signature is checked before anything is looked up: whoever lacks the key learns nothing about what is stored.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from privacy.canonical import CanonicalError, from_base64, to_base64
from privacy.errors import PrivacyError
from privacy.keys import KeyRefused, SignatureError, SigningKey, VerifyKey

ALWAYS = ("@method", "@authority", "@path", "@query")
WHEN_PRESENT = ("content-digest", "if-match", "idempotency-key", "sec-gpc")
"""Covered by the sender where the request has them."""
CONDITIONS = frozenset(WHEN_PRESENT) - {"sec-gpc"}
"""What nobody may add on the way. A refusal may be added, by a browser for one, and stops no withdrawal."""
LABEL = "penchant"
_INPUT = re.compile(
    rf'{LABEL}=(?P<params>\((?P<components>"[a-z@-]{{1,40}}"(?: "[a-z@-]{{1,40}}"){{0,15}})\)'
    r';created=(?P<created>[0-9]{1,12});nonce="(?P<nonce>[A-Za-z0-9_-]{16,64})"'
    r';keyid="(?P<keyid>[A-Za-z0-9+/=]{44})";alg="ed25519")'
)
_SIGNATURE = re.compile(rf"{LABEL}=:(?P<signature>[A-Za-z0-9+/=]{{88}}):")


class RequestRefused(PrivacyError):
    """The request carries no proof that its sender holds the key it names: it changes and reveals nothing."""

    code: ClassVar[str] = "request_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a signature covers of a request.

    Args:
        method: upper case.
        authority: host, with the port unless it is the scheme's own; lower case.
        path: as sent, percent-encoding and all.
        query: without the question mark; empty where there is none.
        headers: by lower-case name.
        body: the content; empty where there is none.
    """

    method: str
    authority: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """Who signed a request, when by their clock, and the nonce that must not come twice.

    Args:
        key: the key that signed.
        created: seconds since 1970 UTC.
        nonce: 16 to 64 URL-safe characters.
    """

    key: VerifyKey
    created: int
    nonce: str


def content_digest(body: bytes) -> str:
    """Return the Content-Digest header of a body (RFC 9530).

    >>> content_digest(b"")
    'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'
    """
    return f"sha-256=:{to_base64(hashlib.sha256(body).digest())}:"


def signature_base(request: SignedRequest, components: tuple[str, ...], parameters: str) -> bytes:
    """Return the bytes that are signed.

    Raises:
        RequestRefused: a component is unknown, or a covered header is missing.

    Source: RFC 9421, section 2.5.
    """
    derived = {
        "@method": request.method,
        "@authority": request.authority,
        "@path": request.path,
        "@query": f"?{request.query}",
    }
    lines = []
    for name in components:
        value = derived.get(name) if name.startswith("@") else request.headers.get(name)
        if value is None:
            raise RequestRefused(f"the signature covers {name}, which the request does not have")
        lines.append(f'"{name}": {value.strip()}')
    lines.append(f'"@signature-params": {parameters}')
    return "\n".join(lines).encode()


def sign(request: SignedRequest, key: SigningKey, *, created: int, nonce: str) -> dict[str, str]:
    """Return the headers to add to a request.

    Args:
        request: as it will be sent.
        key: the sender's.
        created: seconds since 1970 UTC.
        nonce: 16 to 64 URL-safe characters, new for every request.

    Returns:
        Content-Digest where there is a body, Signature-Input and Signature.
    """
    digest = {"content-digest": content_digest(request.body)} if request.body else {}
    headers = {**request.headers, **digest}
    components = (*ALWAYS, *(name for name in WHEN_PRESENT if name in headers))
    covered = " ".join(f'"{name}"' for name in components)
    public = key.public
    parameters = f'({covered});created={created};nonce="{nonce}";keyid="{public.base64}";alg="ed25519"'
    whole = SignedRequest(
        method=request.method,
        authority=request.authority,
        path=request.path,
        query=request.query,
        headers=headers,
        body=request.body,
    )
    signature = key.sign(signature_base(whole, components, parameters))
    return {
        **digest,
        "signature-input": f"{LABEL}={parameters}",
        "signature": f"{LABEL}=:{to_base64(signature)}:",
    }


def verify(request: SignedRequest) -> Proof:
    """Return who signed a request; freshness and replay are for the caller, who has clock and memory.

    Raises:
        RequestRefused: unsigned, malformed, signed by another key than it names, or something that changes the
            request's meaning is not covered.
    """
    named = _INPUT.fullmatch(request.headers.get("signature-input", ""))
    signed = _SIGNATURE.fullmatch(request.headers.get("signature", ""))
    if not named or not signed:
        raise RequestRefused("the request is not signed in the form this service reads")
    components = tuple(name.strip('"') for name in named["components"].split(" "))
    needed = {*ALWAYS, *(name for name in CONDITIONS if name in request.headers)}
    if len(set(components)) != len(components) or needed - set(components):
        raise RequestRefused(
            "the signature must cover method, authority, path, query and every condition once"
        )
    digest = request.headers.get("content-digest")
    if (request.body or digest is not None) and digest != content_digest(request.body):
        raise RequestRefused("the body is not the one whose digest was signed")
    try:
        key = VerifyKey.from_base64(named["keyid"])
        key.verify(signature_base(request, components, named["params"]), from_base64(signed["signature"]))
    except (KeyRefused, SignatureError, CanonicalError) as problem:
        raise RequestRefused("the signature does not fit the request and the key") from problem
    return Proof(key, int(named["created"]), named["nonce"])
