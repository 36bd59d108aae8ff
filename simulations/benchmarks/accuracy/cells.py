"""The smallest thing that is measured: one method on one data set at one epsilon with one seed."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simulations.benchmarks.accuracy.methods import METHODS, PROTOCOL
from simulations.benchmarks.rows import Row
from simulations.provenance import digest_behind

Key = tuple[str, str, float | None, int]
"""Data set, method, epsilon (None where nothing bounds it), seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is measured, and everything its figures depend on.

    Args:
        dataset: name of the data set.
        method: name of the contestant.
        epsilon: what is spent; infinite without privacy, and for a method that spends none.
        seed: of the run.
        config: digest of the data and of every setting.
        code: digest of the code that decides the figures.
    """

    dataset: str
    method: str
    epsilon: float
    seed: int
    config: str
    code: str

    @property
    def key(self) -> Key:
        """Which cell of the tables this is, whatever code and settings made it."""
        return self.dataset, self.method, None if math.isinf(self.epsilon) else self.epsilon, self.seed

    def is_of(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row was measured for this cell, by this code and these settings."""
        return key_of(row) == self.key and (row["config"], row["code"]) == (self.config, self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyRow(Row):
    """One figure of one cell.

    Args:
        standard_error: of the value, over people.
        note: the setting a validation figure belongs to, or why the cell was skipped.
    """

    standard_error: float | None = None
    note: str = ""


def key_of(row: Mapping[str, Any]) -> Key:
    """Return which cell a row belongs to."""
    return row["dataset"], row["contestant"], row["epsilon"], row["seed"]


def code_of(method: str) -> str:
    """Return the digest of the code behind a method's figures and the protocol."""
    return digest_behind(*METHODS[method].behind, *PROTOCOL)


def digest_of(settings: Mapping[str, object]) -> str:
    """Return the SHA-256 of settings as sorted compact JSON, hex."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def cells_of(
    methods: Iterable[str], epsilons: Iterable[float], seeds: Iterable[int]
) -> list[tuple[str, float, int]]:
    """Return method, epsilon and seed of everything to measure; who spends nothing is measured once a seed."""
    levels = list(epsilons)
    return [
        (method, epsilon, seed)
        for method in methods
        for epsilon in (levels if METHODS[method].spends else [math.inf])
        for seed in seeds
    ]
