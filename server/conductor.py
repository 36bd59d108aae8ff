"""Conduct one round over a fleet: ask, fence, seal, add noise, step, commit."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from privacy.clipping import ContributionRefused
from privacy.errors import PrivacyError
from privacy.events import RoundTerms
from server.aggregation import AggregationError, Aggregator
from server.round_book import Contribution, Int64, Members, Round, RoundState
from server.round_errors import ConsentMoved, ReplyRefused
from server.rounds import RoundMachine

ATTEMPTS = 8
"""Times a sum is made again because a consent in it has moved; then the round is aborted."""


class Asks(Protocol):
    """A fleet that can be asked for sums."""

    def contribute(
        self,
        terms: RoundTerms,
        *,
        proof: bytes,
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

        A round that a crash left behind goes on where it stood; one that is committed answers at once.

        Args:
            terms: what is asked; logged before anyone is.
            public: arrays every device needs, public already.
            settings: what the mechanism needs besides, plain JSON.
            aggregator: holds the parameter this round steps; it moves only with the commit.

        Returns:
            The parameter after the round.

        Raises:
            CrowdTooSmall: too few answered; the round stays open, and the next call asks the others again.
            BudgetExceeded: the line cannot afford the round; it is aborted, nothing was spent.
            ConsentMoved: consents in the sum kept moving; the round is aborted.
            RoundError: the round was aborted before.
            StoreUnavailable: nothing was committed; the next call goes on.
        """
        round_ = self.machine.open(terms)
        if round_.state is RoundState.COMMITTED:
            aggregator.restore(round_.result or b"")
            return aggregator.value

        proof = self.machine.proof(round_)

        def ask(members: Members) -> dict[int, Contribution]:
            return self.fleet.contribute(
                terms,
                proof=proof,
                public=public,
                settings=settings,
                cohort=members.subjects,
                versions=members.versions,
            )

        running = _Running(self, round_, ask)
        try:
            if round_.state is RoundState.OPEN:
                running.gather(self.machine.absent(round_))
                running.settled(lambda: self.machine.seal(round_))
            running.settled(lambda: running.step_and_commit(aggregator))
        except (ConsentMoved, PrivacyError, AggregationError):
            self.machine.abort(round_)
            raise
        return aggregator.value


@dataclass(slots=True)
class _Running:
    """One round under way, and how often a sum in it had to be made again."""

    conductor: Conductor
    round_: Round
    ask: Callable[[Members], dict[int, Contribution]]
    recomputed: int = field(default=0)

    def gather(self, members: Members) -> None:
        """Ask these; whoever leaves before their sum arrives costs the others one more answer."""
        machine, attempts = self.conductor.machine, 0
        while len(members.subjects) and attempts < ATTEMPTS:
            again: list[Members] = []
            for node, reply in self.ask(members).items():
                try:
                    machine.receive(self.round_, node, reply)
                except ConsentMoved:
                    again.append(machine.usable(self.round_, reply.members))
                except (ReplyRefused, ContributionRefused) as problem:
                    self.conductor.on_refused(node, str(problem))
            members = _joined(again)
            self.recomputed += len(again)
            attempts += 1

    def settled(self, finish: Callable[[], None]) -> None:
        """Finish as soon as no consent in the sum has moved; sums in which one has are made again without it."""
        machine = self.conductor.machine
        for _ in range(ATTEMPTS):
            for node, stay in machine.moved(self.round_).items():
                machine.drop(self.round_, node)
                self.recomputed += 1
                self.gather(stay)
            try:
                finish()
            except ConsentMoved:
                continue
            return
        raise ConsentMoved(f"consents in round {self.round_.terms.round} kept moving")

    def step_and_commit(self, aggregator: Aggregator) -> None:
        """Turn the sealed sum into the next parameter and commit it, or leave the parameter as it was."""
        conductor, terms = self.conductor, self.round_.terms
        before, model_in = aggregator.export(), digest(aggregator.value)
        total, members = conductor.machine.total(self.round_)
        try:
            value = aggregator.step(total, count=len(members.subjects), terms=terms)
            conductor.machine.commit(
                self.round_,
                members=members,
                model_in=model_in,
                model_out=digest(value),
                config_digest=conductor.config_digest,
                code_digest=conductor.code_digest,
                result=aggregator.export(),
            )
        except BaseException:
            aggregator.restore(before)
            raise
        conductor.on_committed(
            RoundReport(
                terms=terms,
                invited=len(self.round_.invited.subjects),
                in_sum=len(members.subjects),
                recomputed=self.recomputed,
                salt=self.round_.salt,
            )
        )


def digest(parameter: NDArray[Any]) -> str:
    """Return the SHA-256 of a parameter's dtype, shape and little-endian bytes, hex."""
    little = parameter.astype(parameter.dtype.newbyteorder("<"), copy=False)
    head = f"{little.dtype.str}{list(little.shape)}".encode()
    return hashlib.sha256(head + little.tobytes()).hexdigest()


def _joined(parts: list[Members]) -> Members:
    nobody = np.zeros(0, np.int64)
    return Members(
        np.concatenate([nobody, *(part.subjects for part in parts)]),
        np.concatenate([nobody, *(part.versions for part in parts)]),
    )
