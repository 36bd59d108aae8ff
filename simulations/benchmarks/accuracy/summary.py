"""Means and standard deviations over seeds: the few lines that are kept beside the code."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simulations.benchmarks.accuracy.book import LAST, Rows
from simulations.benchmarks.accuracy.cells import Key
from simulations.benchmarks.accuracy.methods import METHODS
from simulations.errors import SimulationError
from simulations.outputs import write

KEPT = Path(__file__).parents[1] / "accuracy.jsonl"
"""Measured data: the summary that README's table is printed from."""


class SummaryRefused(SimulationError):
    """The summary cannot be read: the message names the file."""

    code = "summary_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One figure over seeds.

    Args:
        mean: over seeds.
        sd: standard deviation over seeds; 0 for one seed.
        error: standard error over people, of a typical seed; None where the figure is not of people.
    """

    mean: float
    sd: float
    error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One method on one data set at one epsilon.

    Args:
        dataset: name of the data set.
        method: name of the contestant.
        epsilon: what it spent; None where nothing bounds it, and for a method that spends none.
        delta: what epsilon is at; None where there is none.
        people: how many the data set has.
        items: size of the catalogue.
        seeds: that were measured.
        metrics: by name; empty where it was skipped.
        settings: chosen on validation, in words, by seed.
        tried: each setting's mean on validation, full-catalogue NDCG@10.
        skipped: why nothing was measured.
        seconds: what a seed took.
        commit: of the code, several where seeds differ.
        machine: it ran on.
    """

    dataset: str
    method: str
    epsilon: float | None
    delta: float | None
    people: int
    items: int
    seeds: Sequence[int]
    metrics: Mapping[str, Spread]
    settings: Sequence[str]
    tried: Mapping[str, float]
    skipped: str
    seconds: float
    commit: str
    machine: str

    @property
    def key(self) -> tuple[str, str, float | None]:
        """What this is a line of."""
        return self.dataset, self.method, self.epsilon


def summarize(cells: Mapping[Key, Rows]) -> list[Line]:
    """Fold the seeds of every method, in the order of the contestants."""
    together: dict[tuple[str, str, float | None], list[Rows]] = {}
    for (dataset, method, epsilon, _), rows in cells.items():
        together.setdefault((dataset, method, epsilon), []).append(rows)
    return ordered(_fold(key, found) for key, found in together.items() if key[1] in METHODS)


def ordered(lines: Iterable[Line]) -> list[Line]:
    """Sort lines by data set, then in the order of the contestants, then by epsilon."""
    names = list(METHODS)

    def place(line: Line) -> tuple[str, int, float]:
        return line.dataset, names.index(line.method), float("inf") if line.epsilon is None else line.epsilon

    return sorted(lines, key=place)


def save(path: Path, lines: Iterable[Line]) -> None:
    """Write a summary, a line of JSON each."""
    write(path, "".join(json.dumps(asdict(line), sort_keys=True) + "\n" for line in lines).encode())


def read(path: Path) -> list[Line]:
    """Read a summary.

    Raises:
        SummaryRefused: it is missing or not one.
    """
    try:
        return [_line(json.loads(text)) for text in path.read_text(encoding="utf-8").splitlines()]
    except OSError as problem:
        raise SummaryRefused(f"{path}: {problem.strerror}; run penchant-sim bench accuracy first") from None
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise SummaryRefused(f"{path}: not a summary of this benchmark: {problem}") from None


def _line(fields: dict[str, Any]) -> Line:
    metrics = {name: Spread(**spread) for name, spread in fields["metrics"].items()}
    return Line(**{**fields, "metrics": metrics})


def _fold(key: tuple[str, str, float | None], cells: list[Rows]) -> Line:
    cells = sorted(cells, key=lambda rows: rows[0]["seed"])
    plain = [row for rows in cells for row in rows if not row["note"] and row["metric"] != LAST]
    tried = [row for rows in cells for row in rows if row["metric"].startswith("validation ")]
    last = [rows[-1] for rows in cells]
    some = last[0]
    dataset, method, epsilon = key
    return Line(
        dataset=dataset,
        method=method,
        epsilon=epsilon,
        delta=some["delta"] if METHODS[method].spends and epsilon is not None else None,
        people=some["people"],
        items=some["items"],
        seeds=[row["seed"] for row in last],
        metrics={name: _spread(rows) for name, rows in _by(plain, "metric").items()},
        settings=[row["note"] for row in last if row["note"]],
        tried={name: _spread(rows).mean for name, rows in _by(tried, "note").items()},
        skipped=next((row["note"] for rows in cells for row in rows if row["metric"] == "skipped"), ""),
        seconds=round(statistics.mean(row["value"] for row in last), 1),
        commit=", ".join(sorted({row["commit"] for row in last})),
        machine=", ".join(sorted({row["machine"] for row in last})),
    )


def _by(rows: Rows, field: str) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for row in rows:
        found.setdefault(row[field], []).append(row)
    return found


def _spread(rows: Rows) -> Spread:
    values = [row["value"] for row in rows]
    errors = [row["standard_error"] for row in rows if row["standard_error"] is not None]
    return Spread(
        mean=round(statistics.mean(values), 5),
        sd=round(statistics.stdev(values), 5) if len(values) > 1 else 0.0,
        error=round(statistics.mean(errors), 5) if errors else None,
    )
