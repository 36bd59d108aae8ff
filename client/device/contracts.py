"""The data contract of events: what may be remembered, in which form, and why anything else is not.

Version 1. An event is {"v": 1, "kind", "item", "time", "list", "context"}: `time` in whole seconds since 1970 UTC,
`list` the id of the slate it answers (empty where there was none), `context` the coarse situation. A kind keeps its
meaning for ever; another meaning is another kind. `judge` is a function of the event and the time alone; consent and
duplicates are the store's to know.
"""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

VERSION = 1
Kind = Literal["view", "click", "like", "purchase", "skip", "dislike", "impression", "open"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Facet = Literal["hour", "place", "device", "channel"]
FACETS: tuple[Facet, ...] = get_args(Facet)
Code = Literal[
    "stored", "stored_late", "duplicate", "no_consent", "paused", "unsupported_version", "unknown_field",
    "unknown_kind", "malformed_item", "malformed_time", "malformed_list", "malformed_context", "too_old",
    "from_the_future",
]  # fmt: skip
LONGEST_ITEM, LONGEST_LIST = 256, 64
SKEW = 300
"""Seconds by which an event may be ahead of the clock."""
LATE = 86_400
"""Seconds after which an event that arrives is called late; it is stored all the same."""

_REASONS: dict[Code, str] = {
    "stored": "stored",
    "stored_late": "stored; it is more than a day old",
    "duplicate": "this very event is stored already: nothing to do",
    "no_consent": "consent to local_personalization does not hold: ask with consent.notice and consent.grant",
    "paused": "the person paused: call resume when they say so",
    "unsupported_version": f"this software reads events of version {VERSION}: update it",
    "unknown_field": "an event holds v, kind, item, time, list and context, nothing else",
    "unknown_kind": f"the kind is none of {', '.join(KINDS)}",
    "malformed_item": f"item must be text of 1 to {LONGEST_ITEM} bytes; an open may have none",
    "malformed_time": "time must be whole seconds since 1970 UTC",
    "malformed_list": f"list must be text of at most {LONGEST_LIST} bytes",
    "malformed_context": "context holds hour (0 to 23) and short plain place, device and channel, nothing else",
    "too_old": "the event is older than what this device may keep",
    "from_the_future": f"the event is more than {SKEW} s ahead of this device's clock: set the clock",
}
_PLAIN = re.compile(r"[\w -]{1,64}")
_FIELDS = frozenset({"v", "kind", "item", "time", "list", "context"})
_NUMBERS: dict[str, int] = {kind: number for number, kind in enumerate(KINDS)}
_TEXTS = ("place", "device", "channel")
_KNOWN_FACETS = frozenset(FACETS)
_HEAD = struct.Struct(">QBBbBBBBH")
_START = _HEAD.size
_BLOCK = 32


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an event.

    Args:
        code: stable, for programs.
        accepted: whether it is stored now, by this call or an earlier one.
    """

    code: Code
    accepted: bool

    @property
    def reason(self) -> str:
        """The same in plain words."""
        return _REASONS[self.code]


class StoredEvent(NamedTuple):
    """One event as it is kept. They sort by time, and among equals by content: never by arrival.

    Args:
        time: seconds since 1970 UTC.
        kind: what happened.
        item: the app's id of the item; may be empty for an open.
        list_id: the slate it answers; empty where there was none.
        facets: (facet, value) of the coarse situation, sorted.
    """

    time: int
    kind: str
    item: str
    list_id: str = ""
    facets: tuple[tuple[str, str], ...] = ()

    def to_wire(self) -> dict[str, object]:
        """Return the event as the contract writes it."""
        context: dict[str, object] = dict(self.facets)
        if "hour" in context:
            context["hour"] = int(str(context["hour"]))
        return {
            "v": VERSION, "kind": self.kind, "item": self.item, "time": self.time, "list": self.list_id,
            "context": context,
        }  # fmt: skip


_new = tuple.__new__
"""Makes an event without its keyword arguments, in half the time; thousands are made at once."""


def judge(raw: Mapping[str, object], *, now: int, retention: int) -> StoredEvent | Code:
    """Return the event that raw data says, or why it says none that may be kept.

    Args:
        raw: as the app, or an export, gives it.
        now: seconds since 1970 UTC.
        retention: seconds an event may be kept.
    """
    get = raw.get
    kind, item, time, list_id = get("kind"), get("item", ""), get("time"), get("list", "")
    if not _FIELDS.issuperset(raw):
        return "unknown_field"
    if get("v", VERSION) != VERSION:
        return "unsupported_version"
    if not isinstance(kind, str) or kind not in _NUMBERS:
        return "unknown_kind"
    if not _is_text(item, LONGEST_ITEM) or (not item and kind != "open"):
        return "malformed_item"
    if type(time) is not int or time < 0:
        return "malformed_time"
    if list_id and not _is_text(list_id, LONGEST_LIST):
        return "malformed_list"
    facets = _facets(raw["context"]) if "context" in raw else ()
    if facets is None:
        return "malformed_context"
    if time > now + SKEW:
        return "from_the_future"
    if time < now - retention:
        return "too_old"
    return _new(StoredEvent, (time, kind, item, list_id or "", facets))


def _is_text(value: object, longest: int) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    if value.isascii():
        return len(value) <= longest
    try:
        return len(value.encode()) <= longest
    except UnicodeEncodeError:
        return False


def _facets(context: object) -> tuple[tuple[str, str], ...] | None:
    """Return facets in order, or None where they are not what the contract allows."""
    if type(context) is dict and not context:
        return ()
    if not isinstance(context, Mapping) or context.keys() - _KNOWN_FACETS:
        return None
    for facet, value in context.items():
        if facet == "hour":
            if type(value) is not int or not 0 <= value <= 23:
                return None
        elif not isinstance(value, str) or not _PLAIN.fullmatch(value) or len(value.encode()) > 64:
            return None
    return tuple(sorted((str(facet), str(value)) for facet, value in context.items()))


def pack(event: StoredEvent) -> bytes:
    """Write an event as the bytes that are encrypted, padded so that their number says little.

    Layout: time, version, kind, hour (-1 where unknown), lengths of list, place, device, channel and item; then these
    texts; then zeros up to a multiple of 32 bytes. So packed events sort by time.
    """
    time, kind, item, list_id, facets = event
    if list_id or facets:
        known = dict(facets)
        texts = [list_id, *(known.get(name, "") for name in _TEXTS), item]
        coded = [text.encode() for text in texts]
        hour = int(known.get("hour", "-1"))
        whole = _HEAD.pack(time, VERSION, _NUMBERS[kind], hour, *map(len, coded)) + b"".join(coded)
    else:
        named = item.encode()
        whole = _HEAD.pack(time, VERSION, _NUMBERS[kind], -1, 0, 0, 0, 0, len(named)) + named
    return whole + bytes(-len(whole) % _BLOCK)


def unpack(data: bytes) -> StoredEvent:
    """Read what `pack` wrote."""
    time, _, kind, hour, lists, place, device, channel, item = _HEAD.unpack_from(data)
    if hour < 0 and not (lists or place or device or channel):
        return _new(StoredEvent, (time, KINDS[kind], data[_START : _START + item].decode(), "", ()))
    at, texts = _START, []
    for length in (lists, place, device, channel, item):
        texts.append(data[at : at + length].decode())
        at += length
    known = dict(zip(_TEXTS, texts[1:4], strict=True)) | ({"hour": str(hour)} if hour >= 0 else {})
    facets = tuple(sorted((facet, value) for facet, value in known.items() if value))
    return StoredEvent(time, KINDS[kind], texts[4], texts[0], facets)
