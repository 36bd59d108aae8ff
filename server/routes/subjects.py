"""What a device may do for its person: enrol, look, grant, withdraw, refuse, take receipts along, be erased."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response

from privacy.pseudonym import subject_of
from server.consent import SENDS, ConsentState, Purpose, may_ask, permits
from server.consent_service import Acknowledged, ConsentService, GrantRequest
from server.problems import responses
from server.schemas import (
    ConsentOut,
    ConsentsOut,
    Enrolled,
    Enrolment,
    GrantIn,
    ProofOut,
    ReceiptOut,
    ReceiptsOut,
)
from server.signed import Owner, PacedOwner, Signer, Subject

JSON = "application/json"
SIGNED = responses(401, 413, 422, 500, 503)
ETAG = {"ETag": {"description": "the consent version", "schema": {"type": "string"}}}
DONE: dict[int | str, dict[str, Any]] = {200: {"description": "Acknowledged and durable", "headers": ETAG}}
router = APIRouter(tags=["devices"])


Gpc = Annotated[
    str | None,
    Header(
        alias="sec-gpc",
        description="Global Privacy Control: 1 refuses every purpose that sends something",
        examples=["1"],
    ),
]
About = Annotated[Purpose, Path(description="what consent is asked for", examples=["federated_contribution"])]
IdempotencyKey = Header(
    pattern="^[A-Za-z0-9_-]{8,64}$", description="the same for every attempt", examples=["7f3c9a1e"]
)


def service_of(request: Request) -> ConsentService:
    """Return the consent service of the application."""
    found: ConsentService = request.app.state.service
    return found


def refused_by_signal(request: Request) -> bool:
    """Tell whether the request carries a refusal of its own, wherever on the way it was added."""
    return any("1" in map(str.strip, value.split(",")) for value in request.headers.getlist("sec-gpc"))


@router.post(
    "/v1/subjects",
    status_code=201,
    summary="Enrol this device's pseudonym",
    responses={
        200: {"model": Enrolled, "description": "Enrolled already"},
        **SIGNED,
        **responses(403, 409, 429),
    },
)
def enrol(request: Request, response: Response, body: Enrolment, proof: Signer, gpc: Gpc = None) -> Enrolled:
    """The name is the digest of the key that signs, so nobody can claim another's."""
    request.app.state.enrolment_pace.take("everyone")
    request.app.state.admit(subject_of(proof.key), body.token)
    response.status_code = 201 if service_of(request).enrol(proof) else 200
    return Enrolled(subject=subject_of(proof.key))


@router.get(
    "/v1/subjects/{subject}/consents",
    summary="Read every purpose as it stands",
    responses={**SIGNED, **responses(404, 429)},
)
def consents(request: Request, subject: Subject, proof: PacedOwner, gpc: Gpc = None) -> ConsentsOut:
    """`permitted` says whether use is allowed at this moment; everything else explains it.

    With `Sec-GPC: 1` whatever stands for a purpose that sends something is refused by this request.
    """
    signal = refused_by_signal(request)
    seen = service_of(request).look(proof, refused_by_signal=signal)

    def shown(purpose: Purpose, state: ConsentState) -> ConsentOut:
        current = seen.notices.current(purpose)
        return ConsentOut(
            purpose=purpose,
            version=state.version,
            decision=state.decision,
            permitted=permits(state, current_notices=current, now=seen.now),
            may_ask=may_ask(state, current_notices=current, now=seen.now)
            and not (signal and purpose in SENDS),
            notice=state.notice,
            valid_until=state.valid_until,
        )

    listed = [shown(purpose, state) for purpose, state in seen.states.items()]
    return ConsentsOut(subject=subject, consents=listed, gpc=signal)


@router.put(
    "/v1/subjects/{subject}/consents/{purpose}",
    summary="Grant consent for one purpose",
    response_model=ReceiptOut,
    responses={**DONE, **SIGNED, **responses(403, 404, 409, 412, 428, 429)},
)
def grant(
    request: Request,
    body: GrantIn,
    purpose: About,
    proof: PacedOwner,
    if_match: Annotated[
        str,
        Header(pattern='^"[0-9]{1,15}"$', description="the version the person decided on", examples=['"0"']),
    ],
    idempotency_key: Annotated[str, IdempotencyKey],
    gpc: Gpc = None,
) -> Response:
    """Needs the version that was shown; the answer is a signed receipt, the same for every attempt."""
    said = f"{purpose}\n{if_match}\n{body.notice}\n{body.language}"
    request_ = GrantRequest(
        notice=body.notice,
        language=body.language,
        expected_version=int(if_match.strip('"')),
        idempotency_key=idempotency_key,
        digest=hashlib.sha256(said.encode()).hexdigest(),
        refused_by_signal=purpose in SENDS and refused_by_signal(request),
    )
    done = service_of(request).grant(proof, purpose, request_)
    request.app.state.metrics.decisions.labels(purpose, "granted").inc()
    return _acknowledge(done)


@router.delete(
    "/v1/subjects/{subject}/consents/{purpose}",
    summary="Withdraw consent for one purpose, unconditionally",
    response_model=ReceiptOut,
    responses={**DONE, **SIGNED},
)
def withdraw(request: Request, purpose: About, proof: Owner) -> Response:
    """Never limited, never conditional. When it is acknowledged, nothing of the subject enters a later sum."""
    done = service_of(request).stop(proof, purpose, "withdraw")
    request.app.state.metrics.decisions.labels(purpose, "withdrawn").inc()
    return _acknowledge(done)


@router.post(
    "/v1/subjects/{subject}/consents/{purpose}/refusals",
    summary="Say no when asked",
    response_model=ReceiptOut,
    responses={**DONE, **SIGNED},
)
def refuse(request: Request, purpose: About, proof: Owner) -> Response:
    """Withdraws where consent stood, and nobody asks again for six months."""
    done = service_of(request).stop(proof, purpose, "refuse")
    request.app.state.metrics.decisions.labels(purpose, "refused").inc()
    return _acknowledge(done)


@router.get(
    "/v1/subjects/{subject}/receipts",
    summary="Take every receipt along",
    response_model=ReceiptsOut,
    responses={**SIGNED, **responses(429)},
)
def receipts(
    request: Request,
    proof: PacedOwner,
    after: Annotated[int, Query(ge=0, le=2**62, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=100, description="how many at most")] = 20,
) -> Response:
    """Oldest first, a page at a time, each byte for byte as it was signed."""
    page = service_of(request).receipts(proof, after=after, limit=limit)
    listed, last = ",".join(receipt for _, receipt in page), page[-1][0] if len(page) == limit else None
    return Response(f'{{"next":{json.dumps(last)},"receipts":[{listed}]}}', media_type=JSON)


@router.get(
    "/v1/subjects/{subject}/consents/{purpose}/receipts/{version}/proof",
    summary="Prove that a receipt stands in both logs",
    response_model=ProofOut,
    responses={**SIGNED, **responses(404, 429)},
)
def proof_of(
    request: Request,
    purpose: About,
    proof: PacedOwner,
    version: Annotated[int, Path(ge=1, le=2**62, description="the consent version it made", examples=[1])],
) -> Response:
    """Within a minute of the decision; a few KB that verify offline, for as long as they are kept."""
    return Response(request.app.state.keeper.proof(proof, purpose, version), media_type=JSON)


@router.delete(
    "/v1/subjects/{subject}",
    status_code=204,
    response_class=Response,
    summary="Erase everything about this subject",
    responses=SIGNED,
)
def erase(request: Request, proof: Owner) -> Response:
    """Consent, receipts, and whatever is not committed; published models keep what epsilon bounds."""
    service_of(request).erase(proof)
    return Response(status_code=204)


def _acknowledge(done: Acknowledged) -> Response:
    return Response(done.body, media_type=JSON, headers={"etag": f'"{done.version}"'})
