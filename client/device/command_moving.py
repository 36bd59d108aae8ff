"""``penchant-device export``, ``import`` and ``pair``: from a person's device to their other one.

On the new device `pair mine.sealed` shows a code and waits; on the old one `export mine.sealed --to CODE` seals to
it; the file is carried over by any means. The pairing's key is never on a disk: it lives while `pair` waits. A
passphrase is typed, or read from standard input, and never stands on a command line.
"""

import argparse
import getpass
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from client.device.device import Device
from client.device.personal import ConsentNeeded
from client.device.purposes import LOCAL
from client.errors import ClientError

WAIT_SECONDS = 600.0
LOOK_SECONDS = 0.2
Add = Callable[[str, str], argparse.ArgumentParser]


class FileRefused(ClientError):
    """The file cannot be read or does not come: the caller names another one, or tries again."""

    code = "file_refused"


def add_parsers(verb: Add) -> None:
    """Add the verbs that move what is personal."""
    export = verb("export", "write everything personal to a file")
    export.add_argument("file", type=Path)
    sealed = export.add_mutually_exclusive_group()
    sealed.add_argument("--to", metavar="CODE", help="seal it to the other device's pairing code")
    sealed.add_argument("--passphrase", action="store_true", help="seal it under a passphrase; asks for it")
    taken = verb("import", "take over an export: a plain one, or one under a passphrase")
    taken.add_argument("file", type=Path)
    taken.add_argument("--passphrase", action="store_true", help="it is sealed under one; asks for it")
    pair = verb("pair", "show a code, wait for the export sealed to it, take that over")
    pair.add_argument("file", type=Path, help="where the export will be put")
    pair.add_argument("--wait", type=float, default=WAIT_SECONDS, metavar="SECONDS", help="(default: 600)")


def export(asked: argparse.Namespace, device: Device) -> int:
    """Write everything personal to a private file."""
    from client.device.files import replace_private

    phrase = _phrase() if asked.passphrase else None
    replace_private(asked.file, device.export(to=asked.to, passphrase=phrase))
    readable = "not " if asked.to or phrase else ""
    print(f"{asked.file} written; whoever has it can {readable}read it", file=sys.stderr)
    return 0


def take_over(asked: argparse.Namespace, device: Device) -> int:
    """Take over an export that is plain or under a passphrase.

    Raises:
        FileRefused: it cannot be read.
        ClientError: it is not for this device, or nothing may be kept.
    """
    phrase = _phrase() if asked.passphrase else None
    return _said(device.import_(_read(asked.file), passphrase=phrase).codes)


def pair(asked: argparse.Namespace, device: Device) -> int:
    """Show a pairing code, wait for the file sealed to it, and take that over.

    Raises:
        ConsentNeeded: nothing may be kept now.
        FileRefused: it does not come in time.
        ClientError: it is not for this pairing, or nothing may be kept.
    """
    if not device.consent.permits(LOCAL):
        raise ConsentNeeded(
            "consent does not hold here, and never comes along: consent grant, then pair again"
        )
    pairing = device.pair()
    before = _stamp(asked.file)
    print(pairing.code, flush=True)
    print(
        f"on the other device: penchant-device export FILE --to CODE; waiting for {asked.file}",
        file=sys.stderr,
    )
    data = _awaited(asked.file, before, until=time.monotonic() + asked.wait)
    return _said(device.import_(data, pairing=pairing).codes)


def _awaited(path: Path, before: tuple[int, int] | None, *, until: float) -> bytes:
    """Return a file's bytes once it is another one than before and does not grow any more."""
    last = before
    while time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        now = _stamp(path)
        if now is not None and now != before and now == last:
            return _read(path)
        last = now
    raise FileRefused(f"{path} did not come in time: run pair again, with its new code")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _read(path: Path) -> bytes:
    from client.device.transfer import MOST_BYTES

    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise FileRefused(f"{path}: {error.strerror}; name the file that export wrote") from None
    if len(data) > MOST_BYTES:
        raise FileRefused(f"{path} is longer than any export: name the file that export wrote")
    return data


def _phrase() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("passphrase: ")
    return sys.stdin.readline().rstrip("\r\n")


def _said(codes: Mapping[str, int]) -> int:
    told = ", ".join(f"{count} {code}" for code, count in sorted(codes.items()))
    print(f"taken over: {told or 'no events'}, and what was set on the other device")
    return 0
