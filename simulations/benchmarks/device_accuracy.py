"""int8 beside float on MovieLens-100K: every person's full-catalogue NDCG@10 by the release's own graph."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import simulations
from client.device.runtime import Runtime
from models.features import item_features
from models.graph import build_graph
from models.streams import stream
from simulations.comparison import scorer_of
from simulations.line import ReleaseLine
from simulations.metrics import TOP, evaluate
from simulations.runtimes import InProcess
from simulations.scenario import load
from simulations.sources import default_cache, load_ml100k
from simulations.split import Split, leave_two_out
from simulations.training import train

SCENARIO = Path(simulations.__file__).parent / "scenarios" / "movielens.toml"
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Accuracy:
    """NDCG@10 of both models and the bootstrap interval of their difference over people.

    Args:
        floating: of the float model.
        int8: of the graph.
        low: 2.5th percentile of the mean difference, int8 less float.
        high: 97.5th percentile.
    """

    floating: float
    int8: float
    low: float
    high: float

    def figures(self) -> dict[str, tuple[float, str]]:
        """Return the figures with their units."""
        return {
            "ndcg@10 float": (self.floating, "share"),
            "ndcg@10 int8": (self.int8, "share"),
            "ndcg@10 int8 less float, 2.5 %": (self.low, "share"),
            "ndcg@10 int8 less float, 97.5 %": (self.high, "share"),
        }

    def statement(self) -> str:
        """Say it in one line."""
        within = "within" if self.low <= 0 <= self.high else "OUTSIDE"
        return (
            f"full-catalogue NDCG@10 {self.int8:.4f} int8, {self.floating:.4f} float: difference "
            f"{self.int8 - self.floating:+.5f}, 95 % [{self.low:+.5f}, {self.high:+.5f}], {within} its interval"
        )


def int8_beside_float() -> Accuracy:
    """Train the demo's scenario, rank everyone's test item by the float reference and by the graph."""
    scenario = load(SCENARIO, overrides=[], seed=None)
    dataset = load_ml100k(data=None, cache=default_cache())
    split = leave_two_out(dataset, seed=scenario.seed)
    params = train(
        scenario,
        train=split.train,
        timed=dataset.timed,
        features=item_features(dataset.catalogue).table,
        line=ReleaseLine(scenario),
        runtime=InProcess(),
        observe=lambda label, parameters: None,
    ).parameters
    floating = evaluate(scorer_of(params), split, "test").ndcg
    int8 = _by_graph(Runtime(build_graph(params)), split)
    change = int8 - floating
    rng = stream(1, "bootstrap")
    means = [change[rng.integers(0, len(change), len(change))].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Accuracy(float(floating.mean()), float(int8.mean()), float(low), float(high))


def _by_graph(runtime: Runtime, split: Split) -> NDArray[np.float64]:
    """Return each person's NDCG@10 of the slate their device would make."""
    known = split.with_validation()
    gains = np.zeros(split.people)
    for person in range(split.people):
        history = known.of(person).astype(np.int64)
        ranked = runtime.rank(
            history,
            ages=np.arange(len(history))[::-1],
            kinds=np.ones(len(history), np.float32),
            deltas={},
            seen=history,
            k=TOP,
        )
        at = np.flatnonzero(ranked.items == split.test[person])
        gains[person] = 1 / np.log2(at[0] + 2.0) if len(at) else 0.0
    return gains
