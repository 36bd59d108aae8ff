"""A device and an administrator over HTTP, and the service they talk to: real requests, a clock of the test's own."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
from fastapi import FastAPI
from sqlalchemy import Engine

from privacy.canonical import encode
from privacy.http_signature import SignedRequest, sign
from privacy.keys import SigningKey
from privacy.pseudonym import subject_of
from server.admin import bootstrap
from server.api import ServiceSettings, create_app, routes_over
from server.consent import Purpose
from server.consent_service import ConsentService
from server.database import migrate, open_engine, reading
from server.notices import shipped_notices

NOW = 1_796_000_000
CONTRIBUTION: Purpose = "federated_contribution"
HOST = "consent.test"
BASE = f"http://{HOST}"


@dataclass(slots=True)
class Clock:
    """A clock that stands until it is moved."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass(slots=True, kw_only=True)
class Service:
    """The service over one database, asked in process."""

    engine: Engine
    clock: Clock
    key: SigningKey
    app: Any
    tokens: list[str] = field(default_factory=list)

    def ask(self, request: httpx.Request) -> httpx.Response:
        """Send one request through the whole application."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.send(request)

        return anyio.run(send)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask without any credential."""
        return self.ask(httpx.Request("GET", BASE + path, headers=headers))

    def sweep(self) -> None:
        """Forget what is too old, as the service does every minute."""
        ConsentService(
            self.engine, key=self.key, controller="", notices=shipped_notices, clock=self.clock
        ).sweep()

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        with reading(self.engine) as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())

    def device(self) -> "Device":
        """Return a device that is new here."""
        return Device(self, SigningKey.generate())

    def enrolled(self) -> "Device":
        """Return a device that is enrolled."""
        made = self.device()
        assert made.enrol().status_code == 201
        return made

    def notice(self, purpose: str = CONTRIBUTION, language: str = "en") -> str:
        """Return the digest of the notice to show."""
        listed = self.get(f"/v1/notices?language={language}").json()["notices"]
        return str(next(each["digest"] for each in listed if each["content"]["purpose"] == purpose))

    def credential(self, role: str, name: str) -> "Administrator":
        """Return somebody with a credential."""
        days = 30 if role == "auditor" else 365
        token = bootstrap(self.engine, actor=name, role=role, days=days, now=self.clock())
        self.tokens.append(token)
        return Administrator(self, token)


@dataclass(slots=True)
class Device:
    """Whoever holds one key."""

    service: Service
    key: SigningKey
    kept: list[httpx.Request] = field(default_factory=list)

    @property
    def subject(self) -> str:
        return subject_of(self.key.public)

    @property
    def path(self) -> str:
        return f"/v1/subjects/{self.subject}"

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        created: int | None = None,
    ) -> httpx.Request:
        """Return a signed request."""
        content = b"" if body is None else encode(dict(body))
        kind = {"content-type": "application/json"} if content else {}
        plain = httpx.Request(method, BASE + path, content=content, headers={**(headers or {}), **kind})
        made = self.signed(plain, created=created)
        self.kept.append(made)
        return made

    def signed(self, request: httpx.Request, *, created: int | None = None) -> httpx.Request:
        """Return a request with the headers that prove who sends it."""
        plain = SignedRequest(
            method=request.method,
            authority=HOST,
            path=request.url.raw_path.partition(b"?")[0].decode(),
            query=request.url.query.decode(),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.content,
        )
        at = self.service.clock() if created is None else created
        request.headers.update(sign(plain, self.key, created=at, nonce=secrets.token_urlsafe(16)))
        return request

    def ask(self, method: str, path: str, *args: Any, **more: Any) -> httpx.Response:
        """Sign a request and send it."""
        return self.service.ask(self.request(method, path, *args, **more))

    def enrol(self, token: str | None = None) -> httpx.Response:
        return self.ask("POST", "/v1/subjects", {"token": token})

    def consents(self, **headers: str) -> httpx.Response:
        return self.ask("GET", f"{self.path}/consents", None, headers)

    def consent(self, purpose: str = CONTRIBUTION) -> dict[str, Any]:
        """Return one purpose as the service shows it."""
        listed: list[dict[str, Any]] = self.consents().json()["consents"]
        return next(each for each in listed if each["purpose"] == purpose)

    def granting(
        self,
        version: int = 0,
        *,
        purpose: str = CONTRIBUTION,
        key: str | None = None,
        notice: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        """Return a grant, not sent yet."""
        body = {"notice": notice or self.service.notice(purpose), "language": "en"}
        conditions = {"if-match": f'"{version}"', "idempotency-key": key or secrets.token_hex(8)}
        return self.request("PUT", f"{self.path}/consents/{purpose}", body, {**conditions, **(headers or {})})

    def grant(self, version: int = 0, **more: Any) -> httpx.Response:
        return self.service.ask(self.granting(version, **more))

    def withdraw(self, purpose: str = CONTRIBUTION, **more: Any) -> httpx.Response:
        return self.ask("DELETE", f"{self.path}/consents/{purpose}", **more)

    def refuse(self, purpose: str = CONTRIBUTION) -> httpx.Response:
        return self.ask("POST", f"{self.path}/consents/{purpose}/refusals")

    def erase(self) -> httpx.Response:
        return self.ask("DELETE", self.path)


@dataclass(slots=True)
class Administrator:
    """Whoever holds one credential."""

    service: Service
    token: str

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **headers: str
    ) -> httpx.Response:
        given = {**headers, "authorization": f"Bearer {self.token}"}
        return self.service.ask(httpx.Request(method, BASE + path, headers=given, json=body))

    def propose(self, kind: str, payload: Mapping[str, Any]) -> int:
        """Propose a change and return its number."""
        done = self.ask("POST", "/v1/changes", {"kind": kind, "payload": payload})
        assert done.status_code == 201, done.text
        return int(done.json()["number"])

    def approve(self, number: int) -> httpx.Response:
        return self.ask("POST", f"/v1/changes/{number}/approval")


Plant = Callable[[FastAPI], None]


@contextmanager
def serving(
    database: str, *, key: SigningKey | None = None, plant: Plant | None = None, **more: Any
) -> Iterator[Service]:
    """Migrate a database and serve consent over it; a fault may be planted in the routes."""
    engine, clock, key = open_engine(database), Clock(), key or SigningKey.generate()
    migrate(engine)
    settings = ServiceSettings(key=key, controller="Example Ltd", clock=clock, **more)
    app = create_app(engine, settings)
    if plant is not None:
        faulty = routes_over(engine, settings)
        plant(faulty)
        app = faulty
    try:
        yield Service(engine=engine, clock=clock, key=key, app=app)
    finally:
        engine.dispose()
