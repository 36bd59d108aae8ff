"""Errors as problem+json (RFC 9457): one body a kind, a stable code, and never a value that was sent."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from privacy.http_signature import RequestRefused
from server.admin import CredentialRefused, FourEyes, NotAllowed
from server.consent import NoticeOutdated, SignalRefuses, TooManyGrants, VersionMoved
from server.consent_ledger import NoProofYet
from server.database import StoreUnavailable
from server.enrolment import EnrolmentRefused
from server.errors import ChangeRefused, ServerError
from server.limits import TooMany
from server.logs import NoLog
from server.notices import NoticeError
from server.refusals import JustWithdrawn, KeyReused, NotEnrolled, Stale
from server.releases import NoRelease, ReleaseRefused

STATUS: dict[type[Exception], int] = {
    RequestRefused: 401,
    Stale: 401,
    NotAllowed: 401,
    SignalRefuses: 403,
    EnrolmentRefused: 403,
    NotEnrolled: 404,
    JustWithdrawn: 409,
    NoticeOutdated: 409,
    FourEyes: 409,
    VersionMoved: 412,
    NoRelease: 404,
    NoLog: 404,
    NoProofYet: 404,
    ChangeRefused: 422,
    ReleaseRefused: 422,
    CredentialRefused: 422,
    NoticeError: 422,
    KeyReused: 422,
    TooMany: 429,
    TooManyGrants: 429,
    StoreUnavailable: 503,
}
TITLES = {
    401: "Not authenticated",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    409: "Not in this state",
    412: "The version moved",
    413: "Too large",
    416: "No such range",
    415: "Not JSON",
    422: "Not understood",
    428: "A condition is missing",
    429: "Too often",
    500: "The service failed; nothing was decided",
    503: "Not available; nothing was decided",
}
MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong and how to mend it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "The version moved",
                    "status": 412,
                    "code": "version_moved",
                    "detail": "the consent is at version 4; read it and grant again with If-Match",
                    "version": 4,
                }
            ]
        }
    )

    type: str = Field(description="always about:blank; `code` tells kinds apart")
    title: str
    status: int
    code: str = Field(description="stable, for programs")
    detail: str = Field(description="what, where and how to mend it; holds nothing that was sent")
    version: int | None = Field(default=None, description="with version_moved: the current one")
    now: int | None = Field(default=None, description="with stale_request: the service's time, seconds")


def problem(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return a problem as a response."""
    body = {"type": "about:blank", "title": TITLES.get(status, "Error"), "status": status, "code": code}
    return JSONResponse(
        {**body, "detail": detail, **more}, status_code=status, media_type=MEDIA_TYPE, headers=headers
    )


def of_error(error: Exception) -> JSONResponse:
    """Return the problem that one of our errors is."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    code = str(getattr(error, "code", "server_error"))
    if status == 401:
        scheme = {"www-authenticate": "Bearer" if isinstance(error, NotAllowed) else "Signature"}
        more = {"now": error.now} if isinstance(error, Stale) else {}
        return problem(status, code, str(error), headers=scheme, **more)
    if isinstance(error, VersionMoved):
        etag = {"etag": f'"{error.current}"'}
        return problem(status, code, str(error), headers=etag, version=error.current)
    if isinstance(error, TooMany | TooManyGrants | JustWithdrawn):
        return problem(status, code, str(error), headers={"retry-after": str(error.retry_after)})
    if isinstance(error, StoreUnavailable):
        return problem(status, code, str(error), headers={"retry-after": "5"})
    return problem(status, code, str(error) if status != 500 else "see the service's log")


def install(app: FastAPI) -> None:
    """Turn every error of the application into a problem."""

    async def ours(request: Request, error: Exception) -> JSONResponse:
        return of_error(error)

    async def http(request: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        detail = {404: "there is nothing here; see", 405: "this path knows other methods; see"}
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        where = f"{detail.get(status, 'see')} /openapi.json"
        return problem(status, "http_error", where, headers=headers)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        where = "; ".join(f"{_place(each)}: {each['type']}" for each in found[:5])
        missing = any(each["loc"][0] == "header" and each["type"] == "missing" for each in found)
        status, code = (428, "condition_missing") if missing else (422, "not_understood")
        return problem(status, code, f"{where}; see /openapi.json")

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        return problem(500, "server_error", "see the service's log; nothing was decided")

    for kind in (ServerError, RequestRefused):
        app.add_exception_handler(kind, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unexpected)


def _place(error: dict[str, Any]) -> str:
    """Return where something is wrong, in our words only: an unknown field's name is the sender's."""
    where = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    return ".".join(map(str, where))


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of these problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": TITLES[status], "content": content} for status in statuses}
