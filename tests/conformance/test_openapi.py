"""The OpenAPI document: complete for a reader, and true of the service whatever is sent."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok

from privacy.keys import SigningKey
from server.api import ServiceSettings, routes_over
from server.database import open_engine
from server.problems import MEDIA_TYPE
from tests.e2e.consenting import BASE, Device, Service, serving

METHODS = {"get", "put", "post", "delete"}
CREDENTIALS = ("operator", "officer", "auditor", "aggregator")


def document() -> dict[str, Any]:
    engine = open_engine("sqlite:///never-opened.db")
    return routes_over(engine, ServiceSettings(key=SigningKey.generate(), controller="")).openapi()


DOCUMENT = document()
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if method in METHODS
]


def has_example(content: dict[str, Any]) -> bool:
    """Tell whether a body's description shows one, by itself or through its schema."""
    if "example" in content or "examples" in content:
        return True
    schema = content.get("schema", {})
    parts = [schema, *schema.get("oneOf", ())]
    named = [part["$ref"].rsplit("/", 1)[1] for part in parts if "$ref" in part]
    found = [DOCUMENT["components"]["schemas"][name] for name in named]
    return bool(found) and all("examples" in each for each in found)


def lacking(operation: dict[str, Any]) -> list[str]:
    """Return what a reader would miss of an operation."""
    missing = [field for field in ("summary", "description", "tags") if not operation.get(field)]
    parameters = operation.get("parameters", ())
    missing += [f"parameter {part['name']}" for part in parameters if not part.get("description")]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None and not has_example(body):
        missing.append("example of the request")
    for status, answer in operation["responses"].items():
        for kind, content in answer.get("content", {}).items():
            if not has_example(content):
                missing.append(f"example of {status}")
            if status >= "400" and kind != MEDIA_TYPE:
                missing.append(f"{status} as a problem")
    if not {"500", "503"} <= set(operation["responses"]):
        missing.append("problems")
    if operation.get("security") and "401" not in operation["responses"]:
        missing.append("401")
    return missing


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_each_operation_has_a_description_examples_and_problems(name: str, operation: dict[str, Any]) -> None:
    assert lacking(operation) == []


@pytest.mark.parametrize("field", ["description", "requestBody", "responses"])
def test_an_operation_that_lacks_something_is_found_out(field: str) -> None:
    operation = dict(DOCUMENT["paths"]["/v1/subjects/{subject}/consents/{purpose}"]["put"])
    bare = {"content": {"application/json": {"schema": {"type": "object"}}}}
    operation[field] = {"description": "", "requestBody": bare, "responses": {"200": bare}}[field]
    assert lacking(operation)


def test_the_document_says_how_to_sign_and_that_withdrawals_are_never_limited() -> None:
    assert "RFC 9421" in DOCUMENT["info"]["description"]
    withdrawal = DOCUMENT["paths"]["/v1/subjects/{subject}/consents/{purpose}"]["delete"]
    assert "Never limited" in withdrawal["description"]
    assert "429" not in withdrawal["responses"]


def test_the_document_and_nothing_of_a_third_party_is_served(sqlite_database: str) -> None:
    with serving(sqlite_database) as service:
        assert service.get("/openapi.json").json()["paths"].keys() == DOCUMENT["paths"].keys()
        assert service.get("/docs").status_code == 404


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database, requests_a_minute=10**6, enrolments_a_second=10**6) as made:
        yield made


def send(
    service: Service, device: Device, tokens: list[str], case: Case[Any], *, mine: bool
) -> httpx.Response:
    """Send a generated request the way its path wants it: signed by the device, or with a credential."""
    if mine and "subject" in case.path_parameters:
        case.path_parameters["subject"] = device.subject
    parts = case.as_transport_kwargs(base_url=BASE)
    parts["headers"] = {
        name: value for name, value in parts["headers"].items() if name.lower() != "authorization"
    }
    cookies = parts.pop("cookies", None)
    assert not cookies
    if isinstance(parts.get("data"), bytes | str):
        parts["content"] = parts.pop("data")
    made = httpx.Request(**parts)
    if "/subjects" in made.url.path:
        return service.ask(device.signed(made))
    answer = service.ask(made)
    for token in tokens:
        made.headers["authorization"] = f"Bearer {token}"
        answer = service.ask(made)
        if answer.status_code != 401:
            break
    return answer


def explore(service: Service, operation: APIOperation[Any, Any, Any, Any]) -> bool:
    """Send what the document allows and what it does not; tell whether anything got past authentication."""
    modes = st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode])
    device, name = service.enrolled(), f"{operation.method.upper()} {operation.path}"
    passed: list[str] = []

    @settings(max_examples=8, database=None, suppress_health_check=list(HealthCheck))
    @given(case=modes, mine=st.booleans())
    def run(case: Case[Any], mine: bool) -> None:
        answer = send(service, device, service.tokens, case, mine=mine)
        assert answer.status_code < 500, (name, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == MEDIA_TYPE
            assert {"title", "status", "code", "detail"} <= answer.json().keys()
        if answer.status_code not in (401, 405):
            passed.append(name)

    run()
    return bool(passed)


def test_nothing_generated_from_the_document_makes_the_service_fail(service: Service) -> None:
    for role in CREDENTIALS:
        service.credential(role, f"the-{role}")
    found = list(schemathesis.openapi.from_dict(DOCUMENT).get_all_operations())
    assert len(found) == len(OPERATIONS)
    for result in found:
        assert isinstance(result, Ok)
        assert explore(service, result.ok())


def test_a_failure_is_found_and_answered_as_a_problem(sqlite_database: str) -> None:
    """A planted fault: a route that raises what nobody expected."""

    def plant(app: FastAPI) -> None:
        @app.get("/v1/broken")
        def broken() -> None:
            raise ZeroDivisionError("secret words")

    with serving(sqlite_database, plant=plant) as service:
        answer = service.get("/v1/broken")
    assert (answer.status_code, answer.headers["content-type"]) == (500, MEDIA_TYPE)
    assert "secret" not in answer.text
