"""The device: the verbs an app calls; everything personal stays behind them.

What an app hands in is judged and sealed; what comes out is a slate with its reasons. Without consent, while paused,
or past a release's last day a slate is public content and says so: no call fails for want of a person.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client.device.consent import Consent
from client.device.contracts import Verdict
from client.device.engine import DeviceStatus, Engine, Options
from client.device.experiments import variant
from client.device.memory import Forgotten
from client.device.person import Context
from client.device.profile import Profile
from client.device.request import Request
from client.device.slate import Slate, SlateItem
from client.device.store import RETENTION_DAYS
from client.device.timing import BestTime, best_time
from privacy.keys import VerifyKey
from privacy.manifest import TrustAnchors

if TYPE_CHECKING:
    from client.contribution import Call, Contribution
    from client.device.moving import Imported
    from client.device.sync import Outcome
    from client.device.transfer import Pairing
    from client.participation import AcceptedTerms


class Device:
    """One person's device. Use `open`; `close` when done.

    Args:
        engine: its parts, open.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._memory = engine.memory

    @property
    def consent(self) -> Consent:
        """What the person decides: notice, grant, withdraw, refuse, status."""
        return self._engine.consent

    @classmethod
    def open(
        cls,
        home: Path | str,
        *,
        trust: TrustAnchors,
        bundle: Path | str | None = None,
        releases: str | None = None,
        server: str | None = None,
        keys: Sequence[VerifyKey] = (),
        retention_days: int = RETENTION_DAYS,
        clock: Callable[[], int] = lambda: int(time.time()),
    ) -> "Device":
        """Open a person's device, made on first use.

        Args:
            home: a folder of the app's own, for this person alone.
            trust: the keys the app pins.
            bundle: a release folder shipped with the app, for the time before the first `sync`.
            releases: address of a release service's line, or of a static folder; `sync` fetches from there.
            server: address of the consent service; without one only local personalization can be granted.
            keys: the consent service's keys, pinned; without them the first contact pins what it names.
            retention_days: nothing older is kept.
            clock: seconds since 1970 UTC.

        Raises:
            HomeError, StoreError, VaultError: the home cannot be used.
            AddressRefused: an address is none a device may talk to.
        """
        options = Options(
            bundle=Path(bundle) if bundle is not None else None,
            releases=releases,
            server=server,
            keys=tuple(keys),
            retention_days=retention_days,
            clock=clock,
        )
        return cls(Engine(Path(home), trust=trust, options=options))

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close files and connections; a withdrawal under way goes on at the next `open`."""
        self._engine.close()

    def track(
        self,
        kind: str,
        item: str = "",
        *,
        at: int | None = None,
        list_id: str = "",
        context: Mapping[str, object] | None = None,
    ) -> Verdict:
        """Remember one thing the person met, if the person allows that; see `contracts` for kinds and codes."""
        raw = {
            "kind": kind,
            "item": item,
            "time": self._engine.clock() if at is None else at,
            "list": list_id,
            "context": context or {},
        }
        return self._memory.events.add([raw])[0]

    def recommend(self, *, k: int = 5, context: Context | None = None, **asked: Any) -> Slate:
        """Rank the catalogue.

        Args:
            k: items wanted.
            context: the situation, as coarse as it is useful.
            asked: any other field of `Request`: rules, diversity, surface, profiling.

        Raises:
            RequestError: a field is out of its range.
            NoReleaseYet: there is nothing to rank with.
        """
        return self._engine.rank(
            Request(k=k, now=self._engine.clock(), list_id=os.urandom(8).hex(), **asked), context
        )

    def rerank(
        self,
        candidates: Sequence[str],
        *,
        relevance: Sequence[float] | None = None,
        context: Context | None = None,
        **asked: Any,
    ) -> Slate:
        """Order a list of the app's own: a menu, a page, a search result with relevance to blend.

        Raises:
            RequestError, NoReleaseYet: as `recommend`.
        """
        return self._rank(context, candidates=tuple(candidates), relevance=relevance, **asked)

    def _rank(self, context: Context | None, **asked: Any) -> Slate:
        request = Request(now=self._engine.clock(), list_id=os.urandom(8).hex(), **asked)
        return self._engine.rank(request, context)

    def explain(self, item: str, *, context: Context | None = None) -> SlateItem | None:
        """Say what an item's score is made of for this person now; None if the release does not know it."""
        return self._engine.explain(item, context)

    def profile(self) -> Profile:
        """Say in plain words what moves this person's slates."""
        return self._engine.loaded().ranker.profile(self._engine.person())

    def best_time(self, *, prior: Sequence[float] | None = None) -> BestTime:
        """Return the hour at which this person is likeliest to open; the prior alone without consent."""
        known = self._memory.person(Context(), ()) is not None
        return best_time(self._memory.opens() if known else [], prior)

    def variant(self, experiment: str, arms: Sequence[str]) -> str:
        """Return this device's arm of an experiment: sticky, decided here, never sent."""
        return variant(self._memory.salt("experiments"), experiment, arms)

    def hide(self, item: str, *, hidden: bool = True) -> None:
        """Never show an item again, or show it again.

        Raises:
            ConsentNeeded: nothing may be kept now.
        """
        self._memory.change(lambda own: own.hiding(item, hidden=hidden))

    def tune(self, item: str, by: float) -> None:
        """Lift or lower an item's score by at most a million; 0 takes that back.

        Raises:
            ConsentNeeded: nothing may be kept now.
            RequestError: not such a number.
        """
        self._memory.change(lambda own: own.tuning(item, by))

    def choose(
        self, *, interests: Sequence[str] | None = None, attributes: Mapping[str, str] | None = None
    ) -> None:
        """Keep what the person chose or told, as at onboarding; None leaves it as it is.

        Raises:
            ConsentNeeded: nothing may be kept now.
        """
        if interests is not None:
            self._memory.change(lambda own: replace(own, interests=tuple(interests)))
        if attributes is not None:
            self._memory.change(lambda own: replace(own, attributes=dict(attributes)))

    def pause(self) -> None:
        """Neither remember nor rank personally until `resume`; nothing is deleted."""
        self._memory.pause(paused=True)

    def resume(self) -> None:
        """End a pause."""
        self._memory.pause(paused=False)

    def forget(
        self, item: str | None = None, *, since: int | None = None, everything: bool = False
    ) -> Forgotten:
        """Forget an item, everything since a moment, or everything; return the receipt.

        Raises:
            ForgetWhat: not one of these was said.
            ForgettingUnfinished: it is used no more, but not gone from the disk yet.
        """
        return self._memory.forget(item, since=since, everything=everything)

    def export(self, *, to: str | None = None, passphrase: str | None = None) -> bytes:
        """Return everything personal, for the person.

        Args:
            to: pairing code of the person's other device; seals the export to it.
            passphrase: seals the export under it. Without either it is plain JSON, to be kept safe.

        Raises:
            TransferRefused: the code was mistyped, or the passphrase is too short.
        """
        from client.device import moving

        return moving.export(self._engine, to=to, passphrase=passphrase)

    def pair(self) -> "Pairing":
        """Make a pairing, whose `code` the person's other device is given."""
        from client.device.transfer import Pairing

        return Pairing()

    def import_(
        self, data: bytes, *, pairing: "Pairing | None" = None, passphrase: str | None = None
    ) -> "Imported":
        """Take over what the person's other device exported; each event is judged anew.

        Raises:
            TransferRefused: it does not open, or is no export.
            ConsentNeeded: nothing may be kept now.
        """
        from client.device import moving

        return moving.take_over(self._engine, data, pairing=pairing, passphrase=passphrase)

    def contribute(self, call: "Call", *, accepted: "AcceptedTerms") -> "Contribution":
        """Show what this device would send to a round, byte for byte, and what it would cost; nothing leaves.

        Raises:
            ConsentNeeded: consent to contribute does not hold.
            TermsNotLogged, TermsRefused, CapReached: the round asks for what nobody sees, or too much.
        """
        from client.device.contributing import contribution

        return contribution(self._engine, call, accepted=accepted)

    def hand_over(self, shown: "Contribution") -> bytes:
        """Record what a contribution costs, then return its bytes for sending; nothing else of it may leave.

        Raises:
            ConsentNeeded: consent was withdrawn in the meantime.
        """
        self._memory.spend(shown.terms, purpose="federated_contribution")
        return shown.payload

    def sync(self) -> "Outcome | None":
        """Fetch a newer release, tell the service what waits, drop what is too old; offline it changes nothing."""
        return self._engine.sync()

    def settle(self) -> bool:
        """Finish forgetting that another program held up; return whether everything asked for is gone."""
        return self._memory.events.settle()

    def status(self) -> DeviceStatus:
        """Return how the device stands, without anything personal."""
        return self._engine.status()
