"""The root of every error that `simulations` raises."""

from typing import ClassVar


class SimulationError(Exception):
    """Say what about a simulation failed, where, and how to mend it.

    Subclasses stand for different things the caller does next; `code` is stable and may be shown or logged.
    """

    code: ClassVar[str] = "simulations_error"
