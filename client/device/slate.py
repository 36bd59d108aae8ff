"""What a device shows: a slate of items, each with the reasons its score is made of."""

from dataclasses import dataclass
from typing import Literal

ReasonKind = Literal["event", "events", "popularity", "chosen"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing the person met, as the device remembers it.

    Args:
        item: the app's id of the item.
        weight: how much events of this kind count, finite and not negative.
    """

    item: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Reason:
    """One summand of a score.

    Args:
        kind: one named event; all other events together; popularity; what the person chose themselves.
        amount: the summand.
        text: the reason in plain words.
        item: the event's item id, for a named event.
    """

    kind: ReasonKind
    amount: float
    text: str
    item: str | None = None


@dataclass(frozen=True, slots=True)
class SlateItem:
    """One item shown.

    Args:
        item: the app's id of the item.
        title: what a person sees.
        score: the sum of the reasons' amounts within 1e-6.
        reasons: named events strongest first, then the other events, popularity and the person's own choice.
    """

    item: str
    title: str
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Slate:
    """A ranking for one person from one release.

    Args:
        items: best first.
        release: which release ranked, ``line/sequence``.
        personalized: whether any event of the person moved the ranking.
    """

    items: tuple[SlateItem, ...]
    release: str
    personalized: bool
