"""The round as a state machine: who was asked, whose update may still count, what was spent.

OPEN -> SEALED -> COMMITTED, or ABORTED from either. Order is what matters, never clocks: consent versions are
fenced before the intent to spend is recorded, the intent is recorded before noise is drawn, and consent is
compared once more inside the commit.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from privacy.budget import Budget
from privacy.clipping import check_sum
from privacy.events import Event, PrivacyEvent, RoundAborted, RoundCommitted, RoundTerms
from server.cohort import draw
from server.errors import ServerError

Int64 = NDArray[np.int64]


class RoundError(ServerError):
    """The round is not in a state that allows this: the caller opens a new one."""

    code: ClassVar[str] = "round_state"


class ReplyRefused(ServerError):
    """A reply names devices that were not asked, or twice, or does not fit the terms: it counts as zero."""

    code: ClassVar[str] = "reply_refused"


class ConsentMoved(ServerError):
    """Somebody in the sum withdrew or consented anew: recompute without them, or abort."""

    code: ClassVar[str] = "consent_moved"


class RoundState(StrEnum):
    """Where a round stands."""

    OPEN = "open"
    SEALED = "sealed"
    COMMITTED = "committed"
    ABORTED = "aborted"


class Consents(Protocol):
    """What a round asks of consent: missing, expired or unreadable means no."""

    def eligible(self) -> Int64:
        """Return every subject who may be asked now."""

    def versions(self, subjects: Int64) -> Int64:
        """Return each subject's current consent version, -1 where contribution is not granted."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """One node's sum, with the account of who is in it.

    Args:
        subjects: (count,) the devices whose contributions were summed.
        versions: (count,) the consent version each was made under.
        total: (dimension,) int64 sum on the terms' grid.
    """

    subjects: Int64
    versions: Int64
    total: Int64


@dataclass(slots=True)
class Round:
    """One round in progress."""

    terms: RoundTerms
    cohort: Int64
    versions: Int64
    state: RoundState = RoundState.OPEN
    replies: dict[int, Contribution] = field(default_factory=dict)
    salt: bytes = field(default_factory=lambda: os.urandom(32))

    @property
    def count(self) -> int:
        """How many contributions are in the sum: the officer's figure, never public."""
        return sum(len(reply.subjects) for reply in self.replies.values())

    def total(self) -> Int64:
        """Return the exact sum over all replies; whoever is absent counts as zero."""
        total = np.zeros(self.terms.dimension, np.int64)
        for reply in self.replies.values():
            total += reply.total
        return total


class Ledger(Protocol):
    """Where events go, durably, before anything follows from them."""

    def append(self, event: Event) -> int:
        """Append one event and return its index."""


class RoundMachine:
    """Open, fence, seal and commit the rounds of one release line.

    Args:
        consents: the store of consent that rounds are fenced on.
        budget: the line's budget, whose `record` appends to the same ledger.
        ledger: receives terms, commits and aborts.
    """

    def __init__(self, *, consents: Consents, budget: Budget, ledger: Ledger) -> None:
        self._consents = consents
        self._budget = budget
        self._ledger = ledger

    def open(self, terms: RoundTerms) -> Round:
        """Publish the terms and draw the cohort among those eligible now."""
        self._ledger.append(terms)
        cohort = draw(self._consents.eligible(), sampling_rate=terms.sampling_rate, bits=os.urandom)
        return Round(terms, cohort, self._consents.versions(cohort))

    def receive(self, round_: Round, node: int, reply: Contribution) -> None:
        """Take or replace one node's sum.

        Raises:
            ReplyRefused: it names a device outside the cohort, of another node's sum, under a version nobody
                was invited with, or its sum does not fit the terms; the round goes on without it.
            ContributionRefused: the sum is longer than clipped contributions can make it.
        """
        self._expect(round_, RoundState.OPEN)
        others = [other.subjects for key, other in round_.replies.items() if key != node]
        named = np.concatenate([reply.subjects, *others])
        if len(np.unique(named)) != len(named):
            raise ReplyRefused(f"node {node} counts a device twice")
        invited = {int(s): int(v) for s, v in zip(round_.cohort, round_.versions, strict=True)}
        if len(reply.subjects) != len(reply.versions) or any(
            invited.get(int(subject)) != int(version)
            for subject, version in zip(reply.subjects, reply.versions, strict=True)
        ):
            raise ReplyRefused(f"node {node} counts a device that this round did not invite")
        terms = round_.terms
        if reply.total.shape != (terms.dimension,) or reply.total.dtype != np.int64:
            raise ReplyRefused(f"node {node} sent {reply.total.dtype}{list(reply.total.shape)}")
        check_sum(
            reply.total,
            count=len(reply.subjects),
            clipping_norm=terms.clipping_norm,
            scale_bits=terms.scale_bits,
        )
        round_.replies[node] = reply

    def drop(self, round_: Round, node: int) -> None:
        """Forget one node's sum: its devices count as zero until it answers again."""
        self._expect(round_, RoundState.OPEN)
        round_.replies.pop(node, None)

    def moved(self, round_: Round) -> dict[int, Int64]:
        """Return, per node, the subjects in its sum whose consent is no longer the one they were asked under."""
        moved = {}
        for node, reply in round_.replies.items():
            gone = reply.subjects[self._consents.versions(reply.subjects) != reply.versions]
            if len(gone):
                moved[node] = gone
        return moved

    def seal(self, round_: Round) -> None:
        """Fence the sum on consent, then record the intent to spend; from here on the budget is spent.

        Raises:
            ConsentMoved: a consent in the sum has moved; nothing was spent.
            BudgetExceeded: the line cannot afford this round; nothing was spent.
        """
        self._expect(round_, RoundState.OPEN)
        self._refuse_moved(round_)
        terms = round_.terms
        self._budget.authorize(
            PrivacyEvent(
                line=terms.line,
                round=terms.round,
                mechanism="gaussian",
                clipping_norm=terms.clipping_norm,
                noise_multiplier=terms.noise_multiplier,
                sampling_rate=terms.sampling_rate,
                denominator=terms.denominator,
            )
        )
        round_.state = RoundState.SEALED

    def commit(
        self, round_: Round, *, model_in: str, model_out: str, config_digest: str, code_digest: str
    ) -> None:
        """Compare consent once more and make the round's result the line's model.

        Raises:
            ConsentMoved: a consent moved after the seal; the round is aborted, the budget stays spent.
        """
        self._expect(round_, RoundState.SEALED)
        try:
            self._refuse_moved(round_)
        except ConsentMoved:
            self.abort(round_)
            raise
        self._ledger.append(
            RoundCommitted(
                line=round_.terms.line,
                round=round_.terms.round,
                model_in=model_in,
                model_out=model_out,
                config_digest=config_digest,
                code_digest=code_digest,
                consent_commitment=consent_commitment(round_),
            )
        )
        round_.state = RoundState.COMMITTED

    def abort(self, round_: Round) -> None:
        """End a round without a result; what was spent stays spent, and no reason becomes public."""
        if round_.state in (RoundState.COMMITTED, RoundState.ABORTED):
            raise RoundError(f"round {round_.terms.round} has already ended: {round_.state}")
        self._ledger.append(RoundAborted(line=round_.terms.line, round=round_.terms.round))
        round_.state = RoundState.ABORTED

    def _refuse_moved(self, round_: Round) -> None:
        if self.moved(round_):
            raise ConsentMoved(f"a consent in the sum of round {round_.terms.round} has moved")

    @staticmethod
    def _expect(round_: Round, state: RoundState) -> None:
        if round_.state is not state:
            raise RoundError(f"round {round_.terms.round} is {round_.state}, this needs {state}")


def consent_commitment(round_: Round) -> str:
    """Return a salted commitment to who was in the sum under which version.

    Only the officer, who keeps the round's salt, can open it: without one, anyone could test a guess.
    """
    commitment = hmac.new(round_.salt, digestmod=hashlib.sha256)
    for node in sorted(round_.replies):
        reply = round_.replies[node]
        commitment.update(np.stack([reply.subjects, reply.versions]).tobytes())
    return commitment.hexdigest()
