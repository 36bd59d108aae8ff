"""No identifier in logs, metrics, errors or exceptions: everything that goes out is searched for what went in."""

import io
import logging
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI, Request

from privacy.keys import SigningKey
from server import problems
from server.enrolment import admit_vouched, vouch
from server.telemetry import LOG, JsonLines
from tests.e2e.consenting import BASE, CONTRIBUTION, Device, Plant, Service, serving

WORD = "sentinel-7f3c9a1e"


class Heard:
    """Every log line, every error's text and every error body."""

    def __init__(self) -> None:
        self.log = io.StringIO()
        self.texts: list[str] = []

    def leaks(self, sentinels: dict[str, str]) -> list[str]:
        """Return which sentinels went out."""
        out = "\n".join([self.log.getvalue(), *self.texts]).lower()
        return [name for name, value in sentinels.items() if value.lower() in out]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    found, root = Heard(), logging.getLogger()
    handler = logging.StreamHandler(found.log)
    handler.setFormatter(JsonLines())
    before = root.handlers, root.level, LOG.level
    root.handlers = [handler]
    root.setLevel(logging.DEBUG)
    LOG.setLevel(logging.DEBUG)
    of_error = problems.of_error

    def listening(error: Exception) -> object:
        found.texts.append(str(error))
        return of_error(error)

    monkeypatch.setattr(problems, "of_error", listening)
    yield found
    root.handlers = before[0]
    root.setLevel(before[1])
    LOG.setLevel(before[2])


def lives(service: Service, app: SigningKey, heard: Heard) -> dict[str, str]:
    """Use every route, rightly and wrongly; return what must not be seen again."""
    device = service.device()
    token = vouch(device.subject, app)
    answers = [
        device.enrol(f"{WORD}-wrong-token"),
        device.enrol(token),
        device.consents(**{"user-agent": f"{WORD}-agent", "x-forwarded-for": "203.0.113.77"}),
        device.grant(key=f"{WORD}-key"),
        device.grant(5, key=f"{WORD}-key"),
        device.grant(5),
        device.grant(1, notice="5e" * 32),
        device.withdraw(),
        device.refuse(),
        device.ask("GET", f"{device.path}/receipts"),
        device.ask("GET", f"{device.path}/receipts?limit={WORD}"),
        service.device().ask("GET", device.path + "/consents"),
        service.device().consents(),
        service.get(f"/v1/notices/{WORD}"),
        service.get(f"/v1/{WORD}/{device.subject}"),
        service.get(f"/v1/notices?language={WORD}!"),
        service.ask(httpx.Request(f"X{WORD}".upper(), f"{BASE}/v1/notices")),
        device.ask("POST", "/v1/subjects", {f"{WORD}-field": f"{WORD}-value"}),
    ]
    operator, officer = service.credential("operator", "ada"), service.credential("officer", "grace")
    auditor = service.credential("auditor", "carol")
    bad = {"actor": f"{WORD} name", "role": f"{WORD} role", f"{WORD}": 1}
    line = {"kind": "budget", "payload": {"line": f"{WORD}", "epsilon_budget": f"{WORD}"}}
    answers += [
        operator.ask("POST", "/v1/changes", {"kind": "credential", "payload": bad}),
        operator.ask("POST", "/v1/changes", {"kind": f"{WORD}", "payload": {}}),
        operator.ask("POST", "/v1/changes", line),
        officer.approve(operator.propose("notice", {"notices": [{f"{WORD}": f"{WORD}"}]})),
        auditor.ask("POST", "/v1/changes", {"kind": f"{WORD}"}),
        auditor.ask("GET", f"/v1/admin-log?after={WORD}"),
    ]
    replay = device.kept[-1]
    answers += [service.ask(replay), device.erase(), device.consents()]
    heard.texts += [each.text for each in answers if each.status_code >= 400]
    heard.texts.append(operator.ask("GET", "/metrics").text)
    assert sum(each.status_code >= 400 for each in answers) > 15
    assert sum(each.is_success for each in answers) > 6
    nonces = {f"nonce {n}": _nonce(request) for n, request in enumerate(device.kept)}
    return {
        "words": WORD,
        "pseudonym": device.subject,
        "part of it": device.subject[:12],
        "key": device.key.public.base64,
        "enrolment token": token,
        "credential": operator.token,
        "address": "203.0.113.77",
        "client": "127.0.0.1",
        "notice that was not": "5e" * 32,
        "notice": service.notice(),
        **nonces,
    }


def _nonce(request: httpx.Request) -> str:
    return request.headers["signature-input"].split('nonce="')[1].split('"')[0]


def run(database: str, heard: Heard, *, plant: Plant | None = None) -> list[str]:
    app = SigningKey.generate()
    with serving(database, plant=plant, admit=admit_vouched(app.public)) as service:
        return heard.leaks(lives(service, app, heard))


def test_nothing_that_names_anybody_goes_out(database: str, heard: Heard) -> None:
    assert run(database, heard) == []
    lines = heard.log.getvalue().splitlines()
    assert any('"event": "request"' in line for line in lines)


def test_a_log_line_with_a_path_is_found_out(sqlite_database: str, heard: Heard) -> None:
    """A planted leak."""

    def plant(app: FastAPI) -> None:
        @app.middleware("http")
        async def talkative(request: Request, call_next: object) -> object:
            LOG.info("asked", extra={"fields": {"path": request.url.path}})
            return await call_next(request)  # type: ignore[operator]

    assert "pseudonym" in run(sqlite_database, heard, plant=plant)


def test_what_an_unexpected_error_says_stays_inside(sqlite_database: str, heard: Heard) -> None:
    def plant(app: FastAPI) -> None:
        @app.get("/v1/broken/{word}")
        def broken(word: str) -> None:
            raise ValueError(f"no luck with {word}")

    with serving(sqlite_database) as service:
        inner = service.app
        while not isinstance(inner, FastAPI):
            inner = inner._app
        plant(inner)
        heard.texts.append(service.get(f"/v1/broken/{WORD}").text)
        heard.texts.append(service.credential("operator", "ada").ask("GET", "/metrics").text)
    assert '"error": "ValueError"' in heard.log.getvalue()
    assert heard.leaks({"word": WORD, "text": "no luck"}) == []


def test_a_database_error_names_no_value(database: str, heard: Heard) -> None:
    with serving(database) as service:
        device: Device = service.enrolled()
        with service.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE receipts RENAME TO elsewhere")
        answer = device.grant()
        assert answer.status_code in (500, 503)
        heard.texts.append(answer.text)
        sentinels = {"pseudonym": device.subject, "nonce": _nonce(device.kept[-1]), "purpose": CONTRIBUTION}
    assert heard.leaks({name: sentinels[name] for name in ("pseudonym", "nonce")}) == []
