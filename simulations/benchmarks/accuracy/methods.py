"""The contestants: what each is called, what it may see, and which code decides its figures."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["ours", "private", "public", "open", "leaky", "oracle"]
PROTOCOL = ("simulations.metrics", "simulations.split", "simulations.benchmarks.accuracy.figures")
"""Decides everybody's figures."""
ORACLE_RANKS = (8, 20, 32, 64)
ORACLES = ("simulations.benchmarks.accuracy.oracles",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One contestant.

    Args:
        label: its name on every page.
        kind: "ours"; "private" spends the same epsilon; "public" uses nobody's data; "open" is not private;
            "leaky" is not private and trained on a leak, so its figures mean nothing; "oracle" is ours, not private
            at any epsilon, told what noise hides.
        behind: modules that decide its figures, beside the protocol.
        scenario: the scenario file whose whole run it is part of; without one it is trained by itself.
        named: whether it is measured only where it is asked for by name.
    """

    label: str
    kind: Kind
    behind: tuple[str, ...]
    scenario: str | None = None
    named: bool = False

    @property
    def spends(self) -> bool:
        """Whether it is measured at every epsilon; an oracle has the noise of that epsilon, or its rank and blend."""
        return self.kind in ("ours", "private", "oracle")


METHODS = {
    "ours": Method(label="Penchant", kind="ours", behind=("simulations.run",), scenario="movielens"),
    "ours_gradient": Method(
        label="Penchant, gradient rounds",
        kind="ours",
        behind=("simulations.run",),
        scenario="movielens-fedavg",
    ),
    "content_popularity_private": Method(
        label="content + private popularity",
        kind="private",
        behind=("simulations.run",),
        scenario="movielens",
    ),
    "popularity_private": Method(
        label="private popularity", kind="private", behind=("simulations.comparison",)
    ),
    "content_only": Method(
        label="content only", kind="public", behind=("simulations.run",), scenario="movielens"
    ),
    "popularity": Method(label="popularity", kind="open", behind=("simulations.baselines",)),
    "puresvd": Method(label="PureSVD", kind="open", behind=("simulations.baselines",)),
    "ease": Method(label="EASE", kind="open", behind=("simulations.baselines",)),
    "fedmf": Method(label="FedMF", kind="open", behind=("simulations.peers.fedmf",)),
    "pfedrec": Method(label="PFedRec", kind="open", behind=("simulations.peers.pfedrec",)),
    "pfedrec_leaky": Method(
        label="PFedRec, LEAKY sampler", kind="leaky", behind=("simulations.peers.pfedrec",)
    ),
    "oracle_blend": Method(
        label="NOT PRIVATE: our rounds, blend chosen by validation items instead of the vote",
        kind="oracle",
        behind=ORACLES,
        named=True,
    ),
    "oracle_no_noise": Method(
        label="NOT PRIVATE: our rounds, rank and blend without noise",
        kind="oracle",
        behind=ORACLES,
        named=True,
    ),
    **{
        f"oracle_rank_{rank}": Method(
            label=f"our rounds without noise at rank {rank}, blend chosen by validation items",
            kind="open",
            behind=ORACLES,
            named=True,
        )
        for rank in ORACLE_RANKS
    },
}
CONTESTANTS = tuple(name for name, how in METHODS.items() if not how.named)
"""Who is measured where nobody is named."""
SEES = {
    "ours": "clipped contributions, noisy sums",
    "private": "the same epsilon, all of it",
    "public": "nobody's data",
    "open": "not private",
    "leaky": "not private, and told what it will be asked",
    "oracle": "not private, and told what noise hides",
}
"""What stands behind a kind's figures."""
EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0, float("inf"))
SEEDS = (1, 2, 3)
