"""``penchant-device``: every verb but consent, from a terminal; for trying out, and for whoever looks after it."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from client.device.device import Device
from client.errors import ClientError
from privacy.manifest import TrustAnchors


class CommandRefused(ClientError):
    """An option is missing or names no file: the caller mends the command line."""

    code = "command_refused"


def add_parsers(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add one command a verb."""
    ranked = argparse.ArgumentParser(add_help=False, parents=[shared], argument_default=argparse.SUPPRESS)
    ranked.add_argument(
        "--trust", type=Path, metavar="FILE", help="trust.json (default: the release folder's)"
    )
    ranked.add_argument("--release", type=Path, metavar="FOLDER", help="a release folder to begin with")
    ranked.add_argument("--releases", metavar="URL", help="a release service's line, or a static folder")

    def verb(name: str, says: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=[ranked], help=says)

    track = verb("track", "remember that something was met")
    track.add_argument("kind")
    track.add_argument("item")
    recommend = verb("recommend", "show a slate with its reasons")
    recommend.add_argument("-k", type=int, default=5)
    verb("profile", "say what moves the slates")
    verb("sync", "fetch a newer release, tell the service what waits")
    verb("status", "how the device stands")
    forget = verb("forget", "forget an item, since a moment, or everything; print the receipt")
    what = forget.add_mutually_exclusive_group(required=True)
    what.add_argument("--item")
    what.add_argument("--since", type=int, metavar="SECONDS", help="since 1970 UTC")
    what.add_argument("--all", action="store_true", dest="everything")
    export = verb("export", "write everything personal to a file")
    export.add_argument("file", type=Path)
    export.add_argument("--to", metavar="CODE", help="seal it to the other device's pairing code")
    verb("pause", "neither remember nor rank personally")
    verb("resume", "end a pause")


def run(asked: argparse.Namespace, device: Device) -> int:
    """Do what was asked.

    Raises:
        ClientError: it cannot be done; says how to mend it.
    """
    verbs: dict[str, Callable[[], int]] = {
        "track": lambda: _track(asked, device),
        "recommend": lambda: _recommend(asked, device),
        "profile": lambda: _say(asdict(device.profile())),
        "sync": lambda: _sync(device),
        "status": lambda: _say(asdict(device.status())),
        "forget": lambda: _forget(asked, device),
        "export": lambda: _export(asked, device),
        "pause": lambda: _quietly(device.pause),
        "resume": lambda: _quietly(device.resume),
    }
    return verbs[asked.command]()


def read_trust(asked: argparse.Namespace) -> TrustAnchors:
    """Return the keys to pin.

    Raises:
        CommandRefused: no file says which.
    """
    folder = getattr(asked, "release", None)
    path = getattr(asked, "trust", None) or (folder / "trust.json" if folder else asked.home / "trust.json")
    try:
        return TrustAnchors.decode(path.read_bytes())
    except OSError as error:
        raise CommandRefused(f"{path}: {error.strerror}; name the app's trust.json with --trust") from None


def _track(asked: argparse.Namespace, device: Device) -> int:
    verdict = device.track(asked.kind, asked.item)
    print(verdict.reason)
    return 0 if verdict.accepted else 2


def _recommend(asked: argparse.Namespace, device: Device) -> int:
    slate = device.recommend(k=asked.k)
    for item in slate.items:
        print(f"{item.title or item.item}  {item.score:+.3f}")
        for reason in item.reasons:
            print(f"    {reason.amount:+.3f}  {reason.text}")
    print(f"release {slate.release}; {'personal' if slate.personalized else 'the same for everybody'}")
    return 0


def _sync(device: Device) -> int:
    outcome = device.sync()
    return _say({"found": "no address given: use --releases"} if outcome is None else asdict(outcome))


def _forget(asked: argparse.Namespace, device: Device) -> int:
    print(device.forget(asked.item, since=asked.since, everything=asked.everything).receipt.decode())
    return 0


def _export(asked: argparse.Namespace, device: Device) -> int:
    from client.device.files import replace_private

    replace_private(asked.file, device.export(to=asked.to))
    print(f"{asked.file} written; whoever has it can {'not ' if asked.to else ''}read it", file=sys.stderr)
    return 0


def _say(value: object) -> int:
    print(json.dumps(value, indent=1, ensure_ascii=False))
    return 0


def _quietly(verb: Callable[[], None]) -> int:
    verb()
    return 0
