"""Who may enrol: a hook for the app's own token, against people who were invented."""

from collections.abc import Callable
from typing import ClassVar

from privacy.canonical import CanonicalError, from_base64, to_base64
from privacy.keys import SignatureError, SigningKey, VerifyKey
from server.errors import ServerError

Admit = Callable[[str, str | None], None]
"""Takes a pseudonym and the token that came with it; raises `EnrolmentRefused` to keep it out."""


class EnrolmentRefused(ServerError):
    """The app does not vouch for this device."""

    code: ClassVar[str] = "enrolment_refused"


def admit_everyone(subject: str, token: str | None) -> None:
    """Admit any device: for development, and for apps that need no more than a limit on pace."""


def admit_vouched(app: VerifyKey) -> Admit:
    """Admit devices whose pseudonym the app's back end has signed.

    Args:
        app: the back end's public key.
    """

    def admit(subject: str, token: str | None) -> None:
        try:
            app.verify(_vouched(subject), from_base64(token or ""))
        except (SignatureError, CanonicalError):
            raise EnrolmentRefused("the token is not the app's word for this device; ask the app") from None

    return admit


def vouch(subject: str, app: SigningKey) -> str:
    """Return the token by which an app's back end vouches for one pseudonym."""
    return to_base64(app.sign(_vouched(subject)))


def _vouched(subject: str) -> bytes:
    return f"penchant enrolment v1\n{subject}".encode()
