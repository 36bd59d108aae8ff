"""Check a run's own promises from its folder alone: ledger, epsilon, release."""

import json
from pathlib import Path
from typing import ClassVar

from client.device.release import open_release, read_folder
from privacy.accountant import epsilon_pld, spent
from privacy.errors import PrivacyError
from privacy.events import LineDeclared, NotPrivate, PrivacyEvent
from privacy.ledger import read_ledger
from privacy.manifest import TrustAnchors, open_manifest
from simulations.errors import SimulationError


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
        files = read_folder(folder / "release")
        manifest = open_manifest(files["manifest.json"], trust.release_key)
        open_release(files, trust=trust, now=manifest.issued)
    except OSError as problem:
        raise NotVerified(f"{problem.filename}: {problem.strerror}; is this a run's folder?") from None
    except (PrivacyError, ValueError) as problem:
        raise NotVerified(f"{folder}: {problem}") from None
    (line,) = [event for event in events if isinstance(event, LineDeclared)]
    costs = [event for event in events if isinstance(event, PrivacyEvent)]
    epsilon, check = spent(costs, line.delta).epsilon, epsilon_pld(costs, line.delta)
    stamped = any(isinstance(event, NotPrivate) for event in events)
    stated, expected = result["privacy"]["epsilon"], None if stamped else epsilon
    if stated != expected or float(manifest.privacy["epsilon"]) != epsilon or manifest.private is stamped:
        raise NotVerified(f"{folder}: the ledger gives epsilon {expected}, the result states {stated}")
    if epsilon > line.epsilon_budget or check > line.epsilon_budget:
        raise NotVerified(f"{folder}: epsilon {epsilon} exceeds the declared budget {line.epsilon_budget}")
    if stamped:
        return f"{len(events)} entries hold; NOT PRIVATE, and stamped so (self-attested)"
    return (
        f"{len(events)} entries, signature, root and release hold; epsilon recomputed: {epsilon:.4f} (PRV), "
        f"{check:.4f} (PLD), within the declared {line.epsilon_budget:g} at delta {line.delta:.3g} for one "
        f"enrolled subject (add or remove one), trust = {line.trust} (self-attested)"
    )
