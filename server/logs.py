"""The service's two logs: who signs them, how the private one grows, and what people pin to check either."""

from dataclasses import dataclass
from typing import ClassVar

from privacy.canonical import decode, encode
from privacy.errors import PrivacyError
from privacy.keys import VerifyKey, read_verifier
from server.errors import ServerError
from server.ledger_store import LogKey

TICK_SECONDS = 30
"""Between two ticks of the consent log: a receipt has its proof within a minute."""
SLOTS = 8
"""Leaves a tick, used or not: 23,000 decisions a day. More wait for the next tick, none is lost."""
FORMAT = "penchant-log-pins-1"


class NoLog(ServerError):
    """This service signs no log: it was started without the logs' keys."""

    code: ClassVar[str] = "no_log"


class PinsRefused(ServerError):
    """The file does not say whose logs to believe: take it from the service's operator again."""

    code: ClassVar[str] = "pins_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What a person, or an auditor, keeps to check proofs offline.

    Args:
        origin: the public log's name.
        key: signs its heads.
        consent_origin: the consent log's name.
        consent_key: signs its heads.
    """

    origin: str
    key: VerifyKey
    consent_origin: str
    consent_key: VerifyKey

    def encode(self) -> bytes:
        """Write them as a file, the keys as C2SP verifiers."""
        consent, public = (
            self.consent_key.verifier(self.consent_origin),
            self.key.verifier(self.origin),
        )
        return encode({"consent_log": consent, "format": FORMAT, "public_log": public})

    @classmethod
    def decode(cls, data: bytes) -> "Pins":
        """Read them.

        Raises:
            PinsRefused: the bytes are no pins of this version.
        """
        try:
            body = decode(data)
            if not isinstance(body, dict) or body.keys() != {"consent_log", "format", "public_log"}:
                raise PinsRefused("pins hold consent_log, format and public_log, nothing else")
            consent, public = body["consent_log"], body["public_log"]
            if body["format"] != FORMAT or not isinstance(consent, str) or not isinstance(public, str):
                raise PinsRefused(f"this version reads {FORMAT} only")
            consent_origin, consent_key = read_verifier(consent)
            origin, key = read_verifier(public)
        except PrivacyError as problem:
            raise PinsRefused(f"not a file of pins: {problem}") from None
        return cls(origin=origin, key=key, consent_origin=consent_origin, consent_key=consent_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """Who signs the logs, and the clock of the private one.

    Args:
        public: of the public log.
        consent: of the consent log; another key.
        slots: leaves a tick, a constant.
        tick_seconds: between two ticks.
    """

    public: LogKey
    consent: LogKey
    slots: int = SLOTS
    tick_seconds: int = TICK_SECONDS

    def __post_init__(self) -> None:
        if self.slots < 1 or self.tick_seconds < 1:
            raise NoLog("a tick of the consent log has at least one slot and takes at least one second")

    @property
    def pins(self) -> Pins:
        """What to hand out."""
        return Pins(
            origin=self.public.origin,
            key=self.public.key.public,
            consent_origin=self.consent.origin,
            consent_key=self.consent.key.public,
        )
