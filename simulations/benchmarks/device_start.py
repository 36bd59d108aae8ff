"""What a device costs before it ranks: start-up time and memory of a fresh process, bytes of its environment."""

import hashlib
import json
import math
import shutil
import subprocess
import sys
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
from pathlib import Path
from client.device.person import Person
from client.device.ranking import Ranker
from client.device.release import open_release, read_folder
from client.device.request import Request
from client.device.slate import Event
from privacy.manifest import TrustAnchors
imported = time.perf_counter()
folder, now = Path(sys.argv[1]), int(sys.argv[2])
trust = TrustAnchors.decode((folder / "trust.json").read_bytes())
ranker = Ranker(open_release(read_folder(folder), trust=trust, now=now))
slate = ranker.rank(Person(events=[Event("i3"), Event("i7")]), Request(k=10))
done = time.perf_counter()
assert len(slate.items) == 10
try:
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
except OSError:
    peak = 0
print(f"[{imported - began}, {done - imported}, {peak}]")
"""


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
            label_digest=hashlib.sha256(b"no label").hexdigest(),
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
        "trust.json": trust.encode(),
    }.items():
        (folder / name).write_bytes(content)


def first_slate(folder: Path) -> dict[str, float]:
    """Measure a fresh process: milliseconds to import and to open and rank, peak megabytes (0 where unknown).

    Linux tells the peak in /proc; getrusage would tell the parent's, which a child inherits.
    """
    out = _run([sys.executable, "-c", FIRST_SLATE, str(folder), str(NOW)], cwd=ROOT)
    imported, opened, kilobytes = json.loads(out)
    return {
        "import": 1e3 * imported,
        "open and first slate": 1e3 * opened,
        "import to first slate": 1e3 * (imported + opened),
        "resident": kilobytes * 1024 / 1e6,
    }


def environment_bytes(folder: Path) -> tuple[int, int]:
    """Install the device extra alone into a fresh environment, by pip as it is set up.

    Returns:
        Bytes of its files, without and with the bytecode that pip compiles beforehand.
    """
    source, venv = folder / "source", folder / "venv"
    source.mkdir(parents=True)
    for room in ("server", "client", "models", "privacy", "simulations"):
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, source)
    _run([sys.executable, "-m", "venv", "--without-pip", str(venv)], cwd=folder)
    python = venv / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install"]
    _run([*pip, "--quiet", "-c", "constraints.txt", ".[device]"], cwd=source)
    files = [path for path in venv.rglob("*") if path.is_file() and not path.is_symlink()]
    whole = sum(path.stat().st_size for path in files)
    return whole - sum(path.stat().st_size for path in files if path.suffix == ".pyc"), whole


def _run(command: list[str], *, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise MeasurementFailed(f"{command[0]} failed: {done.stderr.strip()[-300:]}")
    return done.stdout
