"""The vote: what a device's ballot costs in a shard, beside the same answers one way and one length at a time.

Both sides must come to the same integers, or there is nothing to compare.
"""

import math
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from client.ballot import FLOOR, LITTLE, TOP
from client.statistics import contribution_sum
from models.ballot import HIDDEN, BallotInput, ballot, ways
from models.history import Histories, Ids, history_weights
from models.parameters import GlobalParameters
from models.popularity import Popularity
from models.streams import stream
from privacy.clipping import Int64, clip_rows
from simulations.benchmarks.rows import Row, write_rows

PEOPLE, ITEMS, EVENTS, TASTE, CONTENT = 900, 1682, 65, 9, 46
SEEDS, TURNS = (1, 2, 3), 5
Values = NDArray[np.floating[Any]]
Sum = Callable[[BallotInput, Histories], Int64]


class SumsDiffer(RuntimeError):
    """The two sides came to different integers: their times do not compare."""


def population(seed: int, people: int) -> Histories:
    """Return people with lengths spread as in MovieLens-100K, popular items met more often."""
    rng = stream(seed, "voters")
    chance = 1 / np.arange(10, ITEMS + 10)
    chance /= chance.sum()
    lengths = np.clip(rng.lognormal(np.log(EVENTS), 1.0, people), 18, ITEMS // 3).astype(int)
    rows = [rng.choice(ITEMS, length, replace=False, p=chance) for length in lengths]
    return Histories(np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(rows).astype(np.int32))


def question(seed: int) -> BallotInput:
    """Put 61 ways of blending a made model on a ballot."""
    rng = stream(seed, "voted on")
    drawn = [rng.normal(size=(ITEMS, columns)).astype(np.float32) for columns in (TASTE, TASTE, CONTENT)]
    popularity = Popularity(np.linspace(0.5, 0.001, ITEMS), std=0.01, people=PEOPLE)
    model = GlobalParameters(
        taste_in=drawn[0],
        taste_out=drawn[1],
        content=drawn[2],
        bias=popularity.logs.astype(np.float32),
        alpha=0.01,
        tau=5.0,
        fade_in=0.5,
        taste_weight=1.0,
        content_weight=1.0,
    )
    return ballot(model, popularity, ways(content=True, tastes=True, timed=True), rng, spared=HIDDEN)


def in_sweeps(asked: BallotInput, people: Histories) -> Int64:
    """Sum a shard's ballots as devices do."""
    return contribution_sum(asked, people, clipping_norm=1.0, scale_bits=30)


def one_by_one(asked: BallotInput, people: Histories) -> Int64:
    """Sum a shard's ballots one way, one recency and one length of history at a time."""
    total = np.zeros(asked.shape, np.int64)
    for count in np.unique(people.lengths[people.lengths > 1]):
        alike = np.flatnonzero(people.lengths == count)
        items = people.item[people.indptr[alike][:, None] + np.arange(count)]
        gained = np.zeros((len(alike), 2, len(asked.blends)))
        for hidden in range(1, _judges(asked, int(count)) + 1):
            rank = _ranks(asked, items[:, :-hidden], items[:, -hidden], int(count))
            gained[:, 0] += 1 / (1 + rank / TOP)
            gained[:, 1] += 1 / np.log2(2 + 99 * rank / asked.items)
        over = (gained - gained[:, :, :1])[:, :, 1:].reshape(len(alike), -1)
        length = np.sqrt((over[:, None] @ over[:, :, None])[:, 0])
        voted = over / np.maximum(length, LITTLE * math.sqrt(over.shape[1]))
        total += clip_rows(voted, clipping_norm=1.0, scale_bits=30).sum(axis=0)
    return total


def _judges(asked: BallotInput, count: int) -> int:
    """Return by how many latest events a person judges who met so many items."""
    spared = min(HIDDEN, count // 4)
    return spared if asked.spared else max(spared, int(count > 1))


def _ranks(asked: BallotInput, met: Ids, wanted: Ids, count: int) -> Values:
    rivals, logs = asked.rivals, asked.popularity.logs
    without = asked.popularity.logs_without(wanted, np.full(len(wanted), 1 / np.sqrt(count))).astype(
        np.float32
    )
    unmet = (rivals != wanted[:, None]) & ~(met[:, :, None] == rivals).any(axis=1)
    rank = np.empty((len(met), len(asked.blends)))
    heard: dict[tuple[float, float], tuple[Values, ...]] = {}
    for way, (taste, content, popular, alpha, tau) in enumerate(asked.blends.tolist()):
        if (alpha, tau) not in heard:
            heard[alpha, tau] = _heard(asked, met, wanted, alpha=alpha, tau=tau)
        liked, likes, known, knows, fade = heard[alpha, tau]
        every = fade * (taste * liked + content * known) + popular * logs.astype(np.float32)[rivals]
        own = fade * (taste * likes + content * knows) + popular * without
        rank[:, way] = ((every >= own[:, None]) * (unmet * asked.counts)).sum(axis=1, dtype=np.float64)
    return rank


def _heard(asked: BallotInput, met: Ids, wanted: Ids, *, alpha: float, tau: float) -> tuple[Values, ...]:
    weights = history_weights(np.arange(met.shape[1])[::-1], alpha=alpha, tau=tau)
    evidence = float(weights.sum(dtype=np.float64))
    found: list[Values] = []
    for inward, outward, covariance in (
        (asked.taste_in, asked.taste_out, asked.taste_spread),
        (asked.content, asked.content, asked.content_spread),
    ):
        person: Values = weights[None, None] @ inward[met]
        person = person / np.sqrt((person @ covariance) @ person.transpose(0, 2, 1) + FLOOR)
        found.append((person @ outward[asked.rivals].T)[:, 0])
        found.append((person @ outward[wanted][:, :, None])[:, 0, 0])
    return *found, np.asarray(np.float32(evidence / (evidence + asked.fade_in)))


def main(out: Path, *, people: int = PEOPLE) -> None:
    """Let both sides sum the same ballots in turn, print the ratio, keep the rows."""
    sides: dict[str, Sum] = {"one way, one length at a time": one_by_one, "penchant, in sweeps": in_sweeps}
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for seed in track(SEEDS, description="the vote"):
        asked, crowd = question(seed), population(seed, people)
        turns: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(TURNS):
            sums = []
            for name, side in sides.items():
                began = time.perf_counter()
                sums.append(side(asked, crowd))
                turns[name].append((time.perf_counter() - began) / people)
            if not all(np.array_equal(*pair) for pair in pairwise(sums)):
                raise SumsDiffer(f"seed {seed}: the sums of {' and '.join(sides)} differ")
        for name, times in turns.items():
            spent[name].append(statistics.median(times))
    rows = [
        Row(benchmark="vote", contestant=name, seed=seed, metric="ballot", value=1e6 * one, unit="us")
        for name, times in spent.items()
        for seed, one in zip(SEEDS, times, strict=True)
    ]
    first, second = spent.values()
    ratios = [slow / fast for slow, fast in zip(first, second, strict=True)]
    rows += [
        Row(benchmark="vote", contestant="ratio", seed=seed, metric="ballot", value=ratio, unit="1")
        for seed, ratio in zip(SEEDS, ratios, strict=True)
    ]
    write_rows(out / "vote.jsonl", rows)
    table = Table(title=f"a device's ballot: {len(asked.blends)} ways, {people} people, {ITEMS} items")
    table.add_column("how")
    table.add_column(f"µs a device, median of {TURNS}, {len(SEEDS)} seeds", justify="right")
    for name, times in spent.items():
        table.add_row(name, "  ".join(f"{1e6 * one:,.0f}" for one in times))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"ratio {statistics.median(ratios):.1f}, the same integers; rows in {out / 'vote.jsonl'}")
