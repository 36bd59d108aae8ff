"""Scale: what one device's part in a round costs from a thousand simulated devices to a million, and the memory.

Whole rounds through Flower's messages in this process: cohort, clipped integer sums on two nodes, fence, noise,
server step, ledger. Each size runs in a process of its own, so that its peak memory is its own.
"""

import multiprocessing
import resource
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from models.history import Float, Histories
from models.streams import stream
from privacy.terms import largest_delta
from simulations.benchmarks.rows import Row, write_rows
from simulations.errors import SimulationError
from simulations.line import ReleaseLine
from simulations.runtimes import InProcess
from simulations.scenario import Scenario, load
from simulations.training import train

SIZES, SEEDS = (1_000, 10_000, 100_000, 1_000_000), (1, 2, 3)
ITEMS, EVENTS = 2_000, 20
COHORT, ROUNDS = 1_000, 8
AT_ONCE = 10_000
SCENARIOS = Path(__file__).parents[1] / "scenarios"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of one size cost.

    Args:
        updates_per_second: device contributions that reached a sum, per second of whole rounds.
        peak: most memory resident in the process, in megabytes.
    """

    updates_per_second: float
    peak: float


def population(people: int, seed: int) -> Histories:
    """Return people with up to 20 distinct events each over 2,000 items, popular ones more often."""
    chance = np.cumsum(1 / np.arange(10, ITEMS + 10))
    met, lengths = [], []
    for start in range(0, people, AT_ONCE):
        draws = stream(seed, "scale population", start).random((min(AT_ONCE, people - start), EVENTS))
        items = np.sort(np.searchsorted(chance / chance[-1], draws).astype(np.int32), axis=1)
        first = np.ones(items.shape, np.bool_)
        first[:, 1:] = items[:, 1:] != items[:, :-1]
        met.append(items[first])
        lengths.append(first.sum(axis=1))
    return Histories(np.concatenate([[0], np.cumsum(np.concatenate(lengths))]), np.concatenate(met))


SHARES = {"popularity": 1, "moments": 3, "item_context": 3, "vote": 0.1}
TOP_ITEMS = 128
"""Sides of the moments matrix at every size; a plan of its own may take 400, ten times the numbers."""


class RoundsDiffer(SimulationError):
    """Other rounds ran than were to be measured."""

    code: ClassVar[str] = "rounds_differ"


def statistics_scenario(people: int) -> Scenario:
    """Return the four rounds of a plan that looks for tastes, everyone in each, at every size the same."""
    shares = [f"training.shares.{name}={share}" for name, share in SHARES.items()]
    return _scenario("movielens", people, *shares, f"training.recipe.top_items={TOP_ITEMS}")


def gradient_scenario(people: int) -> Scenario:
    """Return eight gradient rounds after a popularity round, a thousand devices in each on average."""
    rate = min(COHORT / people, 1.0)
    return _scenario(
        "movielens-fedavg", people, f"training.rounds={ROUNDS}", f"training.sampling_rate={rate}"
    )


def _scenario(name: str, people: int, *overrides: str) -> Scenario:
    delta = 0.99 * largest_delta(people)
    settings = [f"population.declared={people}", f"privacy.delta={delta:.6g}", "consent.withdraw_share=0.0"]
    return load(SCENARIOS / f"{name}.toml", overrides=[*settings, *overrides], seed=None)


def measure(scenario: Scenario, people: int, seed: int) -> Measured:
    """Run a scenario over a made population, in this process."""
    features: Float = np.zeros((ITEMS, 1), np.float32)
    trained = train(
        scenario,
        train=population(people, seed),
        timed=True,
        features=features,
        line=ReleaseLine(scenario),
        observe=lambda label, parameters: None,
        runtime=InProcess(),
    )
    if trained.planned and trained.planned["came"]["rounds"] != list(SHARES):
        raise RoundsDiffer(f"{people} people, seed {seed}: {trained.planned['came']['rounds']} ran")
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    return Measured(trained.updates_per_second, peak)


def main(out: Path, *, sizes: Sequence[int] = SIZES, seeds: Sequence[int] = SEEDS) -> None:
    """Measure each size with each seed, print both tables, keep the rows."""
    kinds = {"statistics": statistics_scenario, "gradient": gradient_scenario}
    found: dict[tuple[str, int], list[Measured]] = {}
    tasks = [(kind, size, seed) for size in sizes for kind in kinds for seed in seeds]
    fresh = multiprocessing.get_context("spawn")
    for kind, size, seed in track(tasks, description="scale"):
        with fresh.Pool(1) as pool:
            found.setdefault((kind, size), []).append(pool.apply(measure, (kinds[kind](size), size, seed)))
    rows = [
        Row(
            benchmark="scale",
            contestant=f"{kind}, {size} devices",
            seed=seed,
            metric=metric,
            value=value,
            unit=unit,
        )
        for (kind, size), several in found.items()
        for seed, one in zip(seeds, several, strict=True)
        for metric, value, unit in (
            ("device_updates", one.updates_per_second, "1/s"),
            ("peak_memory", one.peak, "MB"),
        )
    ]
    write_rows(out / "scale.jsonl", rows)
    console = Console(highlight=False)
    for kind, title in (
        ("statistics", f"popularity, moments over {TOP_ITEMS} items, item x context, vote; everyone in each"),
        ("gradient", f"popularity, then {ROUNDS} gradient rounds, {COHORT:,} devices in each on average"),
    ):
        console.print(_table(title, {size: found[kind, size] for size in sizes}))
    console.print(f"rows in {out / 'scale.jsonl'}")


def _table(title: str, by_size: dict[int, list[Measured]]) -> Table:
    table = Table(title=title)
    for name in ("devices", "updates a second", "µs an update", "peak MB"):
        table.add_column(name, justify="right")
    for size, several in by_size.items():
        rates = [one.updates_per_second for one in several]
        middle = statistics.median(rates)
        table.add_row(
            f"{size:,}", f"{middle:,.0f}", f"{1e6 / middle:,.0f}", f"{max(one.peak for one in several):,.0f}"
        )
    return table
