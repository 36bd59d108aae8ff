"""The channel to a service: requests signed by the device's key, answers believed no further than they prove."""

import email.utils
import json
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from client.device.consent_errors import ConsentRefused, ConsentUnavailable
from client.device.web import Address, Answer, Web, WebError
from privacy.http_signature import SignedRequest, sign
from privacy.keys import SigningKey

_CODE = re.compile(r"[a-z_]{1,40}")


class Channel:
    """One device at one service.

    Args:
        address: of the service.
        key: the device's key for this service.
        clock: seconds since 1970 UTC.
        web: sends requests.
    """

    def __init__(self, address: Address, *, key: SigningKey, clock: Callable[[], int], web: Web) -> None:
        self._address = address
        self._key = key
        self._clock = clock
        self._web = web
        self._ahead = 0

    def ask(
        self, method: str, path: str, *, query: str = "", body: bytes = b"", signed: bool = True
    ) -> Answer:
        """Send one request and return its answer, if it is a good one.

        Raises:
            ConsentUnavailable, ConsentRefused: it is not.
        """
        return good(self.answer(method, path, query=query, body=body, signed=signed))

    def answer(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        signed: bool = True,
    ) -> Answer:
        """Send one request; if it was too old by the service's clock, sign it once more by that clock."""
        answer = self._send(method, path, query, dict(headers or {}), body, signed)
        if signed and answer.status == 401 and (there := _date(answer)) is not None:
            self._ahead = there - self._clock()
            answer = self._send(method, path, query, dict(headers or {}), body, signed)
        return answer

    def _send(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes, signed: bool
    ) -> Answer:
        if body:
            headers["content-type"] = "application/json"
        path = self._address.path + path
        if signed:
            request = SignedRequest(
                method=method,
                authority=self._address.authority,
                path=path,
                query=query,
                headers=headers,
                body=body,
            )
            created = self._clock() + self._ahead
            headers |= sign(request, self._key, created=created, nonce=secrets.token_urlsafe(16))
        url = f"{self._address.origin}{path}" + (f"?{query}" if query else "")
        try:
            return self._web.send(method, url, headers=headers, body=body)
        except WebError as error:
            raise ConsentUnavailable(str(error), problem=error.code) from None


def good(answer: Answer) -> Answer:
    """Return a good answer; of a bad one believe nothing but its status and a code that looks like one.

    Raises:
        ConsentUnavailable: the service asks to come back later, or cannot decide.
        ConsentRefused: it refuses.
    """
    if 200 <= answer.status < 300:
        return answer
    code = code_of(answer)
    after = answer.headers.get("retry-after", "")
    wait = min(int(after), 3600) if after.isascii() and after.isdigit() and len(after) < 6 else 0
    if answer.status in (408, 429) or answer.status >= 500 or answer.status < 400:
        raise ConsentUnavailable(f"the service answers {answer.status}", problem=code, retry_after=wait)
    raise ConsentRefused(f"the service refuses with {answer.status}: {code}", problem=code)


def code_of(answer: Answer) -> str:
    """Return the stable code of a problem, or ``no_code``."""
    try:
        code = json.loads(answer.body).get("code")
    except (ValueError, AttributeError, RecursionError):
        return "no_code"
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "no_code"


def read_object(answer: Answer) -> dict[str, Any]:
    """Return an answer's JSON object.

    Raises:
        ConsentUnavailable: it holds none.
    """
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConsentUnavailable("the service's answer is not JSON", problem="malformed_answer")
    return found


def _date(answer: Answer) -> int | None:
    """Return the service's time: of its problem where that says it, else of its Date header."""
    try:
        said = json.loads(answer.body).get("now")
        if type(said) is int:
            return said
        return round(email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp())
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
