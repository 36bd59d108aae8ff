"""Where a simulation's nodes run: in this process, or wherever Flower's own runtime puts them."""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from flwr.app import Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from numpy.typing import NDArray

from client.app import make_client_app
from client.node import write_devices
from client.participation import AcceptedTerms
from models.history import Histories
from simulations.errors import SimulationError
from simulations.grid import InProcessGrid
from simulations.population import SimulatedShard

Delivered = Callable[[Message], None]
"""Hears each message after its node has answered and before anyone sees the reply: where the world goes on."""
NODES_WITHIN = 120.0


class RuntimeUnusable(SimulationError):
    """Flower's own runtime is missing, did not start or failed: the message says where its log is."""

    code: ClassVar[str] = "runtime_unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the nodes of a run stand for.

    Args:
        train: training histories, person by person.
        subjects: (people,) int64, the number each person has in rounds.
        switched_off: (people,) bool, whose own switch is off; it changes while training runs.
        accepted: the terms their notice allows.
        nodes: how many nodes share the people.
    """

    train: Histories
    subjects: NDArray[np.int64]
    switched_off: NDArray[np.bool_]
    accepted: AcceptedTerms
    nodes: int


class Runtime(Protocol):
    """Gives a world its nodes."""

    def grid(self, world: World, *, on_delivery: Delivered) -> Grid:
        """Return the Grid behind which the world's nodes answer."""


class InProcess:
    """Nodes in this process: no Ray, no daemon, no start-up."""

    def grid(self, world: World, *, on_delivery: Delivered) -> Grid:
        """Return a Grid over the world's nodes, as many at once as there are cores."""
        everyone = np.arange(world.train.people, dtype=np.int64)
        shards = [
            SimulatedShard(
                part,
                subjects=world.subjects[part],
                train=world.train,
                switched_off=world.switched_off,
                accepted=world.accepted,
            )
            for part in np.array_split(everyone, world.nodes)
        ]
        app = make_client_app(lambda context: shards[int(context.node_config["partition-id"])])
        threads = min(world.nodes, os.cpu_count() or 1)
        return InProcessGrid(app, nodes=world.nodes, threads=threads, on_delivery=on_delivery)


class OnFlower:
    """Nodes in the processes of a Flower runtime, over a folder they share.

    Args:
        grid: Flower's own Grid, given to the ServerApp.
        devices: the folder that the run's configuration names.
    """

    def __init__(self, grid: Grid, *, devices: Path) -> None:
        self._grid, self._devices = grid, devices

    def grid(self, world: World, *, on_delivery: Delivered) -> Grid:
        """Write the world's devices and return Flower's Grid over them once every node is there.

        Raises:
            RuntimeUnusable: the nodes did not come.
        """
        switches = write_devices(
            self._devices,
            histories=world.train,
            subjects=world.subjects,
            switched_off=world.switched_off,
            accepted=world.accepted,
        )
        until = time.monotonic() + NODES_WITHIN
        while len(list(self._grid.get_node_ids())) < world.nodes:
            if time.monotonic() > until:
                raise RuntimeUnusable(f"fewer than {world.nodes} nodes came within {NODES_WITHIN:.0f} s")
            time.sleep(0.05)
        return SharedWorldGrid(self._grid, world, switches=switches, on_delivery=on_delivery)


class SharedWorldGrid(Grid):
    """A Grid whose nodes see the devices' switches as they stand when a message is sent.

    Args:
        inner: Flower's Grid.
        world: whose switches count.
        switches: what the nodes read.
        on_delivery: hears each answered message.
    """

    def __init__(
        self, inner: Grid, world: World, *, switches: NDArray[np.bool_], on_delivery: Delivered
    ) -> None:
        self._inner, self._world, self._switches, self._on_delivery = inner, world, switches, on_delivery

    def set_run(self, run: Run) -> None:
        """Bind the run."""
        self._inner.set_run(run)

    @property
    def run(self) -> Run:
        """The run."""
        return self._inner.run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Return an instruction message to one node."""
        return Message(
            content, dst_node_id=dst_node_id, message_type=message_type, group_id=group_id, ttl=ttl
        )

    def get_node_ids(self) -> Iterable[int]:
        """Return the ids of all nodes."""
        return self._inner.get_node_ids()

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages to devices whose switches stand as the world has them now."""
        np.copyto(self._switches, self._world.switched_off)
        return self._inner.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies at hand."""
        return self._inner.pull_messages(message_ids)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send, wait, and let the world go on for each message that was answered."""
        sent = list(messages)
        np.copyto(self._switches, self._world.switched_off)
        replies = list(self._inner.send_and_receive(sent, timeout=timeout))
        answered = {reply.metadata.reply_to_message_id for reply in replies}
        for message in sent:
            if message.metadata.message_id in answered:
                self._on_delivery(message)
        return replies
