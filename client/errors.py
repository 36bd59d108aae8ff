"""The root of every error that `client` raises."""

from typing import ClassVar


class ClientError(Exception):
    """Say what about the client failed, where, and how to mend it.

    Subclasses stand for different things the caller does next; `code` is stable and may be shown or logged.
    """

    code: ClassVar[str] = "client_error"
