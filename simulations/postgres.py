"""A real PostgreSQL for tests and benchmarks: made in a temporary folder, on loopback, as an ordinary user."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDERS = [
    *os.environ.get("PATH", "").split(os.pathsep),
    *map(str, Path("/usr/lib/postgresql").glob("*/bin")),
]
HOW_TO_GET = "no PostgreSQL here: apt-get install postgresql-15, or put initdb and pg_ctl on the PATH"


def binary(name: str) -> str | None:
    """Return the path of a server program; Debian keeps them off the PATH."""
    found = [shutil.which(name, path=folder) for folder in reversed(FOLDERS)]
    return next((path for path in found if path), None)


@contextmanager
def running(*, durable: bool = False) -> Iterator[str]:
    """Start a server, yield a URL prefix without database name, stop it and remove its folder.

    Args:
        durable: write to disk before saying so; tests that survive no power cut go without.
    """
    initdb, control = binary("initdb"), binary("pg_ctl")
    if not initdb or not control:
        raise RuntimeError(HOW_TO_GET)
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    user = "postgres"
    with tempfile.TemporaryDirectory(prefix="penchant-pg-") as folder:
        if as_user:
            shutil.chown(folder, "postgres")
        data, port = f"{folder}/data", _free_port()
        sync = "on" if durable else "off"
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync={sync}"
        )
        _run([*as_user, initdb, "-D", data, "-U", user, "-A", "trust", "-E", "UTF8", "--no-sync"])
        _run([*as_user, control, "-D", data, "-w", "-t", "60", "-l", f"{folder}/log", "-o", options, "start"])
        try:
            yield f"postgresql://{user}@127.0.0.1:{port}"
        finally:
            _run([*as_user, control, "-D", data, "-m", "immediate", "-w", "stop"])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", check=False)
    if done.returncode:
        raise RuntimeError(f"{command} failed: {done.stderr.decode()[-400:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
