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
