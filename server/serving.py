"""The service as a process: its socket, its log, and an end that finishes what was begun."""

import logging
import signal
import socket
import sys
from typing import ClassVar

import uvicorn
from starlette.types import ASGIApp

from server.errors import ServerError
from server.telemetry import LOG, log_to_stderr

FINISH_SECONDS = 30
"""How long requests in flight may take once the process is asked to end."""


class AddressRefused(ServerError):
    """Nothing can listen there: name another host or port."""

    code: ClassVar[str] = "address_refused"


def listen(host: str, port: int) -> socket.socket:
    """Take an address; port 0 takes any that is free.

    Raises:
        AddressRefused: it is in use, or not this machine's.
    """
    if not 0 <= port <= 65_535:
        raise AddressRefused(f"{port} is no port; choose another --port, 0 to 65535")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as problem:
        why = problem.strerror or problem
        raise AddressRefused(f"{host}:{port}: {why}; choose another --host or --port") from None


def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; then take nothing new, finish what is in flight, and return."""
    log_to_stderr()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    before = {number: signal.signal(number, _ended) for number in (signal.SIGTERM, signal.SIGINT)}
    LOG.info("started")
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        LOG.info("ended")
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(number: int, frame: object) -> None:
    """Take note of a signal that uvicorn has dealt with already: it raises it again once it is done."""


def address_of(listening: socket.socket) -> str:
    """Return where a socket listens, as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def say(text: str) -> None:
    """Print a line for whoever started the process."""
    print(text, file=sys.stdout, flush=True)
