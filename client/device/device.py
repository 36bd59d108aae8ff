"""The device: opens a verified release and turns a person's events into a slate, offline."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from client.device.release import VerifiedRelease, open_release, read_folder
from client.device.runtime import Ranked, Runtime
from client.device.slate import Event, Reason, Slate, SlateItem
from privacy.manifest import Manifest, TrustAnchors

NAMED_EVENTS = 3
"""Events a reason names one by one; the others are summed."""


class Device:
    """Recommend from one release; the person's state is recomputed from their events at every call."""

    def __init__(self, release: VerifiedRelease) -> None:
        """Load a release that `open_release` verified.

        Raises:
            ModelRefused: its model cannot be run here.
        """
        self._runtime = Runtime(release.model)
        self._catalogue = release.catalogue
        self._position = {item: position for position, item in enumerate(release.catalogue.ids)}
        self.release = release.name
        self.manifest = release.manifest

    @classmethod
    def open(cls, folder: Path, *, trust: TrustAnchors, now: int, held: Manifest | None = None) -> "Device":
        """Verify a release folder and load it.

        Args:
            folder: holds manifest.json, its log proof, model.onnx and catalogue.json.
            trust: the keys this app pins.
            now: the present, in seconds since 1970 UTC.
            held: manifest of the release this device already uses, `Device.manifest` of the one before.

        Raises:
            ReleaseError: the folder is not a release this device may use.
            GuardError, ModelRefused: its model is not one this device runs.
        """
        return cls(open_release(read_folder(folder), trust=trust, now=now, held=held))

    def recommend(
        self,
        events: Sequence[Event],
        *,
        k: int = 5,
        tuned: Mapping[str, float] | None = None,
        hidden: Collection[str] = (),
    ) -> Slate:
        """Rank the catalogue for one person.

        An item met more than once counts at its latest event. Items this release does not know are passed
        over. Forgetting an item is leaving its events out: the slate is then bit for bit that of a device
        that never saw it.

        Args:
            events: what the person met, oldest first.
            k: items wanted.
            tuned: the person's own shift of an item's score, by item id.
            hidden: item ids never to show.

        Raises:
            RequestError: a weight or shift is not a finite number in its range, or k is below 1.
        """
        latest: dict[str, Event] = {}
        for event in reversed(events):
            if event.item in self._position:
                latest.setdefault(event.item, event)
        known = list(reversed(latest.values()))
        history = [self._position[event.item] for event in known]
        shifts = {self._position[item]: by for item, by in (tuned or {}).items() if item in self._position}
        ranked = self._runtime.rank(
            history,
            ages=np.arange(len(known))[::-1],
            kinds=[event.weight for event in known],
            deltas=shifts,
            seen=[*history, *(self._position[item] for item in hidden if item in self._position)],
            k=k,
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
