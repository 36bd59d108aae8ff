"""The service's two logs: who signs them, how the private one grows, and what people pin to check either."""

from dataclasses import dataclass
from typing import ClassVar

from privacy.log_pins import Pins
from server.errors import ServerError
from server.ledger_store import LogKey

TICK_SECONDS = 30
"""Between two ticks of the consent log: a receipt has its proof within a minute."""
SLOTS = 8
"""Leaves a tick, used or not: 23,000 decisions a day. More wait for the next tick, none is lost."""


class NoLog(ServerError):
    """This service signs no log: it was started without the logs' keys."""

    code: ClassVar[str] = "no_log"


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
