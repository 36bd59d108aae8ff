"""The ClientApp that Flower's own runtimes load: a node answers for the devices of one folder.

A folder of devices holds, for a shard in simulation as for a single device:

    indptr.npy        (people + 1,) int64, person p owns entries indptr[p]:indptr[p + 1]
    item.npy          (entries,) int32, catalogue positions, oldest first
    subjects.npy      (people,) int64, the number each person has in rounds
    switched_off.npy  (people,) bool, whose own switch is off; it may change while the node runs
    accepted.json     the terms their notice allows

The folder is named by ``devices`` in the node's configuration, where a real node says which events are its own, else
in the run's, where a simulation says it for all. Several nodes over one folder share its people by ``partition-id``.
"""

import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from flwr.app import Context
from numpy.typing import NDArray

from client.app import Int64, Shard, make_client_app
from client.errors import ClientError
from client.participation import AcceptedTerms
from models.errors import ModelError
from models.history import Histories

ARRAYS = ("indptr", "item", "subjects", "switched_off")


class DevicesUnreadable(ClientError):
    """A node's folder of devices is missing or malformed: its operator mends the configuration."""

    code: ClassVar[str] = "devices_unreadable"


class Numbered:
    """Devices of one node: which persons they are, and the numbers they have in rounds.

    Args:
        persons: (devices,) int64, places in whatever holds their events.
        subjects: (devices,) int64, no two alike.
    """

    def __init__(self, persons: Int64, subjects: Int64) -> None:
        self.subjects: Int64 = subjects
        self._order = None if np.array_equal(persons, subjects) else np.argsort(subjects)
        self._persons = persons

    def persons(self, subjects: Int64) -> Int64:
        """Return whose these numbers are.

        Raises:
            DevicesUnreadable: a number is none of this node's.
        """
        if self._order is None:
            return subjects
        places = np.searchsorted(self.subjects, subjects, sorter=self._order)
        found = self._order[np.minimum(places, len(self._order) - 1)]
        if (self.subjects[found] != subjects).any():
            raise DevicesUnreadable("a device was asked for that this node does not stand for")
        return self._persons[found]


class FolderShard:
    """Devices whose events stand in a folder, mapped into memory and shared between processes.

    Args:
        folder: as `write_devices` writes it.
        part: which of `parts` equal parts of the people this node stands for.
    """

    def __init__(self, folder: Path, *, part: int, parts: int) -> None:
        try:
            indptr, item, subjects, off = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS)
            self._accepted = AcceptedTerms(**json.loads((folder / "accepted.json").read_text()))
            self._histories = Histories(indptr, item)
        except (OSError, ValueError, TypeError, ModelError) as problem:
            raise DevicesUnreadable(f"{folder}: not a folder of devices: {problem}") from None
        self._switched_off: NDArray[np.bool_] = off
        mine = np.array_split(np.arange(self._histories.people, dtype=np.int64), parts)[part]
        self._devices = Numbered(mine, np.asarray(subjects, np.int64)[mine])
        self.subjects: Int64 = self._devices.subjects

    def willing(self, subjects: Int64) -> NDArray[np.bool_]:
        """Return whose own switch is still on, as the folder says now."""
        return np.logical_not(self._switched_off[self._devices.persons(subjects)])

    def histories(self, subjects: Int64) -> Histories:
        """Return their training events, in the order asked."""
        return self._histories.take(self._devices.persons(subjects))

    def accepted(self) -> AcceptedTerms:
        """Return the terms the notice allows."""
        return self._accepted


def write_devices(
    folder: Path,
    *,
    histories: Histories,
    subjects: Int64,
    switched_off: NDArray[np.bool_],
    accepted: AcceptedTerms,
) -> NDArray[np.bool_]:
    """Write a folder of devices.

    Returns:
        (people,) bool, the switches mapped into memory: what is written there, running nodes see.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays: tuple[NDArray[Any], ...] = (histories.indptr, histories.item, subjects, switched_off)
    for name, array in zip(ARRAYS, arrays, strict=True):
        np.save(folder / f"{name}.npy", array)
    (folder / "accepted.json").write_text(json.dumps(asdict(accepted)))
    switches: NDArray[np.bool_] = np.load(folder / "switched_off.npy", mmap_mode="r+")
    return switches


def open_node(context: Context) -> Shard:
    """Open the devices of the node whose context this is."""
    folder = context.node_config.get("devices") or context.run_config.get("devices")
    if not folder:
        raise DevicesUnreadable("neither node nor run says where the devices are: set devices=FOLDER")
    part, parts = context.node_config.get("partition-id", 0), context.node_config.get("num-partitions", 1)
    return _opened(Path(str(folder)), int(part), int(parts))


@lru_cache(maxsize=64)
def _opened(folder: Path, part: int, parts: int) -> FolderShard:
    return FolderShard(folder, part=part, parts=parts)


app = make_client_app(open_node)
