"""Whether a device takes part: its own consent and its own limits come before any request."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from client.errors import ClientError
from privacy.errors import PrivacyError
from privacy.events import RoundTerms, decode_event
from privacy.gaussian import exact_epsilon
from privacy.keys import VerifyKey
from privacy.succession import follow_log_proof
from privacy.terms import Trust


class TermsRefused(ClientError):
    """The round asks for more than the person accepted: the device contributes nothing."""

    code: ClassVar[str] = "terms_refused"


class TermsNotLogged(ClientError):
    """Nobody else can see these terms: the device contributes nothing and keeps them as evidence."""

    code: ClassVar[str] = "terms_not_logged"


class CapReached(TermsRefused):
    """The rounds of this line have cost all that the person accepted: the device contributes no more."""

    code: ClassVar[str] = "cap_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedTerms:
    """What the notice a person accepted allows; a device holds every round against it.

    Args:
        line: the release line the notice names.
        trust: who may see a single update.
        declared_population: the population the line declared; a smaller one would change the denominator.
        clipping_norm: largest norm one contribution may have.
        least_noise_multiplier: smallest noise over clipping norm; 0 only where the notice says "not private".
        largest_dimension: most numbers a contribution may hold.
        largest_epsilon: most that all rounds this device is ever in may cost together, sampling not counted.
        delta: at which that epsilon is stated.
        log_origin: the log in which terms must stand before they count.
        log_key: that log's key, base64, or one that led to it by rotations in the log.
    """

    line: str
    trust: Trust
    declared_population: int
    clipping_norm: float
    least_noise_multiplier: float
    largest_dimension: int
    largest_epsilon: float
    delta: float
    log_origin: str
    log_key: str

    def open(self, leaf: bytes, proof: bytes) -> RoundTerms:
        """Return the terms of a round, provided that everybody can see them.

        Args:
            leaf: canonical bytes of a `round_terms` event.
            proof: its log proof, against a checkpoint that the log's key signed; rotations beside it are followed.

        Raises:
            TermsNotLogged: the proof does not hold under the pinned key or its successors, or the leaf is of another
                kind.
        """
        try:
            key = VerifyKey.from_base64(self.log_key)
            follow_log_proof(proof, leaf, key, origin=self.log_origin)
            terms = decode_event(leaf)
        except PrivacyError as problem:
            raise TermsNotLogged(
                f"the terms are not in the log {self.log_origin}: {problem}; nothing was sent"
            ) from None
        if not isinstance(terms, RoundTerms):
            raise TermsNotLogged(f"the log holds a {type(terms).__name__} there, no terms; nothing was sent")
        return terms

    def check(self, terms: RoundTerms) -> None:
        """Refuse terms that exceed what was accepted.

        Raises:
            TermsRefused: names the first term that does.
        """
        allowed = {
            "line": terms.line == self.line,
            "trust": terms.trust == self.trust,
            "clipping_norm": terms.clipping_norm <= self.clipping_norm,
            "noise_multiplier": terms.noise_multiplier >= self.least_noise_multiplier,
            "denominator": terms.denominator == terms.sampling_rate * self.declared_population,
            "dimension": terms.dimension <= self.largest_dimension,
        }
        for name, fits in allowed.items():
            if not fits:
                raise TermsRefused(
                    f"round {terms.round} of line {terms.line}: {name} is beyond what the notice allows; "
                    "nothing was sent"
                )

    def check_cost(self, terms: RoundTerms, earlier: Iterable[RoundTerms]) -> tuple[float, float]:
        """Refuse a round that would cost more than was accepted, with all that was sent before.

        The bound counts no sampling: who knows which devices were asked has no use for it.

        Args:
            terms: of the round.
            earlier: of every round this device has sent something to; other lines are passed over.

        Returns:
            Epsilon of this round alone, and of all rounds of the line with it, at `delta`.

        Raises:
            CapReached: the second exceeds `largest_epsilon`.
        """
        rounds = {other for other in earlier if other.line == terms.line} | {terms}
        alone, together = (self._epsilon(some) for some in ([terms], rounds))
        if together > self.largest_epsilon:
            raise CapReached(
                f"round {terms.round} of line {terms.line} would bring epsilon to {together:.4f}, over the "
                f"{self.largest_epsilon} that was accepted; nothing was sent"
            )
        return alone, together

    def _epsilon(self, rounds: Iterable[RoundTerms]) -> float:
        multipliers = [terms.noise_multiplier for terms in rounds]
        if not all(multipliers):
            return math.inf
        return exact_epsilon(math.sqrt(sum(each**-2 for each in multipliers)), self.delta)
