"""Requests that leave the device: bounded in time and size, never redirected, never in anybody's log.

httpx's client writes each URL to a log, and a URL may hold a pseudonym; its transport alone does not. httpx is
imported at the first request: a device that ranks offline does not pay for it.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from client.errors import ClientError

if TYPE_CHECKING:
    import httpx

SECONDS = 10.0
TOTAL_SECONDS = 60.0


class WebError(ClientError):
    """No usable answer came: the caller tries again later."""

    code = "no_answer"


class AddressRefused(ClientError):
    """The address is not one a device may talk to: the caller mends it."""

    code = "address_refused"


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go.

    Args:
        origin: scheme and authority.
        authority: host, with the port unless it is the scheme's own; lower case.
        path: what every path begins with, without a slash at its end.
    """

    origin: str
    authority: str
    path: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        status: of HTTP.
        headers: by lower-case name.
        body: at most as long as was asked for.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def read_address(url: str) -> Address:
    """Read a base URL: https, or http to this machine itself.

    Raises:
        AddressRefused: it is something else, or carries user, query or fragment.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise AddressRefused("the server's address is not a URL") from None
    if not host or parts.username or parts.query or parts.fragment or parts.scheme not in ("https", "http"):
        raise AddressRefused(
            "give the server's address as https://host/path, without user, query or fragment"
        )
    if parts.scheme == "http" and not _is_here(host):
        raise AddressRefused("http is spoken to this machine itself only: use https")
    named = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}[parts.scheme]
    authority = named if port in (None, usual) else f"{named}:{port}"
    return Address(f"{parts.scheme}://{authority}", authority, parts.path.rstrip("/"))


def _is_here(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class Web:
    """Send requests over kept connections; nothing is sent before the first `send`."""

    def __init__(self, *, seconds: float = SECONDS, total_seconds: float = TOTAL_SECONDS) -> None:
        self._seconds, self._total = seconds, total_seconds
        self._transport: httpx.HTTPTransport | None = None
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        most: int = 2**18,
        into: Callable[[Answer], Callable[[bytes], object]] | None = None,
    ) -> Answer:
        """Send one request and read the whole answer.

        Args:
            method: upper case.
            url: whole.
            headers: beside Host, which follows from the URL.
            body: what is sent.
            most: bytes of the answer's body that are read at most.
            into: given the answer's head, returns what takes each part of the body; without it the body is
                returned. Parts that were taken stay taken when the rest does not come.

        Raises:
            WebError: no answer, one that is too slow or one that is too long.
        """
        import httpx

        with self._lock:  # two threads that send at once share one
            transport = self._transport = self._transport or httpx.HTTPTransport()
        timeout = httpx.Timeout(self._seconds).as_dict()
        request = httpx.Request(
            method, url, headers=dict(headers), content=body or None, extensions={"timeout": timeout}
        )
        parts, size = list[bytes](), 0
        # A server that drips bytes never reaches the limit between two of them: its connection is cut.
        late = threading.Timer(self._total, self.close)
        late.daemon = True
        late.start()
        try:
            answer = transport.handle_request(request)
            head = Answer(answer.status_code, _named(answer.headers), b"")
            take = into(head) if into else parts.append
            try:
                for part in answer.stream:  # type: ignore[union-attr]
                    take(part)
                    size += len(part)
                    if size > most:
                        raise WebError("the server's answer is too long")
            finally:
                answer.close()
        except httpx.HTTPError as error:
            raise WebError(f"the server does not answer: {type(error).__name__}") from None
        finally:
            late.cancel()
        return replace(head, body=b"".join(parts))

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
