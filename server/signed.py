"""Who signed a request: checked before anything is looked up, so that strangers learn nothing."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request

from privacy.http_signature import CONDITIONS, Proof, RequestRefused, SignedRequest, verify
from privacy.pseudonym import subject_of

DENIED = "this needs a request signed by the subject's own key (RFC 9421); see /openapi.json"
ALONE = {*CONDITIONS, "signature", "signature-input"}
Subject = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{64}$",
        description="The pseudonym: SHA-256 of `penchant subject v1\\n` and the device's public key, hex.",
        examples=["9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a"],
    ),
]


@dataclass(frozen=True, slots=True)
class Verifier:
    """Check request signatures.

    Args:
        authority: the host (and port) devices sign for, or None to take the one they asked.
    """

    authority: str | None

    async def __call__(self, request: Request) -> Proof:
        """Return the proof of possession a request carries.

        Raises:
            RequestRefused: it carries none.
        """
        raw = request.scope.get("raw_path") or request.scope["path"].encode()
        asked = SignedRequest(
            method=request.method,
            authority=self.authority or request.headers.get("host", "").lower(),
            path=raw.split(b"?")[0].decode("latin-1"),
            query=request.scope["query_string"].decode("latin-1"),
            headers=_single(request),
            body=await request.body(),
        )
        try:
            return verify(asked)
        except RequestRefused:
            raise RequestRefused(DENIED) from None


def _single(request: Request) -> dict[str, str]:
    """Return headers by name; a condition that comes twice has no meaning that could be signed."""
    found: dict[str, str] = {}
    for raw_name, raw_value in request.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in found and name in ALONE:
            raise RequestRefused(DENIED)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def any_signer(request: Request) -> Proof:
    """Return the proof of whoever signed."""
    verifier: Verifier = request.app.state.verifier
    return await verifier(request)


async def owner(request: Request, subject: Subject) -> Proof:
    """Return the proof of the subject the path names; anybody else's looks like none.

    Raises:
        RequestRefused: signed by another key.
    """
    proof = await any_signer(request)
    if subject_of(proof.key) != subject:
        raise RequestRefused(DENIED)
    return proof


async def paced_owner(request: Request, subject: Subject) -> Proof:
    """Return the same, keeping one subject from asking all the time; nothing that ends consent depends on this.

    Only who holds the key is counted: else a stranger could slow others down, and see that they are there.

    Raises:
        RequestRefused: signed by another key.
        TooMany: asked too often.
    """
    proof = await owner(request, subject)
    request.app.state.pace.take(subject)
    return proof


Signer = Annotated[Proof, Depends(any_signer)]
Owner = Annotated[Proof, Depends(owner)]
PacedOwner = Annotated[Proof, Depends(paced_owner)]
