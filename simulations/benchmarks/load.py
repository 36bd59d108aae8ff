"""Load: servers as processes, and requests made beforehand, sent over a few connections that stay open."""

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import ClassVar
from urllib.parse import urlsplit

from simulations.errors import SimulationError


class LoadFailed(SimulationError):
    """A server did not start, or did not answer as it should: no figure can be given."""

    code: ClassVar[str] = "load_failed"


@dataclass(frozen=True, slots=True)
class Timed:
    """What a block of requests took.

    Args:
        seconds: from the first request to the last answer.
        each: (count,) seconds from a request to its answer.
        bodies: (count,) what was answered.
    """

    seconds: float
    each: tuple[float, ...]
    bodies: tuple[bytes, ...]


@contextmanager
def process(command: Sequence[str]) -> Iterator[str]:
    """Run a server that says where it listens, yield ``host:port``, and end it."""
    started = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        line = started.stdout.readline() if started.stdout else ""
        found = re.search(r"http://\S+", line)
        if found is None:
            raise LoadFailed(f"{' '.join(command)} did not start; run it by hand to see why")
        yield urlsplit(found[0]).netloc
    finally:
        started.terminate()
        started.wait(30)


def wire(method: str, authority: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """Return a request as it travels."""
    fields = {"host": authority, **headers, **({"content-length": str(len(body))} if body else {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(authority: str, requests: Sequence[bytes], *, connections: int, status: int | None = 200) -> Timed:
    """Send requests, each connection one at a time, and time every answer; None takes any status.

    Raises:
        LoadFailed: one is answered by another status.
    """
    return asyncio.run(_send(authority, requests, connections, status))


async def _send(authority: str, requests: Sequence[bytes], connections: int, status: int | None) -> Timed:
    host, _, port = authority.rpartition(":")
    links = [await asyncio.open_connection(host, int(port)) for _ in range(connections)]
    each, bodies, turn = [0.0] * len(requests), [b""] * len(requests), count()

    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (number := next(turn)) < len(requests):
            began = time.perf_counter()
            writer.write(requests[number])
            bodies[number] = await _answer(reader, status)
            each[number] = time.perf_counter() - began

    began = time.perf_counter()
    await asyncio.gather(*(work(*link) for link in links))
    spent = time.perf_counter() - began
    for _, writer in links:
        writer.close()
    return Timed(spent, tuple(each), tuple(bodies))


async def _answer(reader: asyncio.StreamReader, status: int | None) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    body = await reader.readexactly(int(length[1])) if length else b""
    if status is not None and not head.startswith(b"HTTP/1.1 %d " % status):
        raise LoadFailed(f"answered {head.split(b' ', 2)[1].decode()}, not {status}: {body.decode()[:200]}")
    return body
