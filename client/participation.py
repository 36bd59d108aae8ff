"""Whether a device takes part: its own consent and its own limits come before any request."""

from dataclasses import dataclass
from typing import ClassVar

from client.errors import ClientError
from privacy.events import RoundTerms
from privacy.terms import Trust


class TermsRefused(ClientError):
    """The round asks for more than the person accepted: the device contributes nothing."""

    code: ClassVar[str] = "terms_refused"


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
    """

    line: str
    trust: Trust
    declared_population: int
    clipping_norm: float
    least_noise_multiplier: float
    largest_dimension: int

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
