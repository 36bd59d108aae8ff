"""What a device knows about its person when it ranks: all of it local, none of it in any byte that leaves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from client.device.slate import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Everything personal a slate may depend on; `Person()` is somebody nothing is known about.

    Args:
        events: what the person met, oldest first.
        tuned: the person's own shift of an item's score, by item id.
        hidden: item ids never to show.
    """

    events: Sequence[Event] = ()
    tuned: Mapping[str, float] = field(default_factory=dict)
    hidden: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the app asks for; nothing in it is about the person.

    Args:
        k: items wanted.
    """

    k: int = 5
