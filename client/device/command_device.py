"""``penchant-device``: every verb but consent, from a terminal; for trying out, and for whoever looks after it."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from client.device import command_contribute, command_moving
from client.device.device import Device
from client.device.slate import Slate, SlateItem
from client.device.terminal import shown
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
    rerank = verb("rerank", "order a list of your own")
    rerank.add_argument("items", nargs="+", metavar="item")
    verb("explain", "say what an item's score is made of").add_argument("item")
    hide = verb("hide", "never show an item again")
    hide.add_argument("item")
    hide.add_argument("--undo", action="store_true", help="show it again")
    tune = verb("tune", "lift an item's score, or lower it; 0 takes that back")
    tune.add_argument("item")
    tune.add_argument("by", type=float)
    choose = verb("choose", "keep what the person chose or told; replaces what was kept")
    choose.add_argument("--interest", action="append", metavar="CATEGORY")
    choose.add_argument("--attribute", action="append", type=_pair, metavar="NAME=VALUE")
    verb("best-time", "the hour in which a notification is likeliest to be opened")
    variant = verb("variant", "this device's arm of an experiment")
    variant.add_argument("experiment")
    variant.add_argument("arms", nargs="+", metavar="arm")
    verb("profile", "say what moves the slates")
    verb("sync", "fetch a newer release, tell the service what waits")
    verb("status", "how the device stands")
    forget = verb("forget", "forget an item, since a moment, or everything; print the receipt")
    what = forget.add_mutually_exclusive_group(required=True)
    what.add_argument("--item")
    what.add_argument("--since", type=int, metavar="SECONDS", help="since 1970 UTC")
    what.add_argument("--all", action="store_true", dest="everything")
    verb("settle", "finish forgetting that another program held up")
    command_moving.add_parsers(verb)
    command_contribute.add_parser(verb)
    verb("pause", "neither remember nor rank personally")
    verb("resume", "end a pause")


def run(asked: argparse.Namespace, device: Device) -> int:
    """Do what was asked.

    Raises:
        ClientError: it cannot be done; says how to mend it.
    """
    verbs: dict[str, Callable[[], int]] = {
        "track": lambda: _track(asked, device),
        "recommend": lambda: _show(device.recommend(k=asked.k)),
        "rerank": lambda: _show(device.rerank(asked.items)),
        "explain": lambda: _explain(asked, device),
        "hide": lambda: _quietly(lambda: device.hide(asked.item, hidden=not asked.undo)),
        "tune": lambda: _quietly(lambda: device.tune(asked.item, asked.by)),
        "choose": lambda: _choose(asked, device),
        "best-time": lambda: _say(asdict(device.best_time())),
        "variant": lambda: _say(device.variant(asked.experiment, asked.arms)),
        "profile": lambda: _say(asdict(device.profile())),
        "sync": lambda: _sync(device),
        "status": lambda: _say(asdict(device.status())),
        "forget": lambda: _forget(asked, device),
        "settle": lambda: _settle(device),
        "export": lambda: command_moving.export(asked, device),
        "import": lambda: command_moving.take_over(asked, device),
        "pair": lambda: command_moving.pair(asked, device),
        "contribute": lambda: command_contribute.run(asked, device),
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


def _show(slate: Slate) -> int:
    for item in slate.items:
        _item(item)
    print(f"release {slate.release}; {'personal' if slate.personalized else 'the same for everybody'}")
    return 0


def _item(item: SlateItem) -> None:
    print(f"{shown(item.title or item.item)}  {item.score:+.3f}")
    for reason in item.reasons:
        print(f"    {reason.amount:+.3f}  {shown(reason.text)}")


def _explain(asked: argparse.Namespace, device: Device) -> int:
    found = device.explain(asked.item)
    if found is None:
        raise CommandRefused("the release does not know this item: name one of its catalogue's ids")
    _item(found)
    return 0


def _choose(asked: argparse.Namespace, device: Device) -> int:
    attributes = None if asked.attribute is None else dict(asked.attribute)
    device.choose(interests=asked.interest, attributes=attributes)
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError("write it as NAME=VALUE")
    return name, value


def _settle(device: Device) -> int:
    if device.settle():
        return 0
    print("another program still reads the store: close it and try again", file=sys.stderr)
    return 2


def _sync(device: Device) -> int:
    outcome = device.sync()
    return _say({"found": "no address given: use --releases"} if outcome is None else asdict(outcome))


def _forget(asked: argparse.Namespace, device: Device) -> int:
    print(device.forget(asked.item, since=asked.since, everything=asked.everything).receipt.decode())
    return 0


def _say(value: object) -> int:
    print(shown(json.dumps(value, indent=1, ensure_ascii=False)))
    return 0


def _quietly(verb: Callable[[], None]) -> int:
    verb()
    return 0
