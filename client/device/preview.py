"""A preview: what a release would show to somebody made up; no home, no consent, nothing kept."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from client.device.person import Person
from client.device.ranking import Ranker
from client.device.release import VerifiedRelease, open_release, read_folder
from client.device.request import Request
from client.device.slate import Event, Slate
from privacy.manifest import Manifest, TrustAnchors


class Preview:
    """Recommend from one release to whoever the caller describes; a person has a `Device`."""

    def __init__(self, release: VerifiedRelease) -> None:
        """Load a release that `open_release` verified.

        Raises:
            ModelRefused: its model cannot be run here.
        """
        self._ranker = Ranker(release)
        self.release = release.name
        self.manifest = release.manifest

    @classmethod
    def open(cls, folder: Path, *, trust: TrustAnchors, now: int, held: Manifest | None = None) -> "Preview":
        """Verify a release folder and load it.

        Args:
            folder: holds manifest.json, its log proof, model.onnx and catalogue.json.
            trust: the keys this app pins.
            now: the present, in seconds since 1970 UTC.
            held: manifest of the release already in use, `Preview.manifest` of the one before.

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
        """Rank the catalogue for one person, as `Ranker.rank` says.

        Args:
            events: what the person met, oldest first.
            k: items wanted.
            tuned: the person's own shift of an item's score, by item id.
            hidden: item ids never to show.

        Raises:
            RequestError: a weight or shift is not a finite number in its range, or k is below 1.
        """
        person = Person(events=events, tuned=tuned or {}, hidden=hidden)
        return self._ranker.rank(person, Request(k=k))
