"""The device extra alone: a fresh environment without torch opens a release and recommends."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from client.device.preview import Preview
from client.device.release import open_release
from client.device.slate import Event
from tests.e2e.signed import NOW, publisher, tiny

LARGEST_ENVIRONMENT = 160e6
"""Bytes, with the bytecode that Python wrote of what the device loaded."""
ROOT = Path(__file__).parents[2]
ABSENT = (
    "torch",
    "flwr",
    "opacus",
    "fastapi",
    "onnx",
    "scipy",
    "pandas",
    "numba",
    "dp_accounting",
    "pydantic",
)
ON_THE_DEVICE = """
import importlib.util, json, sys
from pathlib import Path
from client.device.device import Device
from privacy.manifest import TrustAnchors

folder, home, now, *absent = sys.argv[1:]
present = [name for name in absent if importlib.util.find_spec(name)]
trust = TrustAnchors.decode(Path(folder, "trust.json").read_bytes())
with Device.open(home, trust=trust, bundle=folder, clock=lambda: int(now)) as device:
    device.consent.grant(device.consent.notice("local_personalization"))
    device.track("view", "i3", at=int(now) - 2)
    device.track("view", "i7", at=int(now) - 1)
    items = [item.item for item in device.recommend().items]
    early = [name for name in ("httpx", "client.contribution", "client.device.transfer") if name in sys.modules]
    import client.device.contributing, client.device.moving, client.device.sync
    device.sync()
    device.export(passphrase="correct horse battery")
    device.forget("i3")
print(json.dumps({"present": present, "early": early, "items": items, "from": sys.modules["client"].__file__}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_device_extra_alone_opens_a_release_and_recommends(tmp_path: Path) -> None:
    source, venv, release = tmp_path / "source", tmp_path / "venv", tmp_path / "release"
    source.mkdir()
    for room in ("server", "client", "models", "privacy", "simulations"):
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path)
    python = venv / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--no-compile",
    )
    run(*pip, "-c", "constraints.txt", ".[device]", cwd=source)

    signer = publisher()
    files = signer.publish(tiny())
    release.mkdir()
    for name, data in {**files, "trust.json": signer.trust.encode()}.items():
        (release / name).write_bytes(data)
    told = json.loads(
        run(python, "-I", "-c", ON_THE_DEVICE, release, tmp_path / "home", str(NOW), *ABSENT, cwd=tmp_path)
    )
    here = Preview(open_release(files, trust=signer.trust, now=NOW)).recommend([Event("i3"), Event("i7")])
    assert told["present"] == []
    assert told["early"] == [], "what a first slate does not need is loaded when it is needed"
    assert Path(told["from"]).is_relative_to(venv)
    files_in_use = [path for path in venv.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in files_in_use) < LARGEST_ENVIRONMENT
    assert told["items"] == [item.item for item in here.items]
