"""The ranking: one release and one person in, a slate with its reasons out; no clock, no disk, no state."""

import numpy as np

from client.device.person import Person, Request
from client.device.release import VerifiedRelease
from client.device.runtime import Ranked, Runtime
from client.device.slate import Event, Reason, Slate, SlateItem

NAMED_EVENTS = 3
"""Events a reason names one by one; the others are summed."""


class Ranker:
    """Rank from one release; the person's state is recomputed from their events at every call."""

    def __init__(self, release: VerifiedRelease) -> None:
        """Load a release that `open_release` verified.

        Raises:
            ModelRefused: its model cannot be run here.
        """
        self._runtime = Runtime(release.model)
        self._catalogue = release.catalogue
        self._position = {item: position for position, item in enumerate(release.catalogue.ids)}
        self.release = release.name

    def rank(self, person: Person, request: Request) -> Slate:
        """Rank the catalogue for one person.

        An item met more than once counts at its latest event. Items this release does not know are passed
        over. Forgetting an item is leaving its events out: the slate is then bit for bit that of a device
        that never saw it.

        Args:
            person: what is known about them.
            request: what the app asks for.

        Raises:
            RequestError: a weight or shift is not a finite number in its range, or k is below 1.
        """
        latest: dict[str, Event] = {}
        for event in reversed(person.events):
            if event.item in self._position:
                latest.setdefault(event.item, event)
        known = list(reversed(latest.values()))
        history = [self._position[event.item] for event in known]
        shifts = {self._position[item]: by for item, by in person.tuned.items() if item in self._position}
        ranked = self._runtime.rank(
            history,
            ages=np.arange(len(known))[::-1],
            kinds=[event.weight for event in known],
            deltas=shifts,
            seen=[*history, *(self._position[item] for item in person.hidden if item in self._position)],
            k=request.k,
        )
        items = tuple(self._explained(ranked, place, history) for place in range(len(ranked.items)))
        return Slate(items, self.release, any(event.weight > 0 for event in known))

    def _explained(self, ranked: Ranked, place: int, history: list[int]) -> SlateItem:
        """Put one ranked item into words."""
        position = int(ranked.items[place])
        parts = ranked.events[place]
        named = [int(event) for event in np.argsort(-parts, kind="stable")[:NAMED_EVENTS] if parts[event] > 0]
        reasons = [self._liked(history[event], float(parts[event])) for event in named]
        if others := len(history) - len(named):
            rest = float(np.delete(parts, named).sum())
            reasons.append(Reason("events", rest, f"because of {others} other things you met"))
        bias, local = float(ranked.bias[place]), float(ranked.local[place])
        popular = "popular with everyone" if bias > 0 else "less known than most"
        reasons.append(Reason("popularity", bias, popular))
        if local:
            chosen = "you asked for more of it" if local > 0 else "you asked for less of it"
            reasons.append(Reason("chosen", local, chosen))
        item, title = self._catalogue.ids[position], self._catalogue.titles[position]
        return SlateItem(item, title, float(ranked.scores[place]), tuple(reasons))

    def _liked(self, position: int, amount: float) -> Reason:
        """Name one event."""
        item, title = self._catalogue.ids[position], self._catalogue.titles[position]
        return Reason("event", amount, f"because you liked {title or item}", item)
