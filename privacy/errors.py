"""The root of every error that `privacy` raises."""

from typing import ClassVar


class PrivacyError(Exception):
    """Say what about a promise failed, where, and how to mend it.

    Subclasses stand for different things the caller does next; `code` is stable and may be shown or logged.
    """

    code: ClassVar[str] = "privacy_error"
