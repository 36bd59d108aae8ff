"""The Flower ClientApp: a node answers for its devices with one exact sum. The only client module that
touches Flower's messages."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol, cast

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from numpy.typing import NDArray

from client.contribution import Call, contribute
from client.participation import AcceptedTerms
from models.history import Histories
from privacy.events import RoundTerms, decode_event

Int64 = NDArray[np.int64]
SENT = "sent"
"""Where a node's state keeps the terms of the rounds it answered."""


class Shard(Protocol):
    """The devices one node stands for: a shard in simulation, a single device in deployment."""

    @property
    def subjects(self) -> Int64:
        """Every device of this node, (devices,) int64."""

    def willing(self, subjects: Int64) -> NDArray[np.bool_]:
        """Return who of them still consents by the switch on their own device."""

    def histories(self, subjects: Int64) -> Histories:
        """Return their training events, in the order asked."""

    def accepted(self) -> AcceptedTerms:
        """Return the terms the notice allows."""


def arrays_of(record: ArrayRecord) -> dict[str, NDArray[Any]]:
    """Return a record's arrays by name."""
    return {name: array.numpy() for name, array in record.items()}


def record_of(arrays: dict[str, NDArray[Any]]) -> ArrayRecord:
    """Pack arrays into a record."""
    return ArrayRecord({name: Array(array) for name, array in arrays.items()})


def make_client_app(open_shard: Callable[[Context], Shard]) -> ClientApp:
    """Build the ClientApp over whatever holds the devices' events.

    Args:
        open_shard: finds a node's devices from its Flower context; called for every message, so it caches.

    Returns:
        An app that answers ``query.shard`` with its subjects and ``train.contribute`` with the sum of their
        clipped contributions and the account of who is in it.
    """
    app = ClientApp()

    @app.query("shard")
    def shard(message: Message, context: Context) -> Message:
        content = RecordDict({"shard": record_of({"subjects": open_shard(context).subjects})})
        return Message(content, reply_to=message)

    @app.train("contribute")
    def train(message: Message, context: Context) -> Message:
        devices = open_shard(context)
        content = message.content
        asked = content.config_records["terms"]
        invited = arrays_of(content.array_records["cohort"])
        subjects, versions = invited["subjects"], invited["versions"]
        willing = devices.willing(subjects)
        subjects, versions = subjects[willing], versions[willing]
        contribution = contribute(
            Call(
                terms=str(asked["terms"]).encode(),
                proof=str(asked["proof"]).encode(),
                public=arrays_of(content.array_records["public"]),
                settings=json.loads(str(asked["settings"])),
            ),
            accepted=devices.accepted(),
            earlier=map(_terms, _sent(context)),
            histories=devices.histories(subjects),
            subjects=subjects,
        )
        _remember(context, str(asked["terms"]))
        answer = {"subjects": subjects, "versions": versions, "total": contribution.total}
        return Message(RecordDict({"contribution": record_of(answer)}), reply_to=message)

    return app


def _sent(context: Context) -> list[str]:
    """Return the terms of every round this node has answered, as logged: its state outlives the process."""
    sent = context.state.config_records.get(SENT, ConfigRecord())
    return cast(list[str], sent.get("terms", []))


def _remember(context: Context, leaf: str) -> None:
    if leaf not in (sent := _sent(context)):
        context.state[SENT] = ConfigRecord({"terms": [*sent, leaf]})


@lru_cache(maxsize=1 << 14)
def _terms(leaf: str) -> RoundTerms:
    """Read terms once, however many rounds ask for the sum of all before."""
    event = decode_event(leaf.encode())
    if not isinstance(event, RoundTerms):
        raise TypeError(f"a node's state holds round_terms, not {type(event).__name__}")
    return event
