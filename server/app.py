"""The Flower ServerApp and the fleet behind its Grid. The only server module that touches Flower's messages."""

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp
from numpy.typing import NDArray

from privacy.events import RoundTerms, encode_event
from server.errors import ServerError
from server.round_book import Contribution

Int64 = NDArray[np.int64]
Arrays = Mapping[str, NDArray[Any]]


class FleetError(ServerError):
    """The nodes cannot be mapped to devices: the caller checks that they run this project's ClientApp."""

    code: ClassVar[str] = "fleet_unusable"


class Fleet:
    """The devices behind a Grid, asked shard by shard.

    A Flower node stands for a shard of devices in simulation and for one device in deployment.

    Args:
        grid: Flower's Grid, of this process or of any Flower runtime.
        timeout: seconds to wait for replies; a node that has not answered counts as zero.
        on_failure: hears (node, reason) of each error reply; the round goes on without that node.
    """

    def __init__(self, grid: Grid, *, timeout: float, on_failure: Callable[[int, str], None]) -> None:
        self._grid = grid
        self._timeout = timeout
        self._on_failure = on_failure
        self._shards: dict[int, Int64] = {}

    def connect(self) -> None:
        """Ask every node which devices it stands for.

        Raises:
            FleetError: no node answered, or two nodes claim one device.
        """
        nodes = list(self._grid.get_node_ids())
        replies = self._ask({node: RecordDict() for node in nodes}, message_type="query.shard", group="map")
        self._shards = {node: _arrays(content, "shard")["subjects"] for node, content in replies.items()}
        claimed = np.sort(np.concatenate([*self._shards.values(), np.zeros(0, np.int64)]))
        if not self._shards or (np.diff(claimed) == 0).any():
            raise FleetError("no node answered with its devices, or a device answers on two nodes")

    @property
    def size(self) -> int:
        """How many devices the mapped nodes stand for."""
        return sum(len(subjects) for subjects in self._shards.values())

    def contribute(
        self,
        terms: RoundTerms,
        *,
        proof: bytes,
        public: Arrays,
        settings: Mapping[str, Any],
        cohort: Int64,
        versions: Int64,
    ) -> dict[int, Contribution]:
        """Ask the cohort's nodes for the exact sum of their clipped contributions.

        Args:
            terms: the round's terms, as logged.
            proof: their log proof, without which no device answers.
            public: arrays every device needs this round, public already.
            settings: what the mechanism needs besides, plain JSON.
            cohort: (count,) subjects to ask.
            versions: (count,) the consent version each is asked under.

        Returns:
            The replies by node; nodes that failed or stayed silent are absent.
        """
        config = ConfigRecord(
            {
                "terms": encode_event(terms).decode(),
                "proof": proof.decode(),
                "settings": json.dumps(settings),
            }
        )
        contents = {}
        for node, subjects in self._shards.items():
            chosen = np.isin(cohort, subjects, assume_unique=True)
            if chosen.any():
                invited = {"subjects": cohort[chosen], "versions": versions[chosen]}
                contents[node] = RecordDict(
                    {"terms": config, "public": _record(public), "cohort": _record(invited)}
                )
        replies = self._ask(contents, message_type="train.contribute", group=str(terms.round))
        return {node: Contribution(**_arrays(content, "contribution")) for node, content in replies.items()}

    def _ask(
        self, contents: Mapping[int, RecordDict], *, message_type: str, group: str
    ) -> dict[int, RecordDict]:
        messages = [
            Message(content, dst_node_id=node, message_type=message_type, group_id=group)
            for node, content in contents.items()
        ]
        answers = {}
        replies = list(self._grid.send_and_receive(messages, timeout=self._timeout))
        asked = {message.metadata.message_id: message.metadata.dst_node_id for message in messages}
        for reply in replies:
            node = asked[reply.metadata.reply_to_message_id]
            if reply.has_error():
                self._on_failure(node, reply.error.reason or "no reason given")
            else:
                answers[node] = reply.content
        return answers


def make_server_app(conduct: Callable[[Grid, Context], None]) -> ServerApp:
    """Build the ServerApp around what conducts a release's rounds over Flower's Grid."""
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        conduct(grid, context)

    return app


def _arrays(content: RecordDict, name: str) -> dict[str, NDArray[Any]]:
    return {part: array.numpy() for part, array in content.array_records[name].items()}


def _record(arrays: Arrays) -> ArrayRecord:
    return ArrayRecord({name: Array(array) for name, array in arrays.items()})
