"""A folder that a plain web server serves, and devices that fetch releases from it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from client.device.person import Person
from client.device.ranking import Ranker
from client.device.release import VerifiedRelease
from client.device.request import Request
from client.device.shelf import Shelf
from client.device.sync import Outcome, Synchronizer
from client.device.web import Web, read_address
from privacy.channel import Channel, Pointer, pointer_to
from privacy.manifest import TrustAnchors
from tests.e2e.homes import Clock
from tests.e2e.signed import NOW

Files = Mapping[str, bytes]


def lay_out(folder: Path, current: Files | None, canary: Files | None = None, *, share: float = 0.0) -> None:
    """Write a static release folder."""
    (folder / "files").mkdir(parents=True, exist_ok=True)

    def pointer(files: Files | None) -> Pointer | None:
        if files is None:
            return None
        found = pointer_to(files)
        for name, digest in found.files.items():
            (folder / "files" / digest).write_bytes(files[name])
        return found

    channel = Channel(line="tiny", current=pointer(current), canary=pointer(canary), share=share)
    (folder / "channel.json").write_bytes(channel.encode())


class Handler(SimpleHTTPRequestHandler):
    """The standard library's own file server, without its log; it knows neither ranges nor entity tags."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path, handler: type[SimpleHTTPRequestHandler] = Handler) -> Iterator[str]:
    """Serve a folder on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def try_it(release: VerifiedRelease) -> Ranker:
    """Load a release and rank once."""
    ranker = Ranker(release)
    ranker.rank(Person(), Request(k=1))
    return ranker


@dataclass(slots=True)
class Taker:
    """A device that only fetches releases."""

    folder: Path
    trust: TrustAnchors
    url: str
    clock: Clock = field(default_factory=lambda: Clock(NOW))
    salt: bytes = bytes(16)
    trial: Callable[[VerifiedRelease], object] = try_it

    @property
    def shelf(self) -> Shelf[Any]:
        return Shelf(self.folder / "shelf", trust=self.trust, clock=self.clock, trial=self.trial)

    def sync(self) -> Outcome:
        web = Web()
        try:
            return Synchronizer(
                read_address(self.url),
                self.folder / "incoming",
                shelf=self.shelf,
                trust=self.trust,
                salt=self.salt,
                clock=self.clock,
                web=web,
            ).sync()
        finally:
            web.close()

    def ranks_with(self) -> str | None:
        ranker = self.shelf.newest()
        return ranker.release if ranker else None
