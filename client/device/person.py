"""What a device knows about its person when it ranks: all of it local, none of it in any byte that leaves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from client.device.slate import Event

DAY_PARTS = ("night", "morning", "afternoon", "evening")
"""Six hours each, from midnight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The situation, as coarse as it is useful; None where unknown.

    Args:
        hour: of the local day, 0 to 23; only its quarter of the day counts.
        place: class of place, "home" say, never a position.
        device: class of device.
        channel: how the slate reaches the person.
    """

    hour: int | None = None
    place: str | None = None
    device: str | None = None
    channel: str | None = None

    def facets(self) -> dict[str, str]:
        """Return what is known by facet.

        >>> Context(hour=19, place="home").facets()
        {'hour': 'evening', 'place': 'home'}
        """
        part = None if self.hour is None else DAY_PARTS[self.hour % 24 // 6]
        known = {"hour": part, "place": self.place, "device": self.device, "channel": self.channel}
        return {facet: value for facet, value in known.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Everything personal a slate may depend on; `Person()` is somebody nothing is known about.

    Args:
        events: what the person met, oldest first.
        tuned: the person's own shift of an item's score, by item id.
        hidden: item ids never to show.
        interests: categories they chose themselves.
        attributes: what they told the app about themselves, {"plan": "free"} say.
        context: their situation now.
    """

    events: Sequence[Event] = ()
    tuned: Mapping[str, float] = field(default_factory=dict)
    hidden: Collection[str] = ()
    interests: Collection[str] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    context: Context = field(default_factory=Context)
