"""The consent service over HTTP: routes, errors, limits and telemetry put together."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from privacy.keys import SigningKey
from server import problems
from server.admin import Administration
from server.consent_service import ConsentService
from server.enrolment import Admit, admit_everyone
from server.errors import ServerError
from server.key_policy import approve_keys
from server.limits import BodyLimit, Pace
from server.log_keeper import LogKeeper
from server.logs import Logs
from server.policy import CurrentNotices, appliers
from server.routes import administration, log, public, releases, subjects
from server.signed import Verifier
from server.telemetry import LOG, Metrics, Observed

SWEEP_SECONDS = 60
TICK_LOOKS = 6
"""How often within a tick's time a process looks whether it has come: whoever looks first does it."""
DESCRIPTION = """
Lets anyone out at any moment, and proves it.

Devices sign every request with their own Ed25519 key (RFC 9421; components `@method @authority @path @query`, and
`content-digest`, `if-match`, `idempotency-key`, `sec-gpc` where present; parameters `created`, `nonce`, `keyid`,
`alg`). `keyid` is the public key in base64, the pseudonym is its digest: nobody without the key learns whether
anyone is enrolled. Everybody else brings a bearer credential of their role. Errors are problem+json.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What an operator decides.

    Args:
        key: signs receipts.
        controller: who answers for the processing, as receipts name it.
        authority: the host (and port) devices sign for; None takes the one they asked.
        admit: says which devices may enrol.
        requests_a_minute: of one subject, withdrawals not counted.
        enrolments_a_second: of everybody together.
        logs: who signs the public and the private log; without them nothing is proved.
        promotion_needs_two: an officer approves before every device is pointed at a release.
        clock: seconds since 1970 UTC.
    """

    key: SigningKey
    controller: str
    authority: str | None = None
    admit: Admit = admit_everyone
    requests_a_minute: int = 120
    enrolments_a_second: int = 200
    logs: Logs | None = None
    promotion_needs_two: bool = True
    clock: Callable[[], int] = field(default=lambda: int(time.time()))


def create_app(engine: Engine, settings: ServiceSettings) -> ASGIApp:
    """Build the service over a migrated store.

    Raises:
        KeyNotApproved: the store knows other keys than those given, or two people replaced one of them.
        StoreUnavailable: the store does not answer.
    """
    approve_keys(engine, settings.key.public, settings.logs, now=settings.clock())
    app = routes_over(engine, settings)
    limited = BodyLimit(app, refuse=_too_large)
    return Observed(limited, metrics=app.state.metrics, failed=_failed)


def routes_over(engine: Engine, settings: ServiceSettings) -> FastAPI:
    """Build the routes and what they need; nothing is asked of the store yet."""
    notices = CurrentNotices(engine)
    service = ConsentService(
        engine,
        key=settings.key,
        controller=settings.controller,
        notices=notices,
        clock=settings.clock,
    )
    keeper = LogKeeper(engine, settings.logs, clock=settings.clock)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_every(SWEEP_SECONDS, service.sweep, "sweep_failed"))]
        if settings.logs is not None:
            often = settings.logs.tick_seconds / TICK_LOOKS
            tasks.append(asyncio.create_task(_every(often, keeper.tick, "tick_failed")))
        yield
        for task in tasks:
            task.cancel()
        engine.dispose()

    app = FastAPI(
        title="Penchant consent",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # the page would fetch its scripts from a third party, who would learn who reads it
        redoc_url=None,
    )
    app.state.engine = engine
    app.state.keeper = keeper
    app.state.clock = settings.clock
    app.state.notices = notices
    app.state.service = service
    strangers = Pace(rate=1, burst=60, names=1)
    app.state.admin = Administration(
        engine,
        appliers=appliers(settings.clock, logs=settings.logs),
        clock=settings.clock,
        strangers=lambda: strangers.may("anybody"),
    )
    app.state.verifier = Verifier(settings.authority)
    app.state.admit = settings.admit
    app.state.promotion_needs_two = settings.promotion_needs_two
    app.state.metrics = Metrics()
    app.state.pace = Pace(rate=settings.requests_a_minute / 60, burst=settings.requests_a_minute)
    pace = settings.enrolments_a_second
    app.state.enrolment_pace = Pace(rate=pace, burst=10 * pace, names=1)
    for router in (subjects.router, public.router, log.router, administration.router, releases.router):
        app.include_router(router)
    problems.install(app)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


async def _every(seconds: float, work: Callable[[], object], failed: str) -> None:
    while True:
        try:
            await run_in_threadpool(work)
        except ServerError:
            LOG.exception(failed)
        await asyncio.sleep(seconds)


def _document(app: FastAPI) -> dict[str, object]:
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
        components = found["components"]
        components["schemas"]["Problem"] = problems.Problem.model_json_schema()
        components.setdefault("securitySchemes", {})["signature"] = {
            "type": "http",
            "scheme": "signature",
            "description": "RFC 9421, Ed25519; see above.",
        }
        for path, operations in found["paths"].items():
            for operation in operations.values():
                if path.startswith("/v1/subjects"):
                    operation["security"] = [{"signature": []}]
                for status in ("422",):
                    stated = operation["responses"].get(status)
                    if stated and "application/json" in stated.get("content", {}):
                        operation["responses"][status] = problems.responses(422)[422]
        components["schemas"].pop("HTTPValidationError", None)
        components["schemas"].pop("ValidationError", None)
        app.openapi_schema = found
    return app.openapi_schema


async def _too_large(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problems.problem(413, "too_large", "a request body holds at most 128 KiB here")
    await answer(scope, receive, send)


async def _failed(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problems.problem(500, "server_error", "see the service's log; nothing was decided")
    await answer(scope, receive, send)
