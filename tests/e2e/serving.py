"""A real consent service on loopback: uvicorn, HTTP, a database; it can go down, come back and lie."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from privacy.keys import SigningKey
from server.api import ServiceSettings, create_app
from server.database import migrate, open_engine
from server.logs import Logs
from tests.e2e.homes import Clock

Rewrite = Callable[[MutableMapping[str, Any]], None]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Service:
    """One service over one database, up or down, at one address."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    key: SigningKey = field(default_factory=SigningKey.generate)
    port: int = field(default_factory=free_port)
    rewrite: Rewrite | None = None
    seen: list[str] = field(default_factory=list)
    logs: Logs | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def up(self) -> Iterator["Service"]:
        """Serve until the block ends."""
        engine = open_engine(f"sqlite:///{self.folder / 'service.db'}")
        migrate(engine)
        settings = ServiceSettings(key=self.key, controller="Example Ltd", clock=self.clock, logs=self.logs)
        app = create_app(engine, settings)
        with served(self._watched(app), self.port):
            yield self

    def _watched(self, app: ASGIApp) -> ASGIApp:
        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                self.seen.append(f"{scope['method']} {scope['path']}")
            await app(scope, receive, _rewriting(send, self.rewrite) if self.rewrite else send)

        return watched


@contextmanager
def served(app: ASGIApp, port: int) -> Iterator[None]:
    """Serve an application on loopback until the block ends."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("the test's service did not start")
        time.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _rewriting(send: Send, rewrite: Rewrite) -> Send:
    """Change every signed receipt that is sent; the length stays whatever it becomes."""
    head: list[Message] = []

    async def changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.append(message)
            return
        body = message["body"]
        found = json.loads(body) if body[:1] == b"{" else None
        if isinstance(found, dict) and "signature" in found:
            rewrite(found)
            body = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        start = head.pop()
        others = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        await send({**start, "headers": [*others, (b"content-length", str(len(body)).encode())]})
        await send({**message, "body": body})

    return changed
