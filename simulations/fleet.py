"""A simulated fleet under Flower: shards over one Grid, consent that moves while training runs."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flwr.app import Context, Message, RecordDict
from flwr.serverapp import Grid

from client.participation import AcceptedTerms
from models.history import Histories
from privacy.calibration import PlannedRound
from privacy.gaussian import exact_epsilon
from privacy.noise import seeded_bits
from server.app import Fleet, make_server_app
from server.conductor import Conductor, RoundReport
from server.rounds import RoundMachine
from simulations.backends import People
from simulations.errors import SimulationError
from simulations.line import ReleaseLine
from simulations.population import (
    Departures,
    draw_departures,
    draw_granted,
)
from simulations.provenance import code_digest
from simulations.runtimes import Runtime, World
from simulations.scenario import Scenario

LARGEST_DIMENSION = 1 << 26


class NodeFailed(SimulationError):
    """A node answered with an error or was refused: in a simulation that is a fault, not weather."""

    code = "node_failed"


@dataclass(slots=True)
class SimulatedFleet:
    """The population of one run, who consents, and who leaves when.

    Args:
        scenario: the run's knobs.
        line: the release line the rounds belong to.
        train: (people) training histories, subject i being person i.
        rounds: how many rounds will run, so that departures can be spread over them.
        least_noise_multiplier: what the notice promises at least; 0 only where it says "not private".
        runtime: where the nodes run.
    """

    scenario: Scenario
    line: ReleaseLine
    train: Histories
    rounds: int
    least_noise_multiplier: float
    runtime: Runtime
    people: People = field(init=False)
    departures: Departures = field(init=False)
    machine: RoundMachine = field(init=False)
    contributions: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Draw who grants and who will leave."""
        share, seed = self.scenario.consent, self.scenario.seed
        granted = draw_granted(self.train.people, share=share.grant_share, seed=seed)
        self.people = self.line.people(granted)
        self.departures = draw_departures(granted, share=share.withdraw_share, rounds=self.rounds, seed=seed)
        test_seed = self.scenario.test_seed
        coins = os.urandom if test_seed is None else seeded_bits(test_seed << 128)
        self.machine = RoundMachine(self.people.store, line=self.scenario.line.name, coins=coins)

    def clear(self, plan: Sequence[PlannedRound]) -> None:
        """See that the line can afford all its rounds.

        Raises:
            BudgetExceeded: it cannot; nothing was spent.
        """
        self.machine.clear(plan)

    def conduct(self, train: Callable[[Conductor], None]) -> None:
        """Run `train` as the body of a Flower ServerApp over the runtime's Grid."""
        grid = self.runtime.grid(self._world(), on_delivery=self._leave_in_flight)

        def main(grid: Grid, context: Context) -> None:
            fleet = Fleet(grid, timeout=3600.0, on_failure=_fail)
            fleet.connect()
            self.line.tick(self.people.digest())
            train(self._conductor(fleet))

        context = Context(run_id=1, node_id=0, node_config={}, state=RecordDict(), run_config={})
        make_server_app(main)(grid, context)

    def result(self) -> Mapping[str, Any]:
        """Return the consent section of result.json."""
        granted = int(self.people.ever_granted.sum())
        return {
            "granted": granted,
            "never_granted": self.train.people - granted,
            "withdrawn": int(self.people.withdrawn.sum()),
        }

    def _conductor(self, fleet: Fleet) -> Conductor:
        return Conductor(
            machine=self.machine,
            fleet=fleet,
            config_digest=self.scenario.digest(),
            code_digest=code_digest(),
            on_refused=_fail,
            on_committed=self._committed,
        )

    def _world(self) -> World:
        accepted = AcceptedTerms(
            line=self.scenario.line.name,
            trust=self.scenario.privacy.trust,
            declared_population=self.scenario.population.declared,
            clipping_norm=self.scenario.privacy.clipping_norm,
            least_noise_multiplier=self.least_noise_multiplier,
            largest_dimension=LARGEST_DIMENSION,
            largest_epsilon=self._largest_epsilon(),
            delta=self.scenario.privacy.delta,
            log_origin=self.line.origin,
            log_key=self.line.anchors.log_key.base64,
        )
        return World(
            train=self.train,
            subjects=self.people.subjects,
            switched_off=self.people.withdrawn,
            accepted=accepted,
            nodes=self.scenario.population.shards,
        )

    def _largest_epsilon(self) -> float:
        """Return what all rounds cost a device that is in each of them: the most its notice allows."""
        least = self.least_noise_multiplier
        return (
            exact_epsilon(math.sqrt(self.rounds) / least, self.scenario.privacy.delta) if least else math.inf
        )

    def _committed(self, report: RoundReport) -> None:
        self.line.reports.append(report)
        self.line.tick(self.people.digest())
        self.contributions += report.in_sum
        self.people.withdraw(self.departures.before.get(report.terms.round + 1, _NOBODY))

    def _leave_in_flight(self, message: Message) -> None:
        """Let this round's leavers go after the first node has answered, before the round is sealed."""
        if message.metadata.group_id.isdigit():
            leaving = self.departures.in_flight.get(int(message.metadata.group_id), _NOBODY)
            self.people.withdraw(leaving[~self.people.withdrawn[leaving]])


_NOBODY = np.zeros(0, np.int64)


def _fail(node: int, reason: str) -> None:
    raise NodeFailed(f"node {node}: {reason}")
