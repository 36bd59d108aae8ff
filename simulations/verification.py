"""Check a run's own promises from its folder alone: ledger, epsilon, release; the full audit is `penchant-audit`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from client.device.release import open_release, read_folder
from privacy.accountant import epsilon_pld, spent
from privacy.errors import PrivacyError
from privacy.events import Event, LineDeclared, NotPrivate, PrivacyEvent, ReleasePublished
from privacy.label import read_label
from privacy.ledger import read_ledger
from privacy.manifest import TrustAnchors, open_manifest
from simulations.errors import SimulationError
from simulations.publishing import DRAFT, RELEASE


class NotVerified(SimulationError):
    """A run's folder contradicts itself: the message says which promise does not hold."""

    code: ClassVar[str] = "not_verified"


def verify_run(folder: Path) -> str:
    """Recompute what a run claims from its signed ledger; the full offline audit goes further.

    Args:
        folder: a run's folder; the keys are those in it, so this is self-attested until a reader pins them.

    Returns:
        One line that says what holds.

    Raises:
        NotVerified: a file is missing, changed, or states another epsilon than its ledger gives.
    """
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        trust = TrustAnchors.decode((folder / "ledger" / "trust.json").read_bytes())
        entries = (folder / "ledger" / "entries.jsonl").read_bytes()
        checkpoint = (folder / "ledger" / "checkpoint").read_bytes()
        events = read_ledger(entries, checkpoint, trust.log_key, origin=trust.origin)
        opened = _open(folder, events, trust)
    except OSError as problem:
        raise NotVerified(f"{problem.filename}: {problem.strerror}; is this a run's folder?") from None
    except (PrivacyError, ValueError) as problem:
        raise NotVerified(f"{folder}: {problem}") from None
    return _verdict(folder, result, events, opened)


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a run made: the epsilon its manifest states, and why it may not go out."""

    epsilon: float
    private: bool
    because: tuple[str, ...]


def _open(folder: Path, events: Sequence[Event], trust: TrustAnchors) -> _Opened:
    """Open the release, or the draft of a blocked one, as a device would."""
    published = any(isinstance(event, ReleasePublished) for event in events)
    place = folder / (RELEASE if published else DRAFT)
    files = read_folder(place)
    if not published:
        trust = TrustAnchors.decode((place / "trust.json").read_bytes())
    manifest = open_manifest(files["manifest.json"], trust.release_key)
    open_release(files, trust=trust, now=manifest.issued)
    label = read_label((place / "label.json").read_bytes())
    if label.may_go_out is not published:
        raise NotVerified(f"{folder}: the label of {place.name} says otherwise than the log")
    return _Opened(float(manifest.privacy["epsilon"]), manifest.private, label.because)


def _verdict(folder: Path, result: dict[str, Any], events: Sequence[Event], opened: _Opened) -> str:
    """Compare what result, manifest and ledger say of epsilon."""
    (line,) = [event for event in events if isinstance(event, LineDeclared)]
    costs = [event for event in events if isinstance(event, PrivacyEvent)]
    epsilon, check = spent(costs, line.delta).epsilon, epsilon_pld(costs, line.delta)
    stamped = any(isinstance(event, NotPrivate) for event in events)
    stated, expected = result["privacy"]["epsilon"], None if stamped else epsilon
    if stated != expected or opened.epsilon != epsilon or opened.private is stamped:
        raise NotVerified(f"{folder}: the ledger gives epsilon {expected}, the result states {stated}")
    if epsilon > line.epsilon_budget or check > line.epsilon_budget:
        raise NotVerified(f"{folder}: epsilon {epsilon} exceeds the declared budget {line.epsilon_budget}")
    blocked = f"; no release, since {'; '.join(opened.because)}" if opened.because else ""
    if stamped:
        return f"{len(events)} entries hold; NOT PRIVATE, and stamped so (self-attested){blocked}"
    return (
        f"{len(events)} entries, signature, root and release hold; epsilon recomputed: {epsilon:.4f} (PRV), "
        f"{check:.4f} (PLD), within the declared {line.epsilon_budget:g} at delta {line.delta:.3g} for one "
        f"enrolled subject (add or remove one), trust = {line.trust} (self-attested){blocked}"
    )
