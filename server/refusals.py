"""Why a signed request is refused, to whoever holds its key."""

from typing import ClassVar

from server.errors import ServerError

WINDOW = 300
"""Seconds by which a device's clock may be off; older requests are replays."""


class Stale(ServerError):
    """The request is older than its window, or was used before: sign a new one.

    Args:
        why: what to do about it.
        now: the service's time, for a device whose clock is off.
    """

    code: ClassVar[str] = "stale_request"

    def __init__(self, why: str, *, now: int) -> None:
        super().__init__(why)
        self.now = now


class NotEnrolled(ServerError):
    """Nobody is enrolled under this name; only who holds its key hears so."""

    code: ClassVar[str] = "not_enrolled"

    def __init__(self) -> None:
        super().__init__("nobody is enrolled under this name; POST /v1/subjects first")


class JustWithdrawn(ServerError):
    """A withdrawal has just arrived for this name, or the store was just restored: enrol again later."""

    code: ClassVar[str] = "just_withdrawn"

    def __init__(self) -> None:
        self.retry_after = 2 * WINDOW
        super().__init__(f"withdrawn or restored a moment ago; enrol again in {self.retry_after} s")


class KeyReused(ServerError):
    """The idempotency key was used for another request: choose a new one."""

    code: ClassVar[str] = "idempotency_key_reused"
