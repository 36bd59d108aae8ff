"""The device: a whole ranking with its reasons beside numpy, torch and the memory's own speed; int8 beside float.

The graph, torch and the reads run on one thread, numpy's products on as many as BLAS was given (OMP_NUM_THREADS).
A contestant's calls follow each other, so its tables are wherever the processor keeps what was just used; "caches
swept" is the same call after something else has filled every cache.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from client.device.person import Person
from client.device.ranking import Ranker
from client.device.release import VerifiedRelease, open_release, read_folder
from client.device.request import Request
from client.device.runtime import Runtime
from client.device.slate import Event
from models.catalogue import Catalogue
from models.export import export_release
from models.parameters import GlobalParameters
from models.spectral import unit
from models.streams import stream
from privacy.manifest import TrustAnchors
from simulations.benchmarks.device_accuracy import Accuracy, int8_beside_float
from simulations.benchmarks.device_environment import Environment, environment
from simulations.benchmarks.device_memory import Memory, cached_reader, last_cache
from simulations.benchmarks.device_peers import by_numpy, by_torch
from simulations.benchmarks.device_start import NOW, starts, write_signed
from simulations.benchmarks.device_store import EVENTS as STORED
from simulations.benchmarks.device_store import Kept, kept
from simulations.benchmarks.rows import Row, write_rows

SIZES = ((1_682, 8, 24), (10_000, 8, 56), (100_000, 8, 56))
"""Items, columns of taste, columns of content: 32, 64 and 64 numbers an item is ranked by."""
SEEDS, CALLS, SWEPT, EVENTS, K = (1, 2, 3), 300, 60, 100, 10
TARGET = 3.3
"""Most times the read of its table from the memory that a ranking of the largest catalogue should take."""
FROM_MEMORY, FROM_CACHE = "read of the table, from memory", "read of the table, from cache"
RANKINGS = ("graph", "slate in words")


Starts = dict[int, dict[str, dict[str, float]]]
"""By size, then first or later start, then metric."""


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds of one contestant: its calls, warm, and the first after loading."""

    warm: NDArray[np.float64]
    cold: float

    @property
    def best(self) -> float:
        """The shortest: what the machine can do when nothing else asks for it."""
        return float(self.warm.min())

    @property
    def p50(self) -> float:
        """The median."""
        return float(np.median(self.warm))

    @property
    def p99(self) -> float:
        """The 99th percentile."""
        return float(np.percentile(self.warm, 99))


def made(items: int, taste: int, content: int, seed: int) -> tuple[GlobalParameters, Catalogue]:
    """Draw a release of some size: unit content rows, popularity as in the demo."""
    rng = stream(seed, "device", items)

    def table(columns: int) -> NDArray[np.float32]:
        rows = rng.normal(size=(items, columns))
        return unit(rows, axis=1).astype(np.float32)

    params = GlobalParameters(
        taste_in=table(taste),
        taste_out=table(taste),
        content=table(content),
        bias=rng.normal(size=items).astype(np.float32),
        alpha=0.02,
        tau=4.0,
        fade_in=0.5,
        taste_weight=1.0,
        content_weight=0.8,
    )
    names = tuple(f"i{item}" for item in range(items))
    catalogue = Catalogue(names, names, np.full(items, 1995, np.int16), (("Drama",),) * items)
    return params, catalogue


def contest(
    items: int, taste: int, content: int, seed: int, folder: Path, memory: Memory
) -> dict[str, Times]:
    """Time every contestant on one release, in turn, call by call: a person who meets one more item before each."""
    params, catalogue = made(items, taste, content, seed)
    write_signed(export_release(params, catalogue), folder)
    release = opened(folder)
    size = items * (taste + content)
    met = stream(seed, "met").permutation(items)[: EVENTS + CALLS]
    events = [Event(f"i{item}") for item in met]
    histories = [met[call : call + EVENTS] for call in range(CALLS)]
    people = [Person(events=events[call : call + EVENTS]) for call in range(CALLS)]
    ages, kinds = np.arange(EVENTS)[::-1], np.ones(EVENTS, np.float32)

    def graph() -> Callable[[int], object]:
        runtime = Runtime(release.model)
        return lambda call: runtime.rank(
            histories[call], ages=ages, kinds=kinds, deltas={}, seen=histories[call], k=K
        )

    def slate() -> Callable[[int], object]:
        ranker, request = Ranker(release), Request(k=K)
        return lambda call: ranker.rank(people[call], request)

    def numpy() -> Callable[[int], object]:
        rank = by_numpy(params, k=K)
        return lambda call: rank(histories[call])

    def torch() -> Callable[[int], object]:
        rank = by_torch(params, k=K)
        return lambda call: rank(histories[call])

    loaders: dict[str, Callable[[], Callable[[int], object]]] = {
        "graph": graph,
        "slate in words": slate,
        "numpy float32": numpy,
        "torch eager float32": torch,
        FROM_CACHE: lambda: cached_reader(size),
        FROM_MEMORY: lambda: memory.reader(size),
    }
    calls = {name: load() for name, load in loaders.items()}
    cold = {name: timed(call, 0) for name, call in calls.items()}
    warm = {name: np.array([timed(call, turn) for turn in range(CALLS)]) for name, call in calls.items()}
    for name in RANKINGS:
        warm[swept(name)] = np.array([after(memory.sweep, calls[name], turn) for turn in range(SWEPT)])
        cold[swept(name)] = cold[name]
    return {name: Times(times, cold[name]) for name, times in warm.items()}


def swept(name: str) -> str:
    """Name a contestant whose tables are in no cache."""
    return f"{name}, caches swept"


def after(first: Callable[[], None], call: Callable[[int], object], turn: int) -> float:
    """Return the microseconds of one call that something else went before."""
    first()
    return timed(call, turn)


def opened(folder: Path) -> VerifiedRelease:
    """Open a folder as a device does that has installed it before."""
    trust = TrustAnchors.decode((folder / "trust.json").read_bytes())
    return open_release(read_folder(folder), trust=trust, now=NOW, known=True)


def timed(call: Callable[[int], object], turn: int) -> float:
    """Return the microseconds of one call."""
    began = time.perf_counter()
    call(turn)
    return 1e6 * (time.perf_counter() - began)


def main(out: Path) -> None:
    """Measure everything, print ratios first, keep the rows."""
    console, rows, memory = Console(highlight=False), [], Memory(last_cache())
    with tempfile.TemporaryDirectory() as made_here:
        scratch = Path(made_here)
        found: dict[tuple[int, int], list[dict[str, Times]]] = {}
        for items, taste, content in track(SIZES, description="rankings"):
            for seed in SEEDS:
                folder = scratch / f"{items}-{seed}"
                times = contest(items, taste, content, seed, folder, memory)
                found.setdefault((items, taste + content), []).append(times)
                rows += _time_rows(times, f"{items} x {taste + content}", seed)
        began = {
            items: starts(scratch / f"{items}-{SEEDS[0]}", scratch / f"home-{items}" / "device")
            for items, _, _ in SIZES
        }
        shipped = environment(scratch / "environment", scratch / f"{SIZES[0][0]}-{SEEDS[0]}")
    accuracy, store = int8_beside_float(), kept()
    rows += _other_rows(began, shipped, accuracy, store)
    write_rows(out / "device.jsonl", rows)
    for (items, columns), runs in found.items():
        console.print(_table(items, columns, runs))
    _print_rest(console, found, began, shipped, accuracy)
    console.print(store.statement())
    console.print(f"rows in {out / 'device.jsonl'}; one server core, no phone was measured")


def _time_rows(times: dict[str, Times], size: str, seed: int) -> list[Row]:
    return [
        Row(benchmark=f"device {size}", contestant=name, seed=seed, metric=metric, value=value, unit="us")
        for name, one in times.items()
        for metric, value in (("best", one.best), ("p50", one.p50), ("p99", one.p99), ("cold", one.cold))
    ]


def _other_rows(began: Starts, shipped: Environment, accuracy: Accuracy, store: Kept) -> list[Row]:
    rows = [
        Row(
            benchmark=f"device {which}, {items} items",
            contestant="penchant",
            seed=SEEDS[0],
            metric=metric,
            value=value,
            unit="MB" if metric in ("resident", "peak") else "ms",
        )
        for items, kinds in began.items()
        for which, start in kinds.items()
        for metric, value in start.items()
    ]
    whole = {
        **shipped.figures(),
        **accuracy.figures(),
        **{f"{STORED} events, {name}": (value, "ms") for name, value in asdict(store).items()},
    }
    return rows + [
        Row(benchmark="device", contestant="penchant", seed=1, metric=name, value=value, unit=unit)
        for name, (value, unit) in whole.items()
    ]


def _table(items: int, columns: int, runs: list[dict[str, Times]]) -> Table:
    table = Table(
        title=f"{items:,} items x {columns}, {EVENTS} events, {K} items with reasons, {len(runs)} seeds"
    )
    for name in ("", "times the graph", "best us", "p50 us", "p99 us", "cold us"):
        table.add_column(name, justify="left" if not name else "right")
    base = statistics.median(run["graph"].p50 for run in runs)
    for name in runs[0]:
        best, p50, p99, cold = (
            statistics.median(getattr(run[name], what) for run in runs)
            for what in ("best", "p50", "p99", "cold")
        )
        table.add_row(name, f"{p50 / base:.2f}", f"{best:,.0f}", f"{p50:,.0f}", f"{p99:,.0f}", f"{cold:,.0f}")
    return table


def bandwidth(name: str, runs: Sequence[Mapping[str, Times]]) -> str:
    """Hold a ranking's calls against reads of its table: medians, and the best, which other jobs slow least."""

    def times(contestant: str, read: str) -> str:
        median = statistics.median(run[contestant].p50 / run[read].p50 for run in runs)
        best = min(run[contestant].best for run in runs) / min(run[read].best for run in runs)
        return f"{median:.2f} times ({best:.2f} at best)"

    return (
        f"{name} at 100,000 x 64: {times(name, FROM_MEMORY)} the read of its table from the memory (target "
        f"{TARGET}), {times(name, FROM_CACHE)} the read from the cache that holds it by then; after the caches were "
        f"swept {times(swept(name), FROM_MEMORY)} the read from the memory"
    )


def _print_rest(
    console: Console,
    found: dict[tuple[int, int], list[dict[str, Times]]],
    began: Starts,
    shipped: Environment,
    accuracy: Accuracy,
) -> None:
    for name in RANKINGS:
        console.print(bandwidth(name, found[100_000, 64]))
    for items, kinds in began.items():
        for which, start in kinds.items():
            said = ", ".join(f"{metric} {value:.0f}" for metric, value in start.items())
            console.print(f"{which} with {items:,} items (ms; resident and peak in MB): {said}")
    console.print(shipped.statement())
    console.print(accuracy.statement())
