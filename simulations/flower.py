"""Run a scenario in Flower's own simulation runtime: a SuperLink of our own, `flwr run`, Ray; all of it stopped."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from simulations.errors import SimulationError
from simulations.flower_job import DEVICES, FOLDER, PROGRESS, Job, Listener
from simulations.outputs import claim, write
from simulations.run import Progress
from simulations.runtimes import RuntimeUnusable
from simulations.scenario import Scenario

HOST = "127.0.0.1"
START_WITHIN, END_WITHIN, SILENT_FOR = 60.0, 20.0, 7200.0
COMMAND_WITHIN = 60.0
TAG = "PENCHANT_FLOWER_RUN"
"""Stands in the environment of everything a run starts, so that nothing of it outlives the run."""
QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # one machine: Ray speaks on the loopback address alone
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""A privacy product does not phone home, is not reachable from another machine, and nodes are the threads."""
PYPROJECT = """\
[project]
name = "penchant"
version = "0.0.0"
description = "One run of penchant-sim"
license = "Apache-2.0"

[tool.flwr.app]
publisher = "penchant"

[tool.flwr.app.components]
serverapp = "simulations.flower_app:app"
clientapp = "client.node:app"

[tool.flwr.app.config]
job = ""
devices = ""
"""


def run_on_flower(
    scenario: Scenario, *, data: Path | None, out: Path, progress: Progress, tag: str | None = None
) -> dict[str, Any]:
    """Carry a scenario through in Flower's simulation runtime and write its folder.

    Args:
        scenario: every knob; ``population.shards`` nodes stand for its people.
        data: where the data set is, or None to find it.
        out: the run's folder; Flower's own files and logs go below it.
        progress: hears each stage.
        tag: stands in the environment of everything this run starts; unique, made up if not given.

    Returns:
        What one person sees, as `simulations.reporting.slate` puts it.

    Raises:
        RuntimeUnusable: Flower or Ray is missing, did not start, or the run failed; everything was stopped.
        OutputRefused: the folder cannot be written.
    """
    programs = _programs()
    claim(out)
    job = Job(scenario, data, out)
    (job.folder / PROGRESS).unlink(missing_ok=True)
    settings = {"job": str(job.save()), "devices": str(job.folder.resolve() / DEVICES)}
    write(job.folder / "app" / "pyproject.toml", PYPROJECT.encode())
    tag = tag or uuid4().hex
    scratch = tempfile.mkdtemp(prefix="ray-")  # not in the run folder: a socket's path must be short
    environment = {**os.environ, **QUIET, TAG: tag, "RAY_TMPDIR": scratch}
    environment["FLWR_HOME"] = str(job.folder.resolve() / "home")
    environment["PATH"] = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    nodes = scenario.population.shards
    federation = {
        "num-supernodes": nodes,
        "client-resources-num-cpus": 1,
        "init-args-num-cpus": min(nodes, os.cpu_count() or 1),
    }
    progress("starting Flower", 0.01)
    try:
        with _superlink(programs, job, environment) as address:
            connection = (
                f'[superlink]\ndefault = "run"\n\n[superlink.run]\naddress = "{address}"\ninsecure = true\n'
            )
            write(job.folder / "home" / "config.toml", connection.encode())
            command = [programs / "flwr", "run", job.folder / "app", "run", "--stream"]
            command += ["--run-config", _pairs(settings), "--federation-config", _pairs(federation)]
            with (job.folder / "run.log").open("wb") as log, _process(command, environment, log) as running:
                sample = _follow(running, Listener(job), progress)
            _check(programs, job, environment)
    finally:
        sweep(tag)
        for left in (Path(scratch), job.folder / DEVICES, job.folder / "home"):
            shutil.rmtree(left, ignore_errors=True)
    return sample


def _programs() -> Path:
    """Return the folder of this environment's commands."""
    folder = Path(sys.executable).parent
    missing = [name for name in ("ray", "flwr") if importlib.util.find_spec(name) is None]
    missing += [name for name in ("flwr", "flower-superlink") if not (folder / name).exists() and not missing]
    if missing:
        raise RuntimeUnusable(
            f"--runtime flower needs {' and '.join(missing)}: pip install 'penchant[simulations]', or run without it"
        )
    return folder


@contextmanager
def _superlink(programs: Path, job: Job, environment: Mapping[str, str]) -> Iterator[str]:
    """Keep a SuperLink of our own on a free port of this machine; yield its address."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = [programs / "flower-superlink", "--insecure", "--simulation", "--isolation", "subprocess"]
    command += ["--host", HOST, "--port", str(port), "--disable-runtime-dependency-installation"]
    log_file = job.folder / "superlink.log"
    with log_file.open("wb") as log, _process(command, environment, log) as running:
        until = time.monotonic() + START_WITHIN
        while not _answers(port):
            if running.poll() is not None or time.monotonic() > until:
                raise RuntimeUnusable(f"Flower's SuperLink did not start; its log is {log_file}")
            time.sleep(0.1)
        yield f"{HOST}:{port}"


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}/health", timeout=1.0).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def _process(
    command: list[Any], environment: Mapping[str, str], log: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own and end it with all of it."""
    running = subprocess.Popen(
        [str(part) for part in command],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def _follow(running: subprocess.Popen[bytes], listener: Listener, progress: Progress) -> dict[str, Any]:
    """Pass progress on until the command ends; return the sample that the run's last word holds.

    Raises:
        RuntimeUnusable: the ServerApp said why it failed, or nothing was heard for too long.
    """
    heard = time.monotonic()
    ended, sample = False, dict[str, Any]()
    while not ended:
        ended = running.poll() is not None
        for entry in listener.news():
            if "error" in entry:
                raise SimulationError(entry["error"])
            progress(entry["text"], entry["share"])
            sample = entry.get("sample", sample)
            heard = time.monotonic()
        if time.monotonic() - heard > SILENT_FOR:
            raise RuntimeUnusable(f"nothing was heard from the run for {SILENT_FOR:.0f} s; it was stopped")
        if not ended:
            time.sleep(0.1)
    return sample


def _check(programs: Path, job: Job, environment: Mapping[str, str]) -> None:
    """Ask Flower how the run ended: `flwr run` exits 0 even when it failed."""
    done = subprocess.run(
        [str(programs / "flwr"), "ls", "run", "--format", "json"],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=COMMAND_WITHIN,
        check=False,
    )
    try:
        (found,) = json.loads(done.stdout)["runs"]
        status = str(found["status"])
    except (ValueError, KeyError, TypeError):
        status = f"unknown ({(done.stderr or done.stdout).strip()[-200:]})"
    if status != "finished:completed":
        raise RuntimeUnusable(f"Flower says the run is {status}; its logs are in {job.out / FOLDER}")


def _pairs(settings: Mapping[str, str | int]) -> str:
    return " ".join(f"{key}={json.dumps(value)}" for key, value in settings.items())


def tagged(tag: str) -> list[int]:
    """Return the processes of this machine whose environment carries a run's tag."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"{TAG}={tag}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # it has ended, or is not ours to see
            continue
    return found


def sweep(tag: str, *, within: float = END_WITHIN / 2) -> None:
    """End whatever a run started and left behind, kindly first; each by its number."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + within
        for process in tagged(tag):
            with suppress(ProcessLookupError):
                os.kill(process, signum)
        while tagged(tag) and time.monotonic() < until:
            time.sleep(0.1)
