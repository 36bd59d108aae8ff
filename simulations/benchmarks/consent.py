"""Consent at a million subjects, on both databases, beside a bare FastAPI endpoint with one indexed write."""

import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.status import Status
from rich.table import Table
from sqlalchemy import Connection, Engine

from server.admin import bootstrap
from server.database import open_engine, serially
from server.policy import notices_in
from server.store import ConsentStore
from simulations.benchmarks.enrolled import PURPOSE, Active, actives, fill
from simulations.benchmarks.load import Timed, process, send, wire
from simulations.benchmarks.parts import parts
from simulations.benchmarks.rows import Row, write_rows
from simulations.postgres import HOW_TO_GET, binary, running

BLOCKS, BLOCK, CONNECTIONS, WATCHED, USES = 5, 400, 8, 200, 1_000
BARE = "bare endpoint, one indexed write"


@dataclass(slots=True)
class Figures:
    """What one database was measured at.

    Args:
        blocks: by what was asked, (requests a second) of each block.
        each: by what was asked, seconds from each request to its answer.
        effective: seconds from a withdrawal's answer to the end of the first commit check that excludes it.
        parts: microseconds a withdrawal spends in each part.
    """

    blocks: dict[str, list[float]] = field(default_factory=dict)
    each: dict[str, list[float]] = field(default_factory=dict)
    effective: list[float] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)

    def add(self, what: str, timed: Timed, *, uses: int = 1) -> None:
        """Add a block."""
        self.blocks.setdefault(what, []).append(uses * len(timed.each) / timed.seconds)
        self.each.setdefault(what, []).extend(timed.each)

    def rate(self, what: str) -> float:
        """Return the median rate of the blocks, a second."""
        return statistics.median(self.blocks[what])


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Yield the URL of a fresh database of either kind, PostgreSQL where its binaries are, durable both."""
    with tempfile.TemporaryDirectory(prefix="penchant-bench-") as folder:
        urls = {"SQLite": f"sqlite:///{folder}/store.db"}
        if not binary("initdb") or not binary("pg_ctl"):
            Console().print(HOW_TO_GET)
            yield urls
            return
        with running(durable=True) as server:
            yield {**urls, "PostgreSQL": f"{server}/postgres"}


def measure(url: str, *, people: int, say: Callable[[str], None]) -> Figures:
    """Fill a database and measure both services on it, block by block in turn."""
    figures, devices = Figures(), actives(BLOCKS * BLOCK + WATCHED)
    engine = open_engine(url, patience=None)
    say(f"enrolling {people:,} subjects")
    notice = fill(engine, devices, people=max(people, len(devices)))
    token = bootstrap(engine, actor="bench", role="aggregator", days=1, now=int(time.time()))
    with tempfile.TemporaryDirectory(prefix="penchant-bench-") as folder:
        key = [
            part
            for name in ("key", "log-key", "consent-log-key")
            for part in (f"--{name}", f"{folder}/{name}")
        ]
        ours = [sys.executable, "-m", "server", "serve", "--port", "0", "--database", url, *key]
        bare = [sys.executable, "-m", "simulations.benchmarks.bare", url]
        with process(ours) as service, process(bare) as peer:
            for block in range(BLOCKS):
                say(f"block {block + 1} of {BLOCKS}")
                some = devices[block * BLOCK : (block + 1) * BLOCK]
                _block(figures, some, service=service, peer=peer, notice=notice, token=token)
            say("from acknowledged to effective")
            figures.effective = [_effective(engine, device, service) for device in devices[BLOCKS * BLOCK :]]
    say("where the time goes")
    whole = 1e6 / figures.rate("withdrawal, one connection")
    figures.parts = parts(engine, whole=whole)
    engine.dispose()
    return figures


def _block(
    figures: Figures, devices: Sequence[Active], *, service: str, peer: str, notice: str, token: str
) -> None:
    kind = {"content-type": "application/json"}

    def write(some: Sequence[Active]) -> list[bytes]:
        """Return writes of values that are not there yet: a database may skip those that are."""
        values = [json.dumps({"value": secrets.randbits(40)}).encode() for _ in some]
        pairs = zip(some, values, strict=True)
        return [wire("PUT", peer, f"/rows/{device.subject}", kind, value) for device, value in pairs]

    bearer = {"authorization": f"Bearer {token}", **kind}
    path = f"/v1/purposes/{PURPOSE}/checks"

    def check(some: Sequence[Active]) -> bytes:
        uses = [{"subject": device.subject, "version": 3} for device in some]
        return wire("POST", service, path, bearer, json.dumps({"uses": uses}).encode())

    first, rest = devices[: BLOCK // 8], devices[BLOCK // 8 :]
    figures.add(
        "grant",
        send(service, [d.grant(service, notice=notice, version=1) for d in devices], connections=CONNECTIONS),
    )
    figures.add(BARE, send(peer, write(devices), connections=CONNECTIONS))
    figures.add("withdrawal", send(service, [d.withdraw(service) for d in rest], connections=CONNECTIONS))
    figures.add(
        "withdrawal, one connection", send(service, [d.withdraw(service) for d in first], connections=1)
    )
    figures.add(f"{BARE}, one connection", send(peer, write(first), connections=1))
    figures.add("check", send(service, [check([d]) for d in devices[:100]], connections=CONNECTIONS))
    many = (list(devices) * 3)[:USES]
    figures.add(f"check, {USES:,} at once", send(service, [check(many)] * 8, connections=2), uses=USES)


def _effective(engine: Engine, device: Active, service: str) -> float:
    """Withdraw, then ask as a commit would until it says no; return the seconds since the answer."""
    with engine.connect() as plain:
        handle = plain.exec_driver_sql(
            f"SELECT handle FROM subjects WHERE subject = '{device.subject}'"
        ).scalar_one()
    asked = np.array([handle], np.int64)

    def usable() -> bool:
        def commit_check(connection: Connection) -> bool:
            store, now = ConsentStore(connection), int(time.time())
            current = notices_in(connection).current(PURPOSE)
            return bool(store.versions(asked, PURPOSE, notices=current, now=now, hold=True)[0] >= 0)

        return serially(engine, commit_check)

    if not usable():
        raise AssertionError
    send(service, [device.withdraw(service)], connections=1)
    answered = time.perf_counter()
    while usable():
        pass
    return time.perf_counter() - answered


def main(out: Path, *, subjects: int) -> None:
    """Measure on each database, print rates, latencies and ratios, keep the rows."""
    console = Console(highlight=False)
    with databases() as urls:
        for name, url in urls.items():
            with console.status(name) as status:

                def say(text: str, status: Status = status, name: str = name) -> None:
                    status.update(f"{name}: {text}")

                figures = measure(url, people=subjects, say=say)
            write_rows(out / "consent.jsonl", _rows(figures, name))
            console.print(_table(figures, f"{name}, {subjects:,} subjects, {CONNECTIONS} connections"))
            console.print(_summary(figures))


def _rows(figures: Figures, name: str) -> Iterator[Row]:
    for what, found in figures.blocks.items():
        for seed, rate in enumerate(found, 1):
            yield _row(f"{name}: {what}", seed, "rate", rate, "1/s")
        for share in (50, 99):
            yield _row(f"{name}: {what}", 0, f"p{share}", 1e3 * _quantile(figures.each[what], share), "ms")
    for share in (50, 99):
        effective = 1e3 * _quantile(figures.effective, share)
        yield _row(f"{name}: acknowledged to effective", 0, f"p{share}", effective, "ms")
    for part, spent in figures.parts.items():
        yield _row(f"{name}: {part}", 0, "part of a withdrawal", spent, "us")


def _row(contestant: str, seed: int, metric: str, value: float, unit: str) -> Row:
    return Row(benchmark="consent", contestant=contestant, seed=seed, metric=metric, value=value, unit=unit)


def _table(figures: Figures, title: str) -> Table:
    table = Table(title=title)
    for column in ("", "a second", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if not column else "right")
    for what in figures.blocks:
        each = figures.each[what]
        p50, p99 = (f"{1e3 * _quantile(each, share):.2f}" for share in (50, 99))
        table.add_row(what, f"{figures.rate(what):,.0f}", p50, p99)
    p50, p99 = (f"{1e3 * _quantile(figures.effective, share):.2f}" for share in (50, 99))
    table.add_row("withdrawal acknowledged to effective", "", p50, p99)
    return table


def _summary(figures: Figures) -> str:
    ratios = [f"{what} {_ratio(figures, what, BARE)}" for what in ("grant", "withdrawal")]
    single = _ratio(figures, "withdrawal, one connection", f"{BARE}, one connection")
    shares = ", ".join(f"{part} {spent:.0f}" for part, spent in figures.parts.items())
    return (
        f"bare endpoint over ours, median of {BLOCKS} blocks (lowest to highest): {'; '.join(ratios)}; "
        f"withdrawal on one connection {single}\na withdrawal on one connection, us: {shares}\n"
    )


def _ratio(figures: Figures, ours: str, bare: str) -> str:
    pairs = zip(figures.blocks[bare], figures.blocks[ours], strict=True)
    found = sorted(theirs / mine for theirs, mine in pairs)
    return f"{statistics.median(found):.2f} ({found[0]:.2f} to {found[-1]:.2f})"


def _quantile(values: Sequence[float], percent: int) -> float:
    return float(np.percentile(values, percent))
