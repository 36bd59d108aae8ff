"""Known flaws of the libraries in use, and what was done about each: recorded in every log before its first round.

A hazard without a recorded mitigation blocks every release. A mitigation names the test that fails without it and the
digest of the source that does it, so that a later change of that source shows.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from privacy.acts import HazardMitigated, HazardRaised

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """A flaw, and its mitigation here.

    Args:
        name: as the log calls it.
        component: the flawed package.
        reference: where it is described.
        says: what goes wrong, in one sentence.
        mitigation: what is done about it.
        source: the file that does it, from the repository's root.
        test: the test that fails without it.
    """

    name: str
    component: str
    reference: str
    says: str
    mitigation: str
    source: str
    test: str

    def events(self) -> Iterator[HazardRaised | HazardMitigated]:
        """Yield what a log records of it."""
        yield HazardRaised(
            hazard=self.name,
            component=self.component,
            version=version(self.component),
            reference=self.reference,
        )
        yield HazardMitigated(
            hazard=self.name,
            mitigation=self.mitigation,
            test=self.test,
            evidence=hashlib.sha256((ROOT / self.source).read_bytes()).hexdigest(),
        )


KNOWN = (
    Hazard(
        name="opacus-616",
        component="opacus",
        reference="github.com/pytorch/opacus/issues/616",
        says="Gaussian noise in floating point leaks through its low bits.",
        mitigation="noise is rounded to the integers of the sum",
        source="privacy/noise.py",
        test="tests/property/test_noise.py::test_noise_lands_on_the_grid_with_the_declared_deviation",
    ),
    Hazard(
        name="opacus-819",
        component="opacus",
        reference="github.com/pytorch/opacus/issues/819",
        says="A sum divided by a batch size that depends on who came breaks the accountant's assumption.",
        mitigation="the sum is divided by a declared constant",
        source="server/aggregation.py",
        test="tests/property/test_aggregation.py::test_the_denominator_is_the_declared_constant_whoever_replies",
    ),
)
"""Hazards of the versions in constraints.txt."""
