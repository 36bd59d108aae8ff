"""One data set under measurement: read once, split by seed, put into the scenarios."""

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path

from privacy.terms import largest_delta
from simulations.benchmarks.accuracy.cells import Cell, code_of, digest_of
from simulations.benchmarks.accuracy.methods import METHODS
from simulations.datasets import Dataset
from simulations.loading import load_dataset
from simulations.scenario import Scenario, load
from simulations.sources import default_cache
from simulations.split import Split, leave_two_out

SCENARIOS = Path(__file__).parents[2] / "scenarios"
DEFAULT = "movielens"


@dataclass(slots=True)
class Source:
    """A data set, and what the command line says of its scenarios.

    Args:
        kind: its name in a scenario, e.g. "csv".
        path: where it is, or None to fetch it.
        overrides: of the scenarios, ``section.key=value``.

    Raises:
        DatasetError, ScenarioError: what must be mended.
    """

    kind: str
    path: Path | None
    overrides: tuple[str, ...] = ()
    dataset: Dataset = field(init=False)
    digest: str = field(init=False)
    _split: tuple[int, Split] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Read the data, and know it by its content."""
        section = self._load(DEFAULT, seed=1).dataset
        self.dataset = load_dataset(section, data=self.path, cache=default_cache())
        self.digest = _content(self.dataset)

    def split(self, seed: int) -> Split:
        """Return the people split by a seed; the last one asked for is kept."""
        if self._split is None or self._split[0] != seed:
            self._split = seed, leave_two_out(self.dataset, seed=seed)
        return self._split[1]

    def scenario(self, name: str, *, epsilon: float, seed: int) -> Scenario:
        """Return a scenario over this data in which everyone takes part and nobody leaves."""
        people = self.split(seed).people
        return self._load(
            name,
            f"population.declared={people}",
            f"privacy.delta={rounded_down(largest_delta(people)):g}",
            f"privacy.epsilon={epsilon:g}",
            "consent.grant_share=1.0",
            "consent.withdraw_share=0.0",
            seed=seed,
        )

    def cell(self, method: str, *, epsilon: float, seed: int) -> Cell:
        """Return the cell of a method, known by everything its figures depend on."""
        how = METHODS[method]
        scenario = self.scenario(how.scenario or DEFAULT, epsilon=epsilon, seed=seed)
        settings = {
            "benchmark": "accuracy/1",
            "data": self.digest,
            "method": method,
            "seed": seed,
            "scenario": scenario.digest() if how.scenario else None,
            "privacy": scenario.privacy.model_dump(mode="json") if how.spends else None,
        }
        return Cell(
            dataset=self.dataset.name,
            method=method,
            epsilon=epsilon,
            seed=seed,
            config=digest_of(settings),
            code=code_of(method),
        )

    def _load(self, name: str, *overrides: str, seed: int) -> Scenario:
        said = [f'dataset.name="{self.kind}"', *overrides, *self.overrides]
        return load(SCENARIOS / f"{name}.toml", overrides=said, seed=seed)


def rounded_down(value: float) -> float:
    """Return a positive number cut to three significant digits, so that it can be written and is no larger.

    >>> rounded_down(0.00053456)
    0.000534
    """
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.floor(value / step) * step:.3g}")


def _content(dataset: Dataset) -> str:
    catalogue = dataset.catalogue
    digest = hashlib.sha256(repr((catalogue.ids, catalogue.titles, catalogue.genres)).encode())
    for part in (catalogue.years, dataset.person, dataset.item):
        digest.update(part.tobytes())
    return digest.hexdigest()
