"""A person's device with a signed release at work, for the tests of its verbs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from client.device.device import Device
from client.device.purposes import LOCAL
from tests.e2e.homes import Clock
from tests.e2e.signed import NOW, publisher, tiny

SIGNER = publisher()
FILES = SIGNER.publish(tiny())
MET = ("i3", "i7", "i12", "i1", "i20")


def bundle(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    """Write a release folder as an app ships it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@contextmanager
def device(
    folder: Path, *, clock: Clock | None = None, consent: bool = True, **options: Any
) -> Iterator[Device]:
    """Open a device, with consent to rank personally unless told otherwise."""
    options.setdefault("bundle", bundle(folder / "bundle"))
    with Device.open(folder / "home", trust=SIGNER.trust, clock=clock or Clock(NOW), **options) as opened:
        if consent:
            opened.consent.grant(opened.consent.notice(LOCAL))
        yield opened


def meet(opened: Device, *items: str, at: int = NOW - 1000, kind: str = "view") -> None:
    """Track items one after the other."""
    for step, item in enumerate(items):
        assert opened.track(kind, item, at=at + step).accepted
