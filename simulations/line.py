"""A simulated release line: its keys, its ledger, and what its officer may see."""

import hashlib
import time
from dataclasses import dataclass, field

from privacy.accountant import attacker_success, delta_at, epsilon_pld, spent
from privacy.canonical import encode
from privacy.events import LineDeclared, NotPrivate, PrivacyEvent, ReleasePublished
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from privacy.manifest import Manifest, TrustAnchors, sign_manifest, state
from privacy.terms import Guarantee
from server.conductor import RoundReport
from simulations.scenario import Scenario

DAY = 86_400
CURVE = tuple(step / 8 for step in range(81))
"""Epsilons at which the report draws delta: 0 to 10."""


@dataclass(slots=True)
class ReleaseLine:
    """Keys and ledger of one run; self-attested, since no witness stands outside a simulation."""

    scenario: Scenario
    release_key: SigningKey = field(default_factory=SigningKey.generate)
    log_key: SigningKey = field(default_factory=SigningKey.generate)
    reports: list[RoundReport] = field(default_factory=list)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        """Declare the line before anything else is in its log."""
        cap = self.cap
        self.ledger = Ledger(self.origin, self.log_key)
        self.ledger.append(
            LineDeclared(
                line=self.scenario.line.name,
                epsilon_budget=cap.epsilon,
                delta=cap.delta,
                unit=cap.unit,
                neighboring_relation=cap.neighboring_relation,
                trust=cap.trust,
                declared_population=self.scenario.population.declared,
                period_days=self.scenario.line.period_days,
                releases=self.scenario.line.releases,
            )
        )
        if not cap.private:
            self.ledger.append(NotPrivate(line=self.scenario.line.name, reason="no_noise"))
        if self.scenario.test_seed is not None:
            self.ledger.append(NotPrivate(line=self.scenario.line.name, reason="seeded_randomness"))

    @property
    def origin(self) -> str:
        """The name of the line's log."""
        return f"penchant.example/{self.scenario.line.name}"

    @property
    def cap(self) -> Guarantee:
        """What the line promised."""
        return self.scenario.privacy.guarantee()

    @property
    def anchors(self) -> TrustAnchors:
        """The keys a device pins."""
        return TrustAnchors(
            origin=self.origin, release_key=self.release_key.public, log_key=self.log_key.public
        )

    def spending(self) -> list[PrivacyEvent]:
        """Return the privacy events of the ledger: all that epsilon is computed from."""
        return [event for event in self.ledger.events if isinstance(event, PrivacyEvent)]

    def spent(self) -> Guarantee:
        """Return what the line has spent, recomputed from its ledger."""
        cap = self.cap
        return Guarantee(
            epsilon=spent(self.spending(), cap.delta).epsilon,
            delta=cap.delta,
            unit=cap.unit,
            neighboring_relation=cap.neighboring_relation,
            trust=cap.trust,
        )

    def publish(self, model: bytes) -> tuple[bytes, bytes]:
        """Sign a release and log it.

        Returns:
            The manifest, and the proof of its leaf in the log.
        """
        guarantee, now = self.spent(), int(time.time())
        statement = state(guarantee, private=self.scenario.private)
        manifest = sign_manifest(
            Manifest(
                line=self.scenario.line.name,
                sequence=1,
                sha256=hashlib.sha256(model).hexdigest(),
                size=len(model),
                issued=now,
                expires=now + self.scenario.line.release_expires_days * DAY,
                rollout=1.0,
                label_digest=hashlib.sha256(encode(dict(statement))).hexdigest(),
                privacy=statement,
            ),
            self.release_key,
        )
        index = self.ledger.append(
            ReleasePublished(
                line=self.scenario.line.name, sequence=1, manifest=hashlib.sha256(manifest).hexdigest()
            )
        )
        return manifest, self.ledger.proof(index)

    def privacy_result(self) -> dict[str, object]:
        """Return the privacy section of result.json; infinity is null."""
        cap, events = self.cap, self.spending()
        used = spent(events, cap.delta)
        private = self.scenario.private
        return {
            "private": private,
            "trust": cap.trust,
            "unit": cap.unit,
            "neighboring_relation": cap.neighboring_relation,
            "epsilon_budget": cap.epsilon if private else None,
            "epsilon": used.epsilon if private else None,
            "delta": cap.delta,
            "accountant": used.accountant,
            "epsilon_check": {
                "accountant": "pld",
                "epsilon": epsilon_pld(events, cap.delta) if private else None,
            },
            "attacker_success": attacker_success(events) if private else 1.0,
        }

    def privacy_curve(self) -> tuple[tuple[float, float], ...]:
        """Return delta over epsilon for everything spent; empty where nothing is private."""
        if not self.scenario.private:
            return ()
        return tuple(zip(CURVE, delta_at(self.spending(), CURVE), strict=True))
