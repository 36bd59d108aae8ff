"""Measure one cell: by a whole run of its scenario, or by training the method alone in the same harness."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from simulations.baselines import (
    EASE_PENALTIES,
    SVD_RANKS,
    Choice,
    TooLarge,
    best,
    ease,
    popularity,
    puresvd,
    singular_axes,
)
from simulations.benchmarks.accuracy.cells import AccuracyRow, Cell
from simulations.benchmarks.accuracy.figures import Figure, figures
from simulations.benchmarks.accuracy.methods import METHODS, ORACLE_RANKS
from simulations.benchmarks.accuracy.oracles import Told, known_blend, of_rank, without_noise
from simulations.benchmarks.accuracy.source import DEFAULT, Source
from simulations.comparison import private_popularity
from simulations.metrics import Scorer, evaluate
from simulations.peers.fedmf import GRID as FEDMF_GRID
from simulations.peers.fedmf import fedmf
from simulations.peers.negatives import NegativeSampler
from simulations.peers.pfedrec import GRID as PFEDREC_GRID
from simulations.peers.pfedrec import pfedrec
from simulations.peers.training import PeerTooLarge, choose
from simulations.run import run
from simulations.split import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came out for one cell.

    Args:
        figures: on the test items; none where it was skipped.
        setting: what validation chose, in words.
        tried: settings in words with their full-catalogue NDCG@10 on validation.
        skipped: why nothing was measured.
    """

    figures: tuple[Figure, ...] = ()
    setting: str = ""
    tried: Sequence[tuple[str, float]] = ()
    skipped: str = ""


def measure(source: Source, cell: Cell) -> Measured:
    """Train and judge one cell's method."""
    if METHODS[cell.method].scenario:
        return _by_run(source, cell)
    if cell.method in ORACLES:
        told = ORACLES[cell.method](source, cell)
        return Measured(figures=told.figures, setting=told.setting)
    split, items = source.split(cell.seed), len(source.dataset.catalogue)
    judged = split.sample(items=items, seed=cell.seed)
    try:
        if cell.method in PEERS:
            return _peer(cell, split, items)
        return _judged(BASELINES[cell.method](source, cell, split, judged), judged)
    except (TooLarge, PeerTooLarge) as problem:
        return Measured(skipped=str(problem))


def rows_of(cell: Cell, measured: Measured, seconds: float) -> list[AccuracyRow]:
    """Return a cell's rows; the last one, by which a whole cell is known, is the time it took."""

    def row(figure: Figure, note: str = "") -> AccuracyRow:
        return AccuracyRow(
            benchmark="accuracy",
            contestant=cell.method,
            seed=cell.seed,
            metric=figure.metric,
            value=figure.value,
            unit=figure.unit,
            standard_error=figure.error,
            note=note,
        )

    rows = [row(figure) for figure in measured.figures]
    rows += [row(Figure("validation full ndcg@10", value, "gain"), note) for note, value in measured.tried]
    if measured.skipped:
        rows.append(row(Figure("skipped", 1.0, "cell"), measured.skipped))
    return [*rows, row(Figure("seconds", seconds, "s"), measured.setting)]


def _by_run(source: Source, cell: Cell) -> Measured:
    """Run the scenario as `penchant-sim run` does, and judge the release it exports or a baseline beside it."""
    how = METHODS[cell.method]
    scenario = source.scenario(how.scenario or DEFAULT, epsilon=cell.epsilon, seed=cell.seed)
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(
            scenario,
            data=source.path,
            out=Path(folder) / "run",
            progress=lambda text, share: None,
            beside=("popularity_private", cell.method),
        )
    found = outcome.comparison
    if how.kind == "ours":
        return Measured(figures=figures(found.released, found.split))
    if cell.method not in found.baselines:
        return Measured(skipped="the catalogue has no public text, genres or years")
    choice = found.choices.get(cell.method)
    return Measured(
        figures=figures(found.baselines[cell.method], found.split),
        setting=f"{choice.setting:g}" if choice else "",
        tried=[(f"{setting:g}", value) for setting, value in choice.tried] if choice else (),
    )


def _judged(made: Scorer | Choice[Any], judged: Split) -> Measured:
    if isinstance(made, Choice):
        return Measured(
            figures=figures(evaluate(made.scorer, judged, "test"), judged),
            setting=f"{made.setting:g}",
            tried=[(f"{setting:g}", value) for setting, value in made.tried],
        )
    return Measured(figures=figures(evaluate(made, judged, "test"), judged))


def _popularity(source: Source, cell: Cell, split: Split, judged: Split) -> Scorer:
    return popularity(split.train, len(source.dataset.catalogue))


def _popularity_private(source: Source, cell: Cell, split: Split, judged: Split) -> Scorer:
    privacy = source.scenario(DEFAULT, epsilon=cell.epsilon, seed=cell.seed).privacy
    return private_popularity(split.train, len(source.dataset.catalogue), privacy)


def _puresvd(source: Source, cell: Cell, split: Split, judged: Split) -> Choice[int]:
    axes = singular_axes(split.train, len(source.dataset.catalogue), rank=max(SVD_RANKS))
    return best(lambda rank: puresvd(axes, rank=rank), SVD_RANKS, judged)


def _ease(source: Source, cell: Cell, split: Split, judged: Split) -> Choice[float]:
    items = len(source.dataset.catalogue)
    return best(lambda penalty: ease(split.train, items, penalty=penalty), EASE_PENALTIES, judged)


def _peer(cell: Cell, split: Split, items: int) -> Measured:
    train, grid, sampler = PEERS[cell.method]
    chosen = choose(train, grid, split, items, sampler=sampler, seed=cell.seed)
    return Measured(figures=figures(chosen.found, split), setting=chosen.setting, tried=chosen.tried)


ORACLES: dict[str, Callable[[Source, Cell], Told]] = {
    "oracle_blend": known_blend,
    "oracle_no_noise": without_noise,
    **{f"oracle_rank_{rank}": partial(of_rank, rank=rank) for rank in ORACLE_RANKS},
}
Baseline = Callable[[Source, Cell, Split, Split], Scorer | Choice[Any]]
BASELINES: dict[str, Baseline] = {
    "popularity": _popularity,
    "popularity_private": _popularity_private,
    "puresvd": _puresvd,
    "ease": _ease,
}
PEERS: dict[str, tuple[Any, Sequence[Any], NegativeSampler]] = {
    "fedmf": (fedmf, FEDMF_GRID, NegativeSampler.CLEAN),
    "pfedrec": (pfedrec, PFEDREC_GRID, NegativeSampler.CLEAN),
    "pfedrec_leaky": (pfedrec, PFEDREC_GRID, NegativeSampler.LEAKY),
}
