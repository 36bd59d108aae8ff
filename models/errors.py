"""The root of every error that `models` raises."""

from typing import ClassVar


class ModelError(Exception):
    """Say what about a model failed, where, and how to mend it.

    Subclasses stand for different things the caller does next; `code` is stable and may be shown or logged.
    """

    code: ClassVar[str] = "models_error"
