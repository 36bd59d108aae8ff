"""The round as a state machine over a store: who was asked, whose update may still count, what was spent.

OPEN -> SEALED -> COMMITTED, or ABORTED from either. Order in the store is what matters, never clocks: consent
versions are fenced in the step that records the intent to spend, the intent is recorded before noise is drawn, and
consent is compared and set once more inside the commit. A crash between two steps leaves a round that `open` finds
again: open rounds go on asking, sealed ones draw their noise (what was drawn before was never released), committed
ones answer with their result.
"""

import os
from collections.abc import Iterable

import numpy as np

from privacy.calibration import PlannedRound
from privacy.events import RoundAborted, RoundCommitted, RoundTerms
from privacy.noise import Bits
from server.cohort import draw
from server.commitment import consent_commitment
from server.database import StoreUnavailable
from server.line_budget import LineBudget, LineNotDeclared, intent
from server.replies import check_reply
from server.round_book import (
    LIVE,
    Contribution,
    Int64,
    Members,
    Round,
    RoundBook,
    RoundRecord,
    RoundState,
    RoundStore,
)
from server.round_errors import ConsentMoved, CrowdTooSmall, ReplyRefused, RoundError


class RoundMachine:
    """Open, fence, seal and commit the rounds of one release line.

    Args:
        store: holds consent, rounds and log.
        line: the line's name; it is declared before its first round.
        least_crowd: devices a sum needs; a rule about usefulness, no part of epsilon.
        coins: random bits of the cohort, the operating system's outside tests.
    """

    def __init__(
        self, store: RoundStore, *, line: str, least_crowd: int = 1, coins: Bits = os.urandom
    ) -> None:
        self._store = store
        self._line = line
        self._least_crowd = least_crowd
        self._coins = coins
        self._budget = LineBudget(line)

    def clear(self, planned: Iterable[PlannedRound]) -> None:
        """Check a whole plan once, so that sealing its rounds needs no accounting.

        Raises:
            LineNotDeclared: nobody promised anything.
            BudgetExceeded: the line cannot afford the plan beside what it has spent.
        """
        plan = list(planned)
        self._store.step(lambda book: self._budget.clear(book, plan))

    def open(self, terms: RoundTerms) -> Round:
        """Publish the terms and draw the cohort among those eligible now, or find the round again.

        Raises:
            LineNotDeclared: nobody promised anything.
            RoundError: the number was used under other terms, or the round was aborted.
        """

        def step(book: RoundBook) -> Round:
            if terms.line != self._line or book.cap(terms.line) is None:
                raise LineNotDeclared(
                    f"line {terms.line} is not declared here; declare it with its budget first"
                )
            found = book.find(terms.line, terms.round)
            if found is None:
                everyone = book.eligible()
                places = draw(
                    np.arange(len(everyone.subjects)), sampling_rate=terms.sampling_rate, bits=self._coins
                )
                cohort = Members(everyone.subjects[places], everyone.versions[places])
                salt = os.urandom(32)
                book.append(terms)
                book.create(terms, salt=salt, invited=cohort)
                return Round(terms, cohort, RoundState.OPEN, None, salt)
            if found.terms != terms or found.state is RoundState.ABORTED:
                raise RoundError(f"round {terms.round} of {terms.line} is {found.state}: take a new number")
            invited = book.invited(terms.line, terms.round)
            return Round(terms, invited, found.state, found.result, found.salt)

        return self._store.step(step)

    def proof(self, round_: Round) -> bytes:
        """Return the proof that the round's terms stand in the log, which every device asks for."""
        terms = round_.terms
        return self._store.step(lambda book: book.proof(terms))

    def receive(self, round_: Round, node: int, reply: Contribution) -> None:
        """Take or replace one node's sum.

        Raises:
            ReplyRefused: it names a device outside the cohort, of another node's sum, under a version nobody
                was invited with, or its sum does not fit the terms; the round goes on without it.
            ContributionRefused: the sum is longer than clipped contributions can make it.
            ConsentMoved: somebody in it has withdrawn meanwhile; nothing of it was kept, ask those who stay.
        """
        terms = round_.terms
        check_reply(terms, node, reply)

        def step(book: RoundBook) -> None:
            self._live(book, terms)
            invited = book.invited_version(terms.line, terms.round, reply.subjects) == reply.versions
            current = book.versions(reply.subjects) == reply.versions
            if (~invited & current).any():
                raise ReplyRefused(f"node {node} counts a device that this round did not invite")
            if not current.all():
                raise ConsentMoved(f"a consent in the sum of node {node} has moved, or was never given")
            if book.counted_elsewhere(terms.line, terms.round, node, reply.subjects):
                raise ReplyRefused(f"node {node} counts a device twice")
            book.put(terms.line, terms.round, node, reply)

        self._store.step(step)

    def usable(self, round_: Round, members: Members) -> Members:
        """Return those who were invited under these versions and still consent under them."""
        terms = round_.terms

        def step(book: RoundBook) -> Members:
            invited = book.invited_version(terms.line, terms.round, members.subjects)
            current = book.versions(members.subjects)
            return members.take((invited == members.versions) & (current == invited) & (invited >= 0))

        return self._store.step(step)

    def drop(self, round_: Round, node: int) -> None:
        """Forget one node's sum: its devices count as zero until it answers again."""

        def step(book: RoundBook) -> None:
            self._live(book, round_.terms)
            book.drop(round_.terms.line, round_.terms.round, node)

        self._store.step(step)

    def absent(self, round_: Round) -> Members:
        """Return those of the cohort who are counted by no node so far."""
        terms = round_.terms
        there = self._store.step(lambda book: book.counted(terms.line, terms.round)).everyone().subjects
        return round_.invited.take(~np.isin(round_.invited.subjects, there))

    def moved(self, round_: Round) -> dict[int, Members]:
        """Return the nodes whose sum can no longer be used, each with those who may stay in it."""
        terms = round_.terms

        def step(book: RoundBook) -> dict[int, Members]:
            counted = book.counted(terms.line, terms.round)
            stay = {
                node: members.take(book.versions(members.subjects) == members.versions)
                for node, members in counted.members.items()
            }
            return {
                node: members
                for node, members in stay.items()
                if node not in counted.summed or len(members.subjects) < len(counted.members[node].subjects)
            }

        return self._store.step(step)

    def seal(self, round_: Round) -> None:
        """Fence the sum on consent and record the intent to spend, in one step; from here on it is spent.

        Raises:
            ConsentMoved, CrowdTooSmall: nothing was spent.
            BudgetExceeded: the line cannot afford this round; nothing was spent.
        """
        terms = round_.terms

        def step(book: RoundBook) -> None:
            book.cap(terms.line)
            self._expect(book, terms, RoundState.OPEN)
            if len(self._fenced(book, terms).subjects) < self._least_crowd:
                raise CrowdTooSmall(f"round {terms.round} needs {self._least_crowd} devices in its sum")
            self._budget.spend(book, intent(terms))
            book.move(terms, RoundState.SEALED)

        self._store.step(step)

    def total(self, round_: Round) -> tuple[Int64, Members]:
        """Return the exact sum and who is in it: the officer's knowledge, never public."""
        terms = round_.terms

        def step(book: RoundBook) -> tuple[Int64, Members]:
            self._live(book, terms)
            return book.total(terms), book.counted(terms.line, terms.round).everyone()

        return self._store.step(step)

    def commit(
        self,
        round_: Round,
        *,
        members: Members,
        model_in: str,
        model_out: str,
        config_digest: str,
        code_digest: str,
        result: bytes,
    ) -> None:
        """Compare consent once more and make the round's result the line's model, in one step.

        Args:
            round_: a sealed round.
            members: who was in the sum that the result was made from, from `total`.
            model_in: digest of the model before.
            model_out: digest of the model after.
            config_digest: digest of the configuration.
            code_digest: digest of the code.
            result: what the aggregator needs to go on from here.

        Raises:
            ConsentMoved: a consent, or the sum, moved after `total`; sum up again without it, at no further cost,
                or abort. Nothing was committed.
            RoundError: consent could not be read; the round is aborted, its spend stays.
            StoreUnavailable: nothing was committed; the round is found again later, and fenced again.
        """
        terms = round_.terms

        def step(book: RoundBook) -> None:
            self._expect(book, terms, RoundState.SEALED)
            fenced = self._fenced(book, terms)
            if not (
                np.array_equal(fenced.subjects, members.subjects)
                and np.array_equal(fenced.versions, members.versions)
            ):
                raise ConsentMoved(f"the sum of round {terms.round} is no longer the one that was stepped")
            book.append(
                RoundCommitted(
                    line=terms.line,
                    round=terms.round,
                    model_in=model_in,
                    model_out=model_out,
                    config_digest=config_digest,
                    code_digest=code_digest,
                    consent_commitment=consent_commitment(round_.salt, fenced),
                )
            )
            book.move(terms, RoundState.COMMITTED, result=result)

        try:
            self._store.step(step)
        except (ConsentMoved, RoundError, StoreUnavailable):
            raise
        except Exception as problem:
            self.abort(round_)
            raise RoundError(f"round {terms.round} could not be fenced and is aborted") from problem

    def abort(self, round_: Round) -> None:
        """End a round without a result; what was spent stays spent, and no reason becomes public."""
        terms = round_.terms

        def step(book: RoundBook) -> None:
            self._live(book, terms)
            book.append(RoundAborted(line=terms.line, round=terms.round))
            book.move(terms, RoundState.ABORTED)

        self._store.step(step)

    def _fenced(self, book: RoundBook, terms: RoundTerms) -> Members:
        """Return everyone in the sum, each held at the version the sum was made under."""
        counted = book.counted(terms.line, terms.round)
        everyone = counted.everyone()
        if set(counted.members) != counted.summed or not np.array_equal(
            book.versions(everyone.subjects), everyone.versions
        ):
            raise ConsentMoved(f"a consent in the sum of round {terms.round} has moved")
        return everyone

    @staticmethod
    def _live(book: RoundBook, terms: RoundTerms) -> RoundRecord:
        found = book.find(terms.line, terms.round)
        if found is None or found.state not in LIVE:
            raise RoundError(f"round {terms.round} has ended: {found.state if found else 'never opened'}")
        return found

    @staticmethod
    def _expect(book: RoundBook, terms: RoundTerms, state: RoundState) -> None:
        found = book.find(terms.line, terms.round)
        if found is None or found.state is not state:
            raise RoundError(
                f"round {terms.round} is {found.state if found else 'unknown'}, this needs {state}"
            )
