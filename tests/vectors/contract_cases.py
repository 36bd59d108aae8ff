"""Cases of the event contract: what an app hands over, and what must become of it."""

NOW, RETENTION, DAY = 1_790_000_000, 180 * 86_400, 86_400
GOOD: dict[str, object] = {
    "v": 1, "kind": "view", "item": "50", "time": NOW - 60, "list": "l-1", "context": {},
}  # fmt: skip
SITUATION = {"hour": 19, "place": "home", "device": "phone", "channel": "feed"}

CONTRACTS: list[tuple[str, dict[str, object], str]] = [
    ("a whole event", {}, "stored"),
    ("with its situation", {"context": SITUATION}, "stored"),
    ("an open of nothing in particular", {"kind": "open", "item": "", "list": ""}, "stored"),
    ("a name of many bytes", {"item": "é" * 128}, "stored"),
    ("a clock a little ahead", {"time": NOW + 300}, "stored"),
    ("late by a day", {"time": NOW - DAY}, "stored"),
    ("late by more than a day", {"time": NOW - DAY - 1}, "stored_late"),
    ("as old as may be kept", {"time": NOW - RETENTION}, "stored_late"),
    ("older than may be kept", {"time": NOW - RETENTION - 1}, "too_old"),
    ("from the future", {"time": NOW + 301}, "from_the_future"),
    ("a later version", {"v": 2}, "unsupported_version"),
    ("an unknown kind", {"kind": "stare"}, "unknown_kind"),
    ("no kind", {"kind": None}, "unknown_kind"),
    ("a field too many", {"price": 3}, "unknown_field"),
    ("no item", {"item": ""}, "malformed_item"),
    ("an item that is a number", {"item": 50}, "malformed_item"),
    ("an item too long", {"item": "é" * 129}, "malformed_item"),
    ("a time with a fraction", {"time": 1_789_999_940.5}, "malformed_time"),
    ("a time that is true", {"time": True}, "malformed_time"),
    ("a time before all", {"time": -1}, "malformed_time"),
    ("a list id too long", {"list": "x" * 65}, "malformed_list"),
    ("a place that is a position", {"context": {"place": "48.1371, 11.5754"}}, "malformed_context"),
    ("an hour beyond the day", {"context": {"hour": 24}}, "malformed_context"),
    ("a situation that is no object", {"context": []}, "malformed_context"),
]
