"""What can go wrong with a round, by what the caller does about it."""

from typing import ClassVar

from server.errors import ServerError


class RoundError(ServerError):
    """The round is not in a state that allows this: the caller opens a new one."""

    code: ClassVar[str] = "round_state"


class ReplyRefused(ServerError):
    """A reply names devices that were not asked, or twice, or does not fit the terms: it counts as zero."""

    code: ClassVar[str] = "reply_refused"


class ConsentMoved(ServerError):
    """Somebody in the sum withdrew or consented anew: recompute without them, or abort."""

    code: ClassVar[str] = "consent_moved"


class CrowdTooSmall(ServerError):
    """Fewer devices answered than the line asks for: wait for more, or abort; nothing was spent."""

    code: ClassVar[str] = "crowd_too_small"
