"""The log as it grows to a million entries: append, prove, check a proof, bundle, and audit one release.

A log as a service writes it: every other entry an anchor of the consent log, rounds that are announced and aborted,
and at its beginning the rounds that are paid for, up to 300 of them, from which the one release comes. Each size is
made in memory; the audit is the real command in a process of its own, imports included. Its processor time is what
its wall time would be on a machine with nothing else to do.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import track
from rich.table import Table

from privacy.acts import AccountantDeclared, ConsentRootAnchored, NotCovered, NoticePublished
from privacy.bundle import Bundle, BundledRelease, write_bundle
from privacy.checkpoint import verify_log_proof
from privacy.events import (
    Event,
    LineDeclared,
    PrivacyEvent,
    ReleasePublished,
    RoundAborted,
    RoundCommitted,
    RoundTerms,
)
from privacy.keys import SigningKey
from privacy.label import make_label
from privacy.label_rows import Declarations
from privacy.ledger import Ledger
from privacy.manifest import Manifest, TrustAnchors, sign_manifest, state
from privacy.terms import RELATION, UNIT, Guarantee
from simulations.benchmarks.rows import Row, write_rows

SIZES, SEEDS = (1_000, 10_000, 100_000, 1_000_000), (1, 2, 3)
PAID, PROOFS = 300, 200
LINE, ORIGIN = "bench", "penchant.example/bench"
PEOPLE, DELTA, NOISE, DAY = 10_000, 3e-5, 90.0, 86_400
UNITS = {
    "append": "us an entry", "prove": "us", "check_proof": "us", "proof": "bytes", "bundle": "s",
    "bundle_size": "MB", "audit": "s", "audit_processor": "s", "audit_peak": "MB",
}  # fmt: skip


def opening() -> Iterator[Event]:
    """Yield what stands before the first round."""
    yield LineDeclared(
        line=LINE, epsilon_budget=4.0, delta=DELTA, unit=UNIT, neighboring_relation=RELATION, trust="central",
        declared_population=PEOPLE, period_days=365, releases=1,
    )  # fmt: skip
    yield AccountantDeclared(
        line=LINE,
        accountant="opacus prv",
        version="1",
        check="dp-accounting pld",
        check_version="1",
        error=0.005,
    )
    yield NoticePublished(
        purpose="federated_contribution",
        language="en",
        edition=1,
        notice="0" * 64,
        proposed_by="a",
        approved_by="b",
    )
    yield NotCovered(line=LINE, activity="tuning", data="public_knowledge")


def rounds() -> Iterator[Event]:
    """Yield a service's life without end: rounds and, on a clock, anchors."""
    number = 0
    while True:
        number += 1
        shared = {"line": LINE, "round": number, "clipping_norm": 1.0, "noise_multiplier": NOISE}
        rate = {"sampling_rate": 1.0, "denominator": float(PEOPLE)}
        digest = f"{number:064x}"
        yield RoundTerms(mechanism="gradient", dimension=1, scale_bits=30, trust="central", **shared, **rate)  # type: ignore[arg-type]
        yield ConsentRootAnchored(number=2 * number - 1, commitment=digest)
        if number <= PAID:
            yield PrivacyEvent(mechanism="gaussian", **shared, **rate)  # type: ignore[arg-type]
            yield RoundCommitted(
                line=LINE, round=number, model_in=digest, model_out=digest, config_digest="0" * 64,
                code_digest="0" * 64, consent_commitment=digest,
            )  # fmt: skip
        else:
            yield RoundAborted(line=LINE, round=number)
        yield ConsentRootAnchored(number=2 * number, commitment=digest)


def published(ledger: Ledger, key: SigningKey) -> BundledRelease:
    """Label, sign and log the one release."""
    said = Declarations(**dict.fromkeys(Declarations.__dataclass_fields__, "said"))
    now = int(time.time())
    label = make_label(
        ledger.events, LINE, origin=ORIGIN, sequence=1, issued=now, expires=now + DAY, declared=said
    ).encode()
    promise = Guarantee(epsilon=4.0, delta=DELTA, unit=UNIT, neighboring_relation=RELATION, trust="central")
    manifest = Manifest(
        line=LINE, sequence=1, sha256="0" * 64, size=1, issued=now, expires=now + DAY, rollout=1.0,
        label_digest=sha256(label).hexdigest(), privacy=state(promise, private=True),
    )  # fmt: skip
    signed = sign_manifest(manifest, key)
    at = ledger.append(ReleasePublished(line=LINE, sequence=1, manifest=sha256(signed).hexdigest()))
    return BundledRelease(manifest=signed, label=label, proof=ledger.proof(at))


def measure(size: int, folder: Path) -> dict[str, float]:
    """Return what a log of a size costs."""
    keys = SigningKey.generate(), SigningKey.generate()
    ledger, life = Ledger(ORIGIN, keys[0]), rounds()
    for event in opening():
        ledger.append(event)
    began = time.perf_counter()
    while ledger.size < size - 1:
        ledger.append(next(life))
    found = {"append": 1e6 * (time.perf_counter() - began) / size}
    release = published(ledger, keys[1])
    places = [size * each // PROOFS for each in range(PROOFS)]
    found["prove"] = _each(lambda at: ledger.proof(at), places)
    proofs = {at: ledger.proof(at) for at in places}
    leaves = ledger.leaves
    found["check_proof"] = _each(lambda at: verify_log_proof(proofs[at], leaves[at], keys[0].public), places)
    found["proof"] = float(max(map(len, proofs.values())))
    trust = TrustAnchors(origin=ORIGIN, release_key=keys[1].public, log_key=keys[0].public)
    bundle = Bundle(
        trust=trust.encode(), checkpoints=[ledger.checkpoint(at) for at in (size // 2, size)], releases=[release],
        entries=leaves, size=size,
    )  # fmt: skip
    began = time.perf_counter()
    path = folder / f"{size}.bundle"
    write_bundle(path, bundle)
    found["bundle"] = time.perf_counter() - began
    found["bundle_size"] = path.stat().st_size / 1e6
    return found


def _each(act: Callable[[int], object], places: Sequence[int]) -> float:
    began = time.perf_counter()
    for place in places:
        act(place)
    return 1e6 * (time.perf_counter() - began) / len(places)


def audited(path: Path, *, only: str | None = f"{LINE}/1") -> dict[str, float]:
    """Return what auditing a bundle, or one release of it, costs, by the command."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "server.audit", "verify", str(path), *(["--release", only] if only else [])],
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise AssertionError(path)
    unit = 1 if sys.platform == "darwin" else 1024
    spent = time.perf_counter() - began
    return {
        "audit": spent,
        "audit_processor": used.ru_utime + used.ru_stime,
        "audit_peak": used.ru_maxrss * unit / 1e6,
    }


def main(
    out: Path, *, sizes: Sequence[int] = SIZES, seeds: Sequence[int] = SEEDS, stored: bool = True
) -> None:
    """Measure each size with each seed in memory, then in both databases; print the tables, keep the rows."""
    found: dict[tuple[int, int], dict[str, float]] = {}
    fresh = multiprocessing.get_context("spawn")
    tasks = [(size, seed) for size in sizes for seed in seeds]
    with tempfile.TemporaryDirectory(prefix="penchant-bench-") as folder:
        for size, seed in track(tasks, description="ledger"):
            with fresh.Pool(1) as pool:
                figures = pool.apply(measure, (size, Path(folder)))
            found[size, seed] = {**figures, **audited(Path(folder) / f"{size}.bundle")}
    rows = [
        Row(
            benchmark="ledger", contestant=f"{size} entries", seed=seed, metric=metric, value=value,
            unit=UNITS[metric],
        )
        for (size, seed), figures in found.items()
        for metric, value in figures.items()
    ]  # fmt: skip
    write_rows(out / "ledger.jsonl", rows)
    console = Console(highlight=False)
    console.print(
        table("in memory, medians", UNITS, {size: [found[size, seed] for seed in seeds] for size in sizes})
    )
    if stored:
        from simulations.benchmarks.ledger_stored import main as in_databases

        in_databases(out, sizes=sizes)
    console.print(f"rows in {out / 'ledger.jsonl'}")


def table(title: str, units: dict[str, str], by_size: dict[int, list[dict[str, float]]]) -> Table:
    """Lay out the medians of several runs a size."""
    found = Table(title=f"a log as it grows: {title}")
    found.add_column("entries", justify="right")
    for metric, unit in units.items():
        found.add_column(f"{metric.replace('_', ' ')}\n{unit}", justify="right")
    for size, several in by_size.items():
        values = [median(one[metric] for one in several) for metric in units]
        found.add_row(f"{size:,}", *(f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values))
    return found
