"""The device extra alone: a fresh environment without torch opens a release and recommends."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from client.device.device import Device
from client.device.release import open_release
from client.device.slate import Event
from tests.e2e.signed import NOW, publisher, tiny

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
from client.device.slate import Event
from privacy.manifest import TrustAnchors

folder, now, *absent = sys.argv[1:]
present = [name for name in absent if importlib.util.find_spec(name)]
trust = TrustAnchors.decode(Path(folder, "trust.json").read_bytes())
device = Device.open(Path(folder), trust=trust, now=int(now))
slate = device.recommend([Event("i3"), Event("i7")])
items = [item.item for item in slate.items]
print(json.dumps({"present": present, "items": items, "from": sys.modules["client"].__file__}))
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
    )
    run(*pip, "-c", "constraints.txt", ".[device]", cwd=source)

    signer = publisher()
    files = signer.publish(tiny())
    release.mkdir()
    for name, data in {**files, "trust.json": signer.trust.encode()}.items():
        (release / name).write_bytes(data)
    told = json.loads(run(python, "-I", "-c", ON_THE_DEVICE, release, str(NOW), *ABSENT, cwd=tmp_path))
    here = Device(open_release(files, trust=signer.trust, now=NOW)).recommend([Event("i3"), Event("i7")])
    assert told["present"] == []
    assert Path(told["from"]).is_relative_to(venv)
    assert told["items"] == [item.item for item in here.items]
