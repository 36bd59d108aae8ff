"""Whether time tells a stranger who is enrolled: interleaved requests, differences with confidence intervals."""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models.streams import stream
from server.database import open_engine
from simulations.benchmarks.consent import databases
from simulations.benchmarks.enrolled import Active, actives, fill
from simulations.benchmarks.load import process, send
from simulations.benchmarks.rows import Row, write_rows

SAMPLES, RESAMPLES, PEOPLE, WARM = 4_000, 2_000, 20_000, 200
CLASSES = ("unknown", "enrolled", "opted out")
Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """How much longer one class takes than another, microseconds.

    Args:
        name: which.
        medians: difference of medians.
        low: lower end of its 95% bootstrap interval.
        high: upper end.
    """

    name: str
    medians: float
    low: float
    high: float

    @property
    def measurable(self) -> bool:
        """Whether the interval leaves zero out."""
        return not self.low <= 0 <= self.high


def difference(name: str, one: Float, other: Float, *, seed: int) -> Difference:
    """Compare two samples by their medians.

    >>> x = np.arange(1000.0)
    >>> difference("same", x, x, seed=1).measurable, difference("later", x + 200, x, seed=1).measurable
    (False, True)
    """
    rng = stream(seed, "bootstrap", len(one))
    found = [
        float(np.median(rng.choice(one, len(one))) - np.median(rng.choice(other, len(other))))
        for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(found, [2.5, 97.5])
    return Difference(name, float(np.median(one) - np.median(other)), float(low), float(high))


def ask(service: str, people: dict[str, list[Active]], *, by: Active | None, seed: int) -> dict[str, Float]:
    """Ask about each class in turn, in an order drawn anew each time; return microseconds by class.

    Args:
        service: host and port.
        people: by class.
        by: the stranger who signs; None lets everybody sign for themselves, which asks the store.
        seed: of the order.
    """
    rng = stream(seed, "order")
    order: list[str] = []
    requests: list[bytes] = []
    for _ in range(SAMPLES):
        for name in rng.permutation(list(people)).tolist():
            someone = people[name][int(rng.integers(len(people[name])))]
            path = f"/v1/subjects/{someone.subject}/consents"
            order.append(name)
            requests.append((by or someone).request("GET", service, path))
    timed = send(service, requests, connections=1, status=None)
    times = 1e6 * np.array(timed.each)
    names = np.array(order)
    kept = np.arange(len(order)) >= WARM
    return {name: times[(names == name) & kept] for name in people}


def main(out: Path) -> None:
    """Measure on each database, as a stranger and, as a control, as the owner."""
    console = Console(highlight=False)
    rows: list[Row] = []
    with databases() as urls:
        for kind, url in urls.items():
            found = list(measure(url))
            table = Table(title=f"{kind}: microseconds longer than unknown, {SAMPLES:,} requests each")
            for column in ("asked by", "difference", "95% interval", "measurable"):
                table.add_column(column, justify="left" if column == "asked by" else "right")
            for each in found:
                interval = f"{each.low:+.1f} to {each.high:+.1f}"
                table.add_row(each.name, f"{each.medians:+.1f}", interval, "yes" if each.measurable else "no")
                rows += _rows(kind, each)
            console.print(table)
    write_rows(out / "strangers.jsonl", rows)


def measure(url: str) -> Iterator[Difference]:
    """Yield the differences on one database."""
    engine = open_engine(url, patience=None)
    devices = actives(150)
    fill(engine, devices, people=PEOPLE)
    enrolled, left, (stranger, *_) = devices[:70], devices[70:140], devices[140:]
    people = {"unknown": actives(70), "enrolled": enrolled, "opted out": left}
    with tempfile.TemporaryDirectory(prefix="penchant-bench-") as folder:
        key = [
            part
            for name in ("key", "log-key", "consent-log-key")
            for part in (f"--{name}", f"{folder}/{name}")
        ]
        command = [sys.executable, "-m", "server", "serve", "--port", "0", "--database", url, *key]
        with process(command) as service:
            send(service, [device.withdraw(service) for device in left], connections=1)
            for who, by in (("a stranger", stranger), ("control: the owner", None)):
                times = ask(service, people, by=by, seed=1)
                for name in CLASSES[1:]:
                    yield difference(f"{who}: {name}", times[name], times["unknown"], seed=1)
    engine.dispose()


def _rows(kind: str, found: Difference) -> Iterator[Row]:
    for metric, value in (("difference", found.medians), ("low", found.low), ("high", found.high)):
        name = f"{kind}: {found.name}"
        yield Row(benchmark="strangers", contestant=name, seed=1, metric=metric, value=value, unit="us")
