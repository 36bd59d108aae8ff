"""What people with a credential may do; each call is recorded before it is answered."""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select

from server.admin import Actor, Administration, Change, Role
from server.admin_schemas import (
    AdminEntry,
    AdminLogOut,
    ChangeOut,
    ChangesOut,
    ChecksIn,
    ChecksOut,
    RoundOut,
    RoundsOut,
)
from server.change_schemas import ChangeIn
from server.database import reading
from server.policy import notices_in
from server.problems import responses
from server.routes.subjects import About, IdempotencyKey
from server.store import ConsentStore
from server.tables import rounds as rounds_table
from server.tables import subjects

router = APIRouter(tags=["administration"], responses=responses(401, 413, 422, 500, 503))
bearer = HTTPBearer(auto_error=False, description="A credential of `penchant-server credential`, by role.")
After = Annotated[int, Query(ge=0, le=2**62, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=1000, description="how many at most")]
ANYONE: tuple[Role, ...] = ("operator", "officer", "auditor", "aggregator")
OVERSIGHT: tuple[Role, ...] = ("officer", "auditor")


async def admin_of(request: Request) -> Administration:
    """Return the application's administration."""
    found: Administration = request.app.state.admin
    return found


Admin = Annotated[Administration, Depends(admin_of)]


def acting(*roles: Role) -> Callable[..., Actor]:
    """Return a dependency that admits these roles and records the call."""

    def admitted(
        request: Request,
        admin: Admin,
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ) -> Actor:
        action = f"{request.method} {request.scope['route'].path}"
        return admin.admit(given.credentials if given else None, roles=roles, action=action)

    return admitted


@router.post(
    "/v1/changes",
    status_code=201,
    summary="Propose a change that needs two people",
)
def propose(
    body: ChangeIn,
    admin: Admin,
    actor: Annotated[Actor, Depends(acting("operator", "officer"))],
    idempotency_key: Annotated[str | None, IdempotencyKey] = None,
) -> ChangeOut:
    """Nothing happens until a second person approves it."""
    payload = body.payload.model_dump()
    number = admin.propose(actor, body.kind, payload, idempotency_key=idempotency_key)
    return ChangeOut(number=number, kind=body.kind, payload=payload, proposed_by=actor.name, approved_by=None)


@router.post(
    "/v1/changes/{number}/approval", summary="Approve somebody else's change", responses=responses(409)
)
def approve(
    number: Annotated[int, Path(ge=1, le=2**62, description="the change's number", examples=[1])],
    admin: Admin,
    actor: Annotated[Actor, Depends(acting("officer"))],
) -> ChangeOut:
    """Puts it into effect in the same transaction; nobody approves their own."""
    return _shown(admin.approve(actor, number))


@router.get("/v1/changes", summary="Changes and who made them")
def changes(
    admin: Admin,
    actor: Annotated[Actor, Depends(acting("operator", *OVERSIGHT))],
    after: After = 0,
    limit: Limit = 100,
) -> ChangesOut:
    """Oldest first, a page at a time."""
    page = admin.listed(after=after, limit=limit)
    last = page[-1].number if len(page) == limit else None
    return ChangesOut(changes=[_shown(change) for change in page], next=last)


@router.get("/v1/admin-log", summary="Every administrative read and write")
def log(
    admin: Admin, actor: Annotated[Actor, Depends(acting(*OVERSIGHT))], after: After = 0, limit: Limit = 100
) -> AdminLogOut:
    """Oldest first, a page at a time; this read is in it too."""
    page = [AdminEntry(**row) for row in admin.log(after=after, limit=limit)]
    return AdminLogOut(entries=page, next=page[-1].number if len(page) == limit else None)


@router.get("/v1/rounds", summary="Where every round stands")
def rounds(
    request: Request,
    actor: Annotated[Actor, Depends(acting(*ANYONE))],
    after: After = 0,
    limit: Limit = 100,
) -> RoundsOut:
    """By line and number; whose contributions are in them is not shown."""
    table = rounds_table
    with reading(request.app.state.engine) as connection:
        rows = connection.execute(
            select(table.c.line, table.c.round, table.c.state)
            .order_by(table.c.line, table.c.round)
            .offset(after)
            .limit(limit)
        ).all()
    page = [RoundOut(line=row.line, round=row.round, state=row.state) for row in rows]
    return RoundsOut(rounds=page, next=after + limit if len(page) == limit else None)


@router.post("/v1/purposes/{purpose}/checks", summary="Check uses that are about to be made")
def checks(
    request: Request,
    purpose: About,
    body: ChecksIn,
    actor: Annotated[Actor, Depends(acting("aggregator"))],
) -> ChecksOut:
    """An answer may only deny later: whoever commits compares versions in the committing transaction."""
    names = [use.subject for use in body.uses]
    with reading(request.app.state.engine) as connection:
        rows = connection.execute(
            select(subjects.c.subject, subjects.c.handle).where(subjects.c.subject.in_(names))
        ).all()
        handles = {row.subject: row.handle for row in rows}
        asked = np.array([handles.get(name, 0) for name in names], np.int64)
        current = notices_in(connection).current(purpose)
        found = ConsentStore(connection).versions(
            asked, purpose, notices=current, now=request.app.state.clock(), hold=False
        )
    return ChecksOut(permitted=[bool(v == use.version) for v, use in zip(found, body.uses, strict=True)])


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={
        200: {
            "content": {"text/plain": {"example": 'penchant_decisions_total{decision="granted"} 7.0'}},
            "description": "The Prometheus text format",
        }
    },
)
def metrics(request: Request, actor: Annotated[Actor, Depends(acting("operator"))]) -> Response:
    """Counts of decisions are personal in sum, so this needs a credential."""
    return Response(request.app.state.metrics.text(), media_type="text/plain; version=0.0.4")


def _shown(change: Change) -> ChangeOut:
    return ChangeOut(
        number=change.number,
        kind=change.kind,
        payload=change.payload,
        proposed_by=change.proposed_by,
        approved_by=change.approved_by,
    )
