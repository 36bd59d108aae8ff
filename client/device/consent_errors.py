"""What can go wrong between a decision and its acknowledgement, by what the caller does next."""

from typing import ClassVar

from client.errors import ClientError


class ConsentError(ClientError):
    """A decision about consent did not reach its end; the subclasses say what to do."""

    code: ClassVar[str] = "consent_error"


class ConsentUnavailable(ConsentError):
    """The service does not answer, or asks to wait: a grant is tried again later, a withdrawal retries itself.

    Args:
        problem: stable code of what happened.
        retry_after: seconds the service asks to wait, 0 where it does not say.
    """

    code: ClassVar[str] = "consent_unavailable"

    def __init__(self, message: str, *, problem: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.problem = problem
        self.retry_after = retry_after


class AskAgain(ConsentError):
    """What the person saw is not what holds now: fetch the notice again, show it, and ask."""

    code: ClassVar[str] = "ask_again"


class ConsentRefused(ConsentError):
    """The service, or a signal of the person's, refuses: trying the same again does not help.

    Args:
        problem: stable code of the refusal.
    """

    code: ClassVar[str] = "consent_refused"

    def __init__(self, message: str, *, problem: str) -> None:
        super().__init__(message)
        self.problem = problem


class ReceiptRefused(ConsentError):
    """The answer is not signed by the service's pinned key, or is about something else: nothing was acknowledged."""

    code: ClassVar[str] = "receipt_refused"
