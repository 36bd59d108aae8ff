"""Releases over HTTP: immutable files by digest for every device, and what an operator may do with a line."""

import hashlib
import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from privacy.canonical import encode
from privacy.errors import PrivacyError
from privacy.keys import VerifyKey
from privacy.manifest import TrustAnchors
from server.admin import Actor
from server.database import reading, serially
from server.own_release import log_and_publish
from server.problems import problem, responses
from server.release_schemas import (
    ChannelOut,
    LineOut,
    OwnReleaseIn,
    ReleaseIn,
    ReleaseOut,
    ShareIn,
    WithdrawalIn,
)
from server.release_store import LARGEST_FILE, ReleaseStore, read_pointer
from server.releases import ReleaseLine, ReleaseRefused
from server.routes.administration import OVERSIGHT, Admin, acting
from server.withdrawing import carry_withdrawal, log_and_withdraw

router = APIRouter(tags=["releases"], responses=responses(404, 422, 500, 503))
FOR_EVER = "public, max-age=31536000, immutable"
Line = Annotated[
    str, Path(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="name of the release line")
]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file")]
Sequence = Annotated[int, Path(ge=1, le=2**53 - 1, description="number of the release")]
Operator = Annotated[Actor, Depends(acting("operator"))]
BINARY: dict[str, Any] = {
    "content": {"application/octet-stream": {"schema": {"type": "string"}, "example": "the file's bytes"}},
    "description": "The file",
}
OPERATORS = responses(401, 409, 413)


@router.get(
    "/v1/releases/{line}/channel.json",
    summary="What devices are pointed at",
    response_class=Response,
    responses={200: {"model": ChannelOut}, 304: {"description": "Not changed"}},
)
def channel(request: Request, line: Line) -> Response:
    """Small and mutable; everything it names is immutable and verified by the device itself."""
    with reading(request.app.state.engine) as connection:
        body = ReleaseStore(connection).line(line).channel(now=request.app.state.clock()).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@router.get(
    "/v1/releases/{line}/files/{digest}",
    summary="A file of a release",
    response_class=Response,
    responses={200: BINARY, 206: BINARY, 304: {"description": "Not changed"}, **responses(416)},
)
def file(request: Request, line: Line, digest: Digest) -> Response:
    """Cacheable for ever; one range at a time, so that a broken download goes on."""
    headers = {"etag": f'"{digest}"', "cache-control": FOR_EVER, "accept-ranges": "bytes"}
    with reading(request.app.state.engine) as connection:
        store = ReleaseStore(connection)
        size = store.size(line, digest)
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        try:
            start, end = _range(request.headers.get("range"), size)
        except ValueError:
            range_ = {"content-range": f"bytes */{size}"}
            return problem(416, "no_such_range", f"the file has {size} bytes", headers=range_)
        body = store.part(digest, start, end - start)
    whole = end - start == size
    if not whole:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return Response(body, 200 if whole else 206, headers, media_type="application/octet-stream")


@router.put(
    "/v1/releases/{line}/files/{digest}",
    status_code=201,
    summary="Send a file of a release to come",
    response_class=Response,
    responses=OPERATORS,
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}},
)
async def put_file(request: Request, line: Line, digest: Digest, actor: Operator) -> Response:
    """At most 64 MiB; nobody can fetch it before a release names it."""
    parts, size = list[bytes](), 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_FILE:
            return problem(413, "too_large", f"a file of a release holds at most {LARGEST_FILE} bytes")
        parts.append(part)
    engine, data = request.app.state.engine, b"".join(parts)
    await run_in_threadpool(serially, engine, lambda c: ReleaseStore(c).put_file(digest, data))
    return Response(status_code=201)


@router.post("/v1/releases/{line}", status_code=201, summary="Publish a release", responses=OPERATORS)
def publish(request: Request, line: Line, body: ReleaseIn, actor: Operator) -> LineOut:
    """Only signed, logged and with a complete label that lets it out; no device takes it yet."""
    pointer, trust = read_pointer(body.files), _trust(body.trust)

    def step(connection: Any) -> ReleaseLine:
        store = ReleaseStore(connection)
        store.publish(line, pointer, trust=trust, now=request.app.state.clock())
        return store.line(line)

    return _shown(serially(request.app.state.engine, step))


@router.post(
    "/v1/releases/{line}/publication",
    status_code=201,
    summary="Log and publish a release of a line in this service's log",
    responses=OPERATORS,
)
def log_own(request: Request, line: Line, body: OwnReleaseIn, actor: Operator) -> LineOut:
    """The label is made again from the log; entry, proof and publication happen together or not at all."""
    logs, now = request.app.state.keeper.logs, request.app.state.clock()
    key = _release_key(body.release_key)

    def step(connection: Any) -> ReleaseLine:
        log_and_publish(connection, line, body.files, release_key=key, logs=logs, now=now)
        return ReleaseStore(connection).line(line)

    return _shown(serially(request.app.state.engine, step))


@router.get("/v1/releases/{line}", summary="A line, its releases and where it points", responses=OPERATORS)
def line_of(
    request: Request, line: Line, actor: Annotated[Actor, Depends(acting("operator", *OVERSIGHT))]
) -> LineOut:
    """For people; devices read the channel."""
    with reading(request.app.state.engine) as connection:
        return _shown(ReleaseStore(connection).line(line))


@router.post(
    "/v1/releases/{line}/{sequence}/canary", summary="Let a share of devices try it", responses=OPERATORS
)
def canary(request: Request, line: Line, sequence: Sequence, body: ShareIn, actor: Operator) -> LineOut:
    """The share the manifest was signed with bounds it."""
    now = request.app.state.clock()
    return _moved(request, line, lambda found: found.try_out(sequence, body.share, now=now))


@router.post(
    "/v1/releases/{line}/{sequence}/promotion", summary="Point every device at it", responses=OPERATORS
)
def promote(request: Request, line: Line, sequence: Sequence, admin: Admin, actor: Operator) -> LineOut:
    """Where the policy asks for a second person, an officer approves the change that `waiting` names."""
    now = request.app.state.clock()
    if not request.app.state.promotion_needs_two:
        return _moved(request, line, lambda found: found.promote(sequence, now=now))
    with reading(request.app.state.engine) as connection:
        found = ReleaseStore(connection).line(line)
    found.promote(sequence, now=now)
    number = admin.propose(actor, "release", {"line": line, "sequence": sequence})
    return _shown(found, waiting=number)


@router.post("/v1/releases/{line}/rollback", summary="Take the newest step back", responses=OPERATORS)
def roll_back(request: Request, line: Line, actor: Operator) -> LineOut:
    """Ends the canary, or points at the promoted release before; one person is enough to stop harm."""
    now = request.app.state.clock()
    return _moved(request, line, lambda found: found.roll_back(now=now))


@router.post("/v1/releases/{line}/{sequence}/expiry", summary="End a release by hand", responses=OPERATORS)
def expire(request: Request, line: Line, sequence: Sequence, actor: Operator) -> LineOut:
    """No device is pointed at it again; one person is enough to stop harm."""
    return _moved(request, line, lambda found: found.expire(sequence))


@router.post(
    "/v1/releases/{line}/{sequence}/withdrawal",
    summary="Withdraw a release: devices that hold it stop using it",
    responses=OPERATORS,
)
def withdraw(
    request: Request, line: Line, sequence: Sequence, body: WithdrawalIn, actor: Operator
) -> LineOut:
    """The log's entry goes out with its proof in the channel; one person is enough to stop harm."""
    reason, evidence = body.reason, body.evidence
    if (reason is None) == (evidence is None):
        raise ReleaseRefused("a withdrawal is asked for with a reason, or with evidence of another log")

    def step(connection: Any) -> ReleaseLine:
        if reason is None:
            return carry_withdrawal(connection, line, sequence, evidence or "")
        return log_and_withdraw(connection, line, sequence, reason, logs=request.app.state.keeper.logs)

    return _shown(serially(request.app.state.engine, step))


def _moved(request: Request, line: str, step: Any) -> LineOut:
    return _shown(serially(request.app.state.engine, lambda c: ReleaseStore(c).change(line, step)))


def _shown(line: ReleaseLine, *, waiting: int | None = None) -> LineOut:
    listed = [
        ReleaseOut(
            sequence=each.sequence,
            state=each.state,
            expires=each.expires,
            files=dict(each.files.files),
            withdrawal=each.withdrawal or None,
        )
        for _, each in sorted(line.releases.items())
    ]
    return LineOut(
        line=line.line,
        current=line.current,
        canary=line.canary,
        share=line.share,
        waiting=waiting,
        releases=listed,
    )


def _trust(said: dict[str, str] | None) -> TrustAnchors | None:
    try:
        return None if said is None else TrustAnchors.decode(encode(said))
    except PrivacyError as error:
        raise ReleaseRefused(f"trust.json does not say whom to trust: {error}") from None


def _release_key(text: str) -> VerifyKey:
    try:
        return VerifyKey.from_base64(text)
    except PrivacyError as error:
        raise ReleaseRefused(f"release_key: {error}") from None


def _range(asked: str | None, size: int) -> tuple[int, int]:
    """Return the half-open range asked for; the whole file where none, or more than one, is.

    Raises:
        ValueError: no byte of the file is in it.

    Source: RFC 9110, section 14.
    """
    found = re.fullmatch(r"bytes=([0-9]{0,15})-([0-9]{0,15})", asked or "")
    if not found or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if last and first and int(last) < int(first):
        return 0, size
    if start >= end:
        raise ValueError
    return start, end
