"""What an app asks a ranking for: plain data about the list it wants, nothing about the person."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from client.device.rules import Rules
from client.device.runtime import RequestError
from client.device.slate import Surface

LONGEST = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One list wanted.

    Args:
        k: items wanted, at least 1; None is all candidates, or 5 of the catalogue.
        candidates: item ids to choose from, None for the whole catalogue. Those the release does not know are
            ranked too, by relevance alone.
        relevance: how well each candidate answers a search, any scale; standardized over the list.
        blend: weight of relevance in a score.
        rules: what the business demands.
        diversity: score an item gives up for standing below its likeness, 0 for none.
        profiling: False ranks without reading anything personal.
        now: the present in seconds since 1970 UTC; rules about time need it.
        list_id: what events about the slate will refer to, drawn by the caller.
        surface: where the slate is shown.
    """

    k: int | None = None
    candidates: Sequence[str] | None = None
    relevance: Sequence[float] | None = None
    blend: float = 1.0
    rules: Rules = field(default_factory=Rules)
    diversity: float = 0.0
    profiling: bool = True
    now: int = 0
    list_id: str = ""
    surface: Surface = "feed"

    def __post_init__(self) -> None:
        """Refuse what no ranking can answer; no message names an item."""
        if self.k is not None and not (type(self.k) is int and 1 <= self.k <= LONGEST):
            raise RequestError(f"k must be a whole number from 1 to {LONGEST}")
        if self.candidates is not None and len(set(self.candidates)) != len(self.candidates):
            raise RequestError("candidates must name each item once")
        for name, weight in (("blend", self.blend), ("diversity", self.diversity)):
            if not (math.isfinite(weight) and 0 <= weight <= 100):
                raise RequestError(f"{name} must be a number from 0 to 100")
        if self.relevance is not None:
            if self.candidates is None or len(self.relevance) != len(self.candidates):
                raise RequestError("relevance needs one number per candidate")
            if not all(math.isfinite(value) for value in self.relevance):
                raise RequestError("relevance must be finite numbers")

    @property
    def wanted(self) -> int:
        """How many items the slate may hold."""
        if self.k is not None:
            return self.k
        return 5 if self.candidates is None else max(len(self.candidates), 1)
