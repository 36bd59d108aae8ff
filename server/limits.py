"""Limits that keep the service answering: on size and on pace, and never on the way out."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import ClassVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import ServerError

LARGEST_BODY = 128 * 1024


class TooMany(ServerError):
    """Too many requests within a short time: wait as long as Retry-After says. Withdrawals never wait."""

    code: ClassVar[str] = "too_many_requests"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many requests; try again in {retry_after} s")
        self.retry_after = retry_after


class Pace:
    """A token bucket a name, kept in memory for the names seen last.

    Args:
        rate: tokens that come back in a second.
        burst: most tokens at hand.
        names: most names remembered; the one unseen for longest is forgotten, with a full bucket.
        clock: seconds, never going backwards.
    """

    def __init__(
        self, *, rate: float, burst: int, names: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._names, self._clock = rate, burst, names, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str) -> None:
        """Take one token.

        Raises:
            TooMany: there is none.
        """
        wait = self._take(name)
        if wait:
            raise TooMany(max(1, round(wait)))

    def may(self, name: str) -> bool:
        """Take one token if there is one; tell whether there was."""
        return not self._take(name)

    def _take(self, name: str) -> float:
        """Take one token if there is one; return how long to wait for one otherwise, seconds."""
        with self._lock:
            now = self._clock()
            left, at = self._buckets.pop(name, (float(self._burst), now))
            left = min(self._burst, left + (now - at) * self._rate)
            self._buckets[name] = (left - 1 if left >= 1 else left, now)
            if len(self._buckets) > self._names:
                self._buckets.popitem(last=False)
        return 0.0 if left >= 1 else (1 - left) / self._rate


_STREAMED = re.compile(r"/v1/releases/[^/]+/files/[^/]+")
"""Whoever sends here shows a credential first, and the route itself stops reading."""


class BodyLimit:
    """Stop reading a request whose body is larger than anything this service understands.

    Args:
        app: what the request goes to.
        refuse: the response to one that is too large.
    """

    def __init__(self, app: ASGIApp, *, refuse: ASGIApp) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body up to the limit, then hand it on whole."""
        if scope["type"] != "http" or (scope["method"] == "PUT" and _STREAMED.fullmatch(scope["path"])):
            await self._app(scope, receive, send)
            return
        chunks: list[bytes] = []
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            chunks.append(message.get("body", b""))
            more = bool(message.get("more_body"))
            if sum(map(len, chunks)) > LARGEST_BODY:
                await self._refuse(scope, receive, send)
                return
        whole: Message | None = {"type": "http.request", "body": b"".join(chunks), "more_body": False}

        async def again() -> Message:
            nonlocal whole
            message, whole = whole, None
            return message if message is not None else await receive()

        await self._app(scope, again, send)
