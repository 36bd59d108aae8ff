"""What a few people would see: the release opened as their devices would, verified and without torch."""

import time
from dataclasses import dataclass
from pathlib import Path

from client.device.preview import Preview
from client.device.slate import Event, Slate
from models.streams import stream
from privacy.manifest import TrustAnchors
from simulations.datasets import Dataset
from simulations.scenario import Scenario
from simulations.split import Split

RECENT = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """One person and what their device shows them.

    Args:
        recent: titles they met last, or ids where there is none, latest first.
        slate: ranked with everything but the test item.
    """

    recent: tuple[str, ...]
    slate: Slate


def sample_slates(
    scenario: Scenario, dataset: Dataset, split: Split, *, folder: Path, trust: TrustAnchors
) -> tuple[Sample, ...]:
    """Rank for a few people chosen by the run's seed."""
    device = Preview.open(folder, trust=trust, now=int(time.time()))
    chosen = stream(scenario.seed, "samples").permutation(split.people)[: scenario.evaluation.sample_people]
    known, catalogue = split.with_validation(), dataset.catalogue
    samples = []
    for person in chosen:
        items = known.of(int(person))
        events = [Event(catalogue.ids[item]) for item in items]
        slate = device.recommend(events, k=scenario.evaluation.slate_length)
        recent = tuple(catalogue.titles[item] or catalogue.ids[item] for item in items[::-1][:RECENT])
        samples.append(Sample(recent, slate))
    return tuple(samples)
