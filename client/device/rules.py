"""Business rules as data: what an app's people may demand of a slate, validated before any of it counts.

    {"format": "penchant-rules-1",
     "pin": [{"item": "news", "place": 1}],          place 1 is the top
     "exclude": {"items": ["x"], "categories": ["Horror"], "before_year": 1980},
     "cap": [{"category": "Drama", "most": 2}, {"each_category": true, "most": 3}],
     "fresh": {"since_year": 1997, "lift": 0.5},
     "seen": "hide"}                                 or "show", or {"again_after_days": 30}

Every part may be left out. A pin beats every other rule; what the person hid stays hidden.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from client.errors import ClientError

FORMAT = "penchant-rules-1"
PARTS = ("format", "pin", "exclude", "cap", "fresh", "seen")
MOST = 1000


class RulesRefused(ClientError):
    """The rules are not what this version understands: the publisher mends the named part; none is applied."""

    code: ClassVar[str] = "rules_refused"


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many items of one category, or of every category where none is named."""

    category: str | None
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a slate must obey.

    Args:
        pins: item id by place, 0 the top.
        items: never shown.
        categories: never shown.
        before_year: items of known earlier years are never shown.
        caps: limits by category.
        since_year: items of this year or later are lifted.
        lift: by how much.
        seen: what becomes of items the person met: shown, hidden, or hidden for so many days; None hides them
            from the catalogue and shows them in a caller's list.
    """

    pins: tuple[tuple[int, str], ...] = ()
    items: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    before_year: int | None = None
    caps: tuple[Cap, ...] = ()
    since_year: int | None = None
    lift: float = 0.0
    seen: Literal["hide", "show"] | int | None = None


def read_rules(value: object) -> Rules:
    """Validate rules as parsed JSON.

    Raises:
        RulesRefused: names the part, what stands there and what may.
    """
    given = _object("rules", value, PARTS)
    if given.get("format") != FORMAT:
        raise RulesRefused(f'rules.format must be "{FORMAT}"')
    out = _object("rules.exclude", given.get("exclude", {}), ("items", "categories", "before_year"))
    fresh = _object("rules.fresh", given.get("fresh", {}), ("since_year", "lift"))
    if fresh and fresh.keys() != {"since_year", "lift"}:
        raise RulesRefused("rules.fresh needs both since_year and lift")
    pins = _pins(given.get("pin", []))
    excluded = _texts("rules.exclude.items", out.get("items", []))
    if both := [place for place, item in pins if item in excluded]:
        raise RulesRefused(f"rules.pin: the item pinned to place {both[0] + 1} is excluded too; drop one")
    return Rules(
        pins=pins,
        items=excluded,
        categories=_texts("rules.exclude.categories", out.get("categories", [])),
        before_year=_year("rules.exclude.before_year", out.get("before_year")),
        caps=_caps(given.get("cap", [])),
        since_year=_year("rules.fresh.since_year", fresh.get("since_year")),
        lift=_lift(fresh.get("lift", 0.0)),
        seen=_seen(given.get("seen")),
    )


def _pins(value: object) -> tuple[tuple[int, str], ...]:
    pins: dict[int, str] = {}
    for number, entry in enumerate(_list("rules.pin", value)):
        where = f"rules.pin[{number}]"
        pin = _object(where, entry, ("item", "place"))
        place = _whole(f"{where}.place", pin.get("place"), 1, MOST) - 1
        (item,) = _texts(f"{where}.item", [pin.get("item")])
        if place in pins or item in pins.values():
            raise RulesRefused(f"{where}: its place or its item is pinned twice")
        pins[place] = item
    return tuple(sorted(pins.items()))


def _caps(value: object) -> tuple[Cap, ...]:
    caps = []
    for number, entry in enumerate(_list("rules.cap", value)):
        where = f"rules.cap[{number}]"
        cap = _object(where, entry, ("category", "each_category", "most"))
        most = _whole(f"{where}.most", cap.get("most"), 0, MOST)
        if ("category" in cap) == (cap.get("each_category") is True):
            raise RulesRefused(f'{where} needs either a category or "each_category": true')
        named = _texts(f"{where}.category", [cap["category"]])[0] if "category" in cap else None
        caps.append(Cap(named, most))
    return tuple(caps)


def _seen(value: object) -> Literal["hide", "show"] | int | None:
    if value is None or value == "hide" or value == "show":
        return value
    if isinstance(value, str):
        raise RulesRefused('rules.seen must be "hide", "show" or {"again_after_days": 30}')
    days = _object("rules.seen", value, ("again_after_days",)).get("again_after_days")
    return _whole("rules.seen.again_after_days", days, 1, 3650)


def _object(where: str, value: object, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RulesRefused(f"{where} must be an object")
    if prices := [key for key in value if "price" in str(key).lower() or "discount" in str(key).lower()]:
        raise RulesRefused(f"{where}.{prices[0]}: a slate has no price; prices never depend on a person here")
    if unknown := [key for key in value if key not in known]:
        raise RulesRefused(f"{where}.{unknown[0]} is unknown; {where} may hold {', '.join(known)}")
    return value


def _list(where: str, value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST:
        raise RulesRefused(f"{where} must be a list of at most {MOST}")
    return value


def _texts(where: str, value: object) -> tuple[str, ...]:
    texts = _list(where, value)
    if not all(isinstance(text, str) and text for text in texts):
        raise RulesRefused(f"{where} must be text that is not empty")
    return tuple(texts)


def _whole(where: str, value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise RulesRefused(f"{where} must be a whole number from {low} to {high}")
    return value


def _year(where: str, value: object) -> int | None:
    return None if value is None else _whole(where, value, 1, 9999)


def _lift(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= 100:  # type: ignore[arg-type,operator]
        raise RulesRefused("rules.fresh.lift must be a number from 0 to 100")
    return float(value)  # type: ignore[arg-type]
