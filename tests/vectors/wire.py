"""Between the suite's JSON and the device's types."""

from dataclasses import asdict
from typing import Any

from client.device.person import Context, Person
from client.device.profile import Profile
from client.device.request import Request
from client.device.rules import read_rules
from client.device.slate import Event, Slate, SlateItem

DECIMALS = 8


def person_of(data: dict[str, Any]) -> Person:
    events = [Event(**event) for event in data.get("events", [])]
    context = Context(**data.get("context", {}))
    return Person(**{**data, "events": events, "context": context})


def request_of(data: dict[str, Any]) -> Request:
    rules = {"rules": read_rules(data["rules"])} if "rules" in data else {}
    return Request(**{**data, **rules})


def slate_to(slate: Slate) -> Any:
    return plain(asdict(slate))


def item_to(item: SlateItem | None) -> Any:
    return None if item is None else plain(asdict(item))


def profile_to(profile: Profile) -> Any:
    return plain(asdict(profile))


def plain(value: Any) -> Any:
    """Round every number and turn tuples into lists."""
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value


def differs(found: Any, wanted: Any, *, tolerance: float = 1e-6) -> str:
    """Say where two values differ beyond rounding; empty where they do not."""
    if isinstance(wanted, float) and isinstance(found, int | float):
        return "" if abs(found - wanted) <= tolerance else f": {found} is not {wanted}"
    if isinstance(wanted, dict) and isinstance(found, dict) and found.keys() == wanted.keys():
        pairs = [(f".{key}", found[key], wanted[key]) for key in wanted]
    elif isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        pairs = [(f"[{at}]", one, other) for at, (one, other) in enumerate(zip(found, wanted, strict=True))]
    else:
        return "" if found == wanted else f": {found!r} is not {wanted!r}"
    return next((where + said for where, one, other in pairs if (said := differs(one, other))), "")
