"""Conduct one round over a fleet: ask, fence, seal, add noise, step, commit."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from privacy.errors import PrivacyError
from privacy.events import RoundTerms
from server.aggregation import Aggregator
from server.rounds import Contribution, ReplyRefused, Round, RoundMachine

Int64 = NDArray[np.int64]


class Asks(Protocol):
    """A fleet that can be asked for sums."""

    def contribute(
        self,
        terms: RoundTerms,
        *,
        public: Mapping[str, NDArray[Any]],
        settings: Mapping[str, Any],
        cohort: Int64,
        versions: Int64,
    ) -> dict[int, Contribution]:
        """Return the sums of the cohort's contributions by node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundReport:
    """What the officer may know of a committed round; its counts are outside epsilon and never public."""

    terms: RoundTerms
    invited: int
    in_sum: int
    recomputed: int
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Conductor:
    """Everything a round needs besides its terms.

    Args:
        machine: the line's round state machine.
        fleet: the devices.
        config_digest: digest of the scenario or configuration, hex.
        code_digest: digest of the code that runs, hex.
        on_refused: hears (node, reason) when a reply is refused and counts as zero.
        on_committed: hears the report of each committed round.
    """

    machine: RoundMachine
    fleet: Asks
    config_digest: str
    code_digest: str
    on_refused: Callable[[int, str], None]
    on_committed: Callable[[RoundReport], None]

    def run(
        self,
        terms: RoundTerms,
        *,
        public: Mapping[str, NDArray[Any]],
        settings: Mapping[str, Any],
        aggregator: Aggregator,
    ) -> NDArray[Any]:
        """Carry one round from its terms to its committed result.

        Args:
            terms: what is asked; logged before anyone is.
            public: arrays every device needs, public already.
            settings: what the mechanism needs besides, plain JSON.
            aggregator: holds the parameter this round steps.

        Returns:
            The parameter after the round.

        Raises:
            BudgetExceeded: the line cannot afford the round; nothing was spent.
            ConsentMoved: somebody withdrew between seal and commit; the round is aborted, its spend stays.
        """
        round_ = self.machine.open(terms)

        def ask(subjects: Int64, versions: Int64) -> None:
            replies = self.fleet.contribute(
                terms, public=public, settings=settings, cohort=subjects, versions=versions
            )
            for node, reply in replies.items():
                self._receive(round_, node, reply)

        ask(round_.cohort, round_.versions)
        recomputed = self._settle(round_, ask)
        self.machine.seal(round_)
        before = digest(aggregator.value)
        value = aggregator.step(round_.total(), count=round_.count, terms=terms)
        self.machine.commit(
            round_,
            model_in=before,
            model_out=digest(value),
            config_digest=self.config_digest,
            code_digest=self.code_digest,
        )
        self.on_committed(
            RoundReport(
                terms=terms,
                invited=len(round_.cohort),
                in_sum=round_.count,
                recomputed=recomputed,
                salt=round_.salt,
            )
        )
        return value

    def _settle(self, round_: Round, ask: Callable[[Int64, Int64], None]) -> int:
        """Recompute every sum that holds a moved consent, without it, until none does."""
        recomputed = 0
        while moved := self.machine.moved(round_):
            for node, gone in moved.items():
                reply = round_.replies[node]
                stay = ~np.isin(reply.subjects, gone)
                self.machine.drop(round_, node)
                if stay.any():
                    ask(reply.subjects[stay], reply.versions[stay])
                recomputed += 1
        return recomputed

    def _receive(self, round_: Round, node: int, reply: Contribution) -> None:
        try:
            self.machine.receive(round_, node, reply)
        except (ReplyRefused, PrivacyError) as problem:
            self.on_refused(node, str(problem))


def digest(parameter: NDArray[Any]) -> str:
    """Return the SHA-256 of a parameter's dtype, shape and little-endian bytes, hex."""
    little = parameter.astype(parameter.dtype.newbyteorder("<"), copy=False)
    head = f"{little.dtype.str}{list(little.shape)}".encode()
    return hashlib.sha256(head + little.tobytes()).hexdigest()
