"""The log as it grows to a million entries in the service's own store, SQLite and PostgreSQL, durable both.

One database grows from size to size, by the same transactions as a service's; at each size single appends, proofs and
pages of 256 entries are timed, each in a transaction of its own, and so is one of a thousand appended at once;
the real command writes a bundle of the database, and the real audit judges all of it.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection, Engine

from privacy.events import Event
from privacy.keys import SigningKey
from privacy.manifest import TrustAnchors
from server.database import migrate, open_engine, reading, serially
from server.ledger_store import LogKey, StoredLedger
from simulations.benchmarks.consent import databases
from simulations.benchmarks.ledger import ORIGIN, SIZES, audited, opening, rounds, table
from simulations.benchmarks.rows import Row, write_rows

BATCH, SINGLE, PROOFS = 1_000, 200, 200
UNITS = {
    "append_alone": "us", "append_many": "us", "prove": "us", "page": "us", "bundle": "s", "size": "MB", "audit": "s",
    "peak": "MB",
}  # fmt: skip


def measure(
    url: str, folder: Path, *, sizes: Sequence[int], said: Callable[[int], None]
) -> dict[int, dict[str, float]]:
    """Grow one database to each size and return what the log costs there."""
    engine, key = open_engine(url), LogKey(ORIGIN, SigningKey.generate())
    migrate(engine)
    trust = TrustAnchors(origin=ORIGIN, release_key=SigningKey.generate().public, log_key=key.key.public)
    (folder / "trust.json").write_bytes(trust.encode())
    life, held, found = _life(), 0, {}
    for size in sizes:
        began, grown = time.perf_counter(), size - held - SINGLE
        while held < size - SINGLE:
            batch = list(islice(life, min(BATCH, size - SINGLE - held)))
            _append(engine, batch)
            held += len(batch)
            said(len(batch))
        figures = {"append_many": 1e6 * (time.perf_counter() - began) / grown}
        figures["append_alone"] = _alone(engine, list(islice(life, SINGLE)))
        held += SINGLE
        said(SINGLE)
        figures |= _read(engine, key, size)
        serially(engine, lambda connection: StoredLedger(connection).keep_head(key))
        found[size] = {**figures, **_bundled(url, folder)}
    engine.dispose()
    return found


def _life() -> Iterator[Event]:
    yield from opening()
    yield from rounds()


def _append(engine: Engine, events: Sequence[Event]) -> None:
    serially(engine, lambda connection: StoredLedger(connection).extend(events))


def _alone(engine: Engine, events: Sequence[Event]) -> float:
    took = []
    for event in events:
        began = time.perf_counter()
        _append(engine, [event])
        took.append(time.perf_counter() - began)
    return 1e6 * median(took)


def _read(engine: Engine, key: LogKey, size: int) -> dict[str, float]:
    """Time proofs under a fresh head, and pages, each in a transaction of its own."""

    def each(act: Callable[[Connection, int], object]) -> float:
        took = []
        for place in range(0, size, max(1, size // PROOFS)):
            began = time.perf_counter()
            with reading(engine) as connection:
                act(connection, place)
            took.append(time.perf_counter() - began)
        return 1e6 * median(took)

    prove = each(lambda connection, place: _proof(connection, place, key))
    page = each(lambda connection, place: StoredLedger(connection).leaves(after=place - 1, limit=256))
    return {"prove": prove, "page": page}


def _proof(connection: Connection, place: int, key: LogKey) -> bytes:
    stored = StoredLedger(connection)
    return stored.proof_at(place, stored.checkpoint(key))


def _bundled(url: str, folder: Path) -> dict[str, float]:
    path = folder / "log.bundle"
    path.unlink(missing_ok=True)
    began = time.perf_counter()
    command = [sys.executable, "-m", "server.audit", "bundle", url, "-o", str(path)]
    subprocess.run([*command, "--trust", str(folder / "trust.json")], stdout=subprocess.DEVNULL, check=True)
    took = {"bundle": time.perf_counter() - began, "size": path.stat().st_size / 1e6}
    judged = audited(path, only=None)
    return {**took, "audit": judged["audit"], "peak": judged["audit_peak"]}


def main(out: Path, *, sizes: Sequence[int] = SIZES) -> None:
    """Measure both databases, print a table each, keep the rows."""
    console, rows = Console(highlight=False), []
    with databases() as urls, Progress(console=console) as progress:
        for name, url in urls.items():
            task = progress.add_task(f"ledger in {name}", total=max(sizes))
            with TemporaryDirectory(prefix="penchant-bench-") as folder:
                found = measure(url, Path(folder), sizes=sizes, said=partial(progress.advance, task))
            console.print(table(f"in {name}", UNITS, {size: [found[size]] for size in sizes}))
            rows += [
                Row(
                    benchmark="ledger", contestant=f"{size} entries in {name}", seed=1, metric=metric,
                    value=value, unit=UNITS[metric],
                )
                for size, figures in found.items()
                for metric, value in figures.items()
            ]  # fmt: skip
    write_rows(out / "ledger-stored.jsonl", rows)
