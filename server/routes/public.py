"""What anyone may read: notices, the service's keys, the public log, health, Global Privacy Control."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse

from server.consent import DAY, LIFETIME, PURPOSES, QUIET, SENDS
from server.database import reading
from server.key_policy import keys_listed
from server.ledger_store import StoredLedger
from server.notices import Notice
from server.problems import problem, responses
from server.schemas import (
    Gpc,
    Health,
    KeyOut,
    KeysOut,
    LedgerOut,
    NoticeOut,
    NoticesOut,
    PurposeOut,
    PurposesOut,
)

GPC_SINCE = "2026-11-24"
router = APIRouter(tags=["public"], responses=responses(422, 500, 503))
Language = Annotated[str | None, Query(pattern="^[A-Za-z0-9-]{2,35}$", description="BCP 47 tag")]
After = Annotated[int, Query(ge=-1, le=2**62, description="the position to go on from")]
Limit = Annotated[int, Query(ge=1, le=1000, description="how many at most")]


def _shown(notice: Notice, *, current: bool) -> NoticeOut:
    return NoticeOut(digest=notice.digest, current=current, content=dict(notice.content))


@router.get("/v1/purposes", summary="What consent is asked for")
def purposes() -> PurposesOut:
    """Each is decided alone; whatever is missing, expired or unknown means no."""
    days, quiet = LIFETIME // DAY, QUIET // DAY
    listed = [
        PurposeOut(purpose=each, leaves_the_device=each in SENDS, days=days, quiet_days=quiet)
        for each in PURPOSES
    ]
    return PurposesOut(purposes=listed)


@router.get("/v1/notices", summary="The notices that hold now")
def notices(request: Request, language: Language = None) -> NoticesOut:
    """In one language or in all; a purpose is granted under the digest of the notice that was shown."""
    found = request.app.state.notices().listed(language)
    return NoticesOut(notices=[_shown(notice, current=True) for notice in found])


@router.get("/v1/notices/{digest}", response_model=NoticeOut, summary="One notice", responses=responses(404))
def notice(
    request: Request,
    digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of its content, hex")],
) -> NoticeOut | JSONResponse:
    """Older editions too: a receipt can be read for as long as it is kept."""
    known = request.app.state.notices()
    found: Notice | None = known.find(digest)
    if found is None:
        return problem(404, "unknown_notice", "no notice has this digest; see GET /v1/notices")
    return _shown(found, current=digest in known.current(found.purpose))


@router.get("/v1/keys", summary="The keys that sign receipts")
def keys(request: Request) -> KeysOut:
    """Oldest first; receipts stay valid under the key that signed them."""
    return KeysOut(keys=[KeyOut(public=k, since=since) for k, since in keys_listed(request.app.state.engine)])


@router.get("/v1/ledger", summary="The public log")
def ledger(request: Request, after: After = -1, limit: Limit = 100) -> LedgerOut:
    """What was promised and spent, one leaf an entry; it counts nobody."""
    with reading(request.app.state.engine) as connection:
        page = StoredLedger(connection).leaves(after=after, limit=limit)
    last = page[-1][0] if len(page) == limit else None
    return LedgerOut(entries=[json.loads(leaf) for _, leaf in page], next=last)


@router.get("/.well-known/gpc.json", summary="Global Privacy Control is honoured")
def gpc() -> Gpc:
    """A request with Sec-GPC: 1 cannot grant anything that leaves the device."""
    return Gpc(gpc=True, lastUpdate=GPC_SINCE)


@router.get("/healthz", summary="Whether the process answers")
def health() -> Health:
    """For a supervisor that restarts it."""
    return Health(status="ok")


@router.get("/readyz", summary="Whether the store answers")
def ready(request: Request) -> Health:
    """For a balancer that sends requests here; 503 while nothing could be decided."""
    with reading(request.app.state.engine) as connection:
        StoredLedger(connection).leaves(after=-1, limit=1)
    return Health(status="ok")
