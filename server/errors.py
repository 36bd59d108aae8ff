"""The root of every error that `server` raises."""

from typing import ClassVar


class ServerError(Exception):
    """Say what about the server failed, where, and how to mend it.

    Subclasses stand for different things the caller does next; `code` is stable and may be shown or logged.
    """

    code: ClassVar[str] = "server_error"


class InputRefused(ServerError):
    """A file or an option says something that cannot be used."""

    code: ClassVar[str] = "input_refused"


class ChangeRefused(ServerError):
    """The change cannot take effect as it stands: propose it again, mended."""

    code: ClassVar[str] = "change_refused"


class KeyNotApproved(ServerError):
    """The key is not one that two people approved: it must not sign."""

    code: ClassVar[str] = "key_not_approved"
