"""What an app ships for a device: the bytes of an environment with the device extra alone."""

import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from simulations.benchmarks.device_start import NOW, ROOT, run

EVERY_VERB = """
import sys
from pathlib import Path
from client.device.device import Device
from privacy.manifest import TrustAnchors
home, folder, now = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
trust = TrustAnchors.decode((folder / "trust.json").read_bytes())
nowhere = "http://127.0.0.1:9"
with Device.open(home, trust=trust, bundle=folder, releases=nowhere, clock=lambda: now) as device:
    device.consent.grant(device.consent.notice("local_personalization"))
    device.track("view", "i3")
    assert device.recommend(k=3).personalized
    device.profile(), device.sync(), device.best_time(), device.export(to=device.pair().code), device.forget("i3")
"""
LARGEST = ("onnxruntime", "numpy", "cryptography")


@dataclass(frozen=True, slots=True)
class Environment:
    """Megabytes of files.

    Args:
        installed: by ``pip install --no-compile``.
        used: after a device went through its verbs, with the bytecode that Python wrote of what it loaded.
        compiled: with the bytecode of everything, as pip compiles it without that option.
        largest: of `installed`, the three packages that do the work.
    """

    installed: float
    used: float
    compiled: float
    largest: float

    def figures(self) -> dict[str, tuple[float, str]]:
        """Return the figures with their units."""
        return {f"environment, {name}": (value, "MB") for name, value in asdict(self).items()}

    def statement(self) -> str:
        """Say it in one line."""
        return (
            f"environment with the device extra alone: {self.used:.0f} MB in use after pip install --no-compile "
            f"({self.installed:.0f} MB, {self.largest:.0f} of them {', '.join(LARGEST)}); "
            f"{self.compiled:.0f} MB with the bytecode of everything, as pip compiles it otherwise"
        )


def environment(folder: Path, release: Path) -> Environment:
    """Install the device extra alone into a fresh environment and use it.

    Args:
        folder: for the environment; made here.
        release: a release folder.
    """
    source, venv = folder / "source", folder / "venv"
    source.mkdir(parents=True)
    for room in ("server", "client", "models", "privacy", "simulations"):
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, source)
    run([sys.executable, "-m", "venv", "--without-pip", str(venv)], cwd=folder)
    python = str(venv / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install"]
    run([*pip, "--quiet", "--no-compile", "-c", "constraints.txt", ".[device]"], cwd=source)
    installed = _megabytes(venv)
    largest = sum(_megabytes(path) for name in LARGEST for path in venv.rglob(f"site-packages/{name}*"))
    writes = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run([python, "-c", EVERY_VERB, str(folder / "home"), str(release), str(NOW)], cwd=folder, env=writes)
    used = _megabytes(venv)
    run([python, "-m", "compileall", "-q", str(venv)], cwd=folder, env=writes)
    return Environment(installed, used, _megabytes(venv), largest)


def _megabytes(folder: Path) -> float:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files) / 1e6
