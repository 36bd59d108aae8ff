"""What a device shows: a slate of items, each with the reasons its score is made of. It has no field for a price."""

from dataclasses import dataclass
from typing import Literal

ReasonKind = Literal[
    "event", "events", "popularity", "chosen", "interest", "context", "attribute", "relevance", "diversity",
    "rule", "unknown",
]  # fmt: skip
Surface = Literal["feed", "menu", "onboarding", "email"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing the person met, as the device remembers it.

    Args:
        item: the app's id of the item.
        weight: how much this one counts beside others of its kind, finite and not negative.
        kind: what happened, one of the kinds that the catalogue's signals weigh.
        time: when, in seconds since 1970 UTC.
    """

    item: str
    weight: float = 1.0
    kind: str = "view"
    time: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """One summand of a score.

    Args:
        kind: one named event; all other events together; popularity; what the person tuned; an interest they
            chose; their situation; what they told the app; the search; likeness to what stands above; a
            business rule (amount 0: it moves the place, not the score); or that the release does not know it.
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
        reasons: named events strongest first, then the other events, popularity and everything else.
    """

    item: str
    title: str
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Slate:
    """A ranking for one person from one release: a feed, a menu's order, an onboarding step, blocks of an e-mail.

    Args:
        items: best first, but for what rules pin.
        release: which release ranked, ``line/sequence``.
        personalized: whether anything about the person moved a score.
        confidence: how far personalization has faded in with the person's events, in [0, 1].
        list_id: what events about this slate refer to.
        surface: where it is shown.
    """

    items: tuple[SlateItem, ...]
    release: str
    personalized: bool
    confidence: float = 0.0
    list_id: str = ""
    surface: Surface = "feed"
