"""What a device costs before it ranks: start-up time and memory of a fresh process."""

import hashlib
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import simulations
from models.export import ExportedRelease
from privacy.events import ReleasePublished
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from privacy.manifest import Manifest, TrustAnchors, sign_manifest, state
from privacy.terms import RELATION, UNIT, Guarantee
from simulations.errors import SimulationError

ORIGIN = "bench.example/log"
DAY = 86_400
NOW = 1_800_000_000
ROOT = Path(simulations.__file__).parents[1]
FIRST_SLATE = """
import time
began = time.perf_counter()
import sys
from client.device.device import Device
from privacy.manifest import TrustAnchors
imported = time.perf_counter()
from pathlib import Path
home, folder, now = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
trust = TrustAnchors.decode((folder / "trust.json").read_bytes())
device = Device.open(home, trust=trust, bundle=folder, clock=lambda: now)
opened = time.perf_counter()
slate = device.recommend(k=10)
done, spent = time.perf_counter(), time.process_time()
try:
    lines = Path("/proc/self/status").read_text().splitlines()
    said = dict(line.split(":", 1) for line in lines)
    peak, resident = (int(said[name].split()[0]) for name in ("VmHWM", "VmRSS"))
except OSError:
    peak = resident = 0
assert len(slate.items) == 10
if not device.consent.permits("local_personalization"):
    device.consent.grant(device.consent.notice("local_personalization"))
    for item in range(100):
        assert device.track("view", f"i{item}").accepted
device.close()
print([imported - began, opened - imported, done - opened, spent, resident, peak, int(slate.personalized)])
"""
"""One start of an app: import, open, first slate. On a home's first start the release is unpacked and validated
whole, and the slate is public; afterwards consent is given and a hundred events are tracked, for later starts."""


class MeasurementFailed(SimulationError):
    """A process that was to be measured failed: the caller reads its last words."""

    code: ClassVar[str] = "measurement_failed"


def write_signed(exported: ExportedRelease, folder: Path) -> None:
    """Write a release folder signed and logged by keys made for it."""
    release_key, log_key = SigningKey.generate(), SigningKey.generate()
    nothing = Guarantee(
        epsilon=math.inf, delta=1e-6, unit=UNIT, neighboring_relation=RELATION, trust="central"
    )
    manifest = sign_manifest(
        Manifest(
            line="bench",
            sequence=1,
            sha256=exported.sha256,
            size=exported.size,
            issued=NOW - DAY,
            expires=NOW + DAY,
            rollout=1.0,
            label_digest=hashlib.sha256(b"{}").hexdigest(),
            privacy=state(nothing, private=False),
        ),
        release_key,
    )
    ledger = Ledger(ORIGIN, log_key)
    digest = hashlib.sha256(manifest).hexdigest()
    proof = ledger.proof(ledger.append(ReleasePublished(line="bench", sequence=1, manifest=digest)))
    trust = TrustAnchors(origin=ORIGIN, release_key=release_key.public, log_key=log_key.public)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {
        "model.onnx": exported.model,
        "catalogue.json": exported.catalogue,
        "manifest.json": manifest,
        "manifest.proof": proof,
        "label.json": b"{}",
        "trust.json": trust.encode(),
    }.items():
        (folder / name).write_bytes(content)


def starts(folder: Path, home: Path, *, later: int = 3) -> dict[str, dict[str, float]]:
    """Measure processes that open a release by `Device.open` and make a slate, with bytecode as pip leaves it.

    Linux tells memory in /proc; getrusage would tell the parent's peak, which a child inherits.

    Args:
        folder: a release, as an app ships it.
        home: of the device; made here.
        later: how many starts after the first; their medians are returned.

    Returns:
        For the first start and later ones: milliseconds to import, to open, to the first slate and of all three,
        and of processor time, the interpreter's own start included; resident megabytes then, and at their peak
        (0 where unknown).
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(home.parent / "bytecode")
    run([sys.executable, "-c", "import client.device.device"], cwd=ROOT, env=environment)
    command = [sys.executable, "-c", FIRST_SLATE, str(home), str(folder), str(NOW)]
    measured = [json.loads(run(command, cwd=ROOT, env=environment)) for _ in range(1 + later)]
    if [personal for *_, personal in measured] != [0] + [1] * later:
        raise MeasurementFailed("a first start ranks for everybody, later ones for the person: these did not")
    return {"first start": _start(measured[:1]), "later start": _start(measured[1:])}


def _start(measured: list[list[float]]) -> dict[str, float]:
    imported, opened, slate, spent, resident, peak, _ = (
        statistics.median(column) for column in zip(*measured, strict=True)
    )
    return {
        "import": 1e3 * imported,
        "open": 1e3 * opened,
        "first slate": 1e3 * slate,
        "import to first slate": 1e3 * (imported + opened + slate),
        "processor time": 1e3 * spent,
        "resident": resident * 1024 / 1e6,
        "peak": peak * 1024 / 1e6,
    }


def run(command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a process to its end and return what it printed.

    Raises:
        MeasurementFailed: it failed.
    """
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise MeasurementFailed(f"{command[0]} failed: {done.stderr.strip()[-300:]}")
    return done.stdout
