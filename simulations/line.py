"""A simulated release line: its keys, its ledger, its consent log, and what its officer may see."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from privacy.accountant import attacker_success, delta_at, epsilon_pld, spent
from privacy.acts import NotCovered, UncoveredData
from privacy.declaring import opening
from privacy.events import Event, LineDeclared, NotPrivate, PrivacyEvent
from privacy.keys import SigningKey
from privacy.manifest import TrustAnchors
from privacy.terms import Guarantee
from server.conductor import RoundReport
from server.ledger_store import LogKey
from simulations.backends import Backend, InMemory, People, PublicLog
from simulations.consent_log import SimulatedConsentLog, notices
from simulations.scenario import Scenario

CURVE = tuple(step / 8 for step in range(81))
"""Epsilons at which the report draws delta: 0 to 10."""


@dataclass(slots=True)
class ReleaseLine:
    """Keys and logs of one run; self-attested, since no witness stands outside a simulation."""

    scenario: Scenario
    release_key: SigningKey = field(default_factory=SigningKey.generate)
    log_key: SigningKey = field(default_factory=SigningKey.generate)
    reports: list[RoundReport] = field(default_factory=list)
    backend: Backend = field(default_factory=InMemory)
    ledger: PublicLog = field(init=False)
    consent_log: SimulatedConsentLog = field(init=False)
    checkpoints: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Declare the line before anything else is in its log."""
        self.ledger = self.backend.log(self.log)
        self.consent_log = SimulatedConsentLog(f"{self.origin}/consent")
        for event in self._opening():
            self.ledger.append(event)

    def _opening(self) -> Iterator[Event]:
        """Yield what is said before anyone is asked."""
        name, cap = self.scenario.line.name, self.cap
        yield from opening(
            LineDeclared(
                line=name,
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
            yield NotPrivate(line=name, reason="no_noise")
        if self.scenario.test_seed is not None:
            yield NotPrivate(line=name, reason="seeded_randomness")
        yield from notices()
        data: UncoveredData = "public_benchmark" if self.scenario.dataset.is_benchmark else "private_data"
        yield NotCovered(line=name, activity="tuning", data=data)
        yield NotCovered(line=name, activity="evaluation", data=data)

    @property
    def origin(self) -> str:
        """The name of the line's log."""
        return f"penchant.example/{self.scenario.line.name}"

    @property
    def log(self) -> LogKey:
        """Who signs the log's heads."""
        return LogKey(self.origin, self.log_key)

    def people(self, granted: NDArray[np.bool_]) -> People:
        """Enrol the line's people, who grant or not, where its rounds will be."""
        return self.backend.people(granted, self.ledger, self.log)

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

    def tick(self, consents: str) -> None:
        """Anchor what everybody had decided by now, and keep the log's head.

        Args:
            consents: SHA-256 of everybody's consent versions, hex.
        """
        self.ledger.append(self.consent_log.tick(consents))
        self.mark()

    def mark(self) -> None:
        """Sign the log's head as it stands, and keep it, so that nobody can redo what led to it."""
        self.checkpoints.append(self.ledger.checkpoint())

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
