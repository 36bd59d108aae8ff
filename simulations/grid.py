"""Flower's Grid in this process: messages go straight to the same ClientApp, no Ray, no daemon, no start-up."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from uuid import uuid4

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

RUN_ID = 1
SERVER_NODE = 0


class InProcessGrid(Grid):
    """Hand each message to the ClientApp of its node and keep the reply until it is pulled.

    Args:
        app: the ClientApp every node runs.
        nodes: number of nodes; ids are 1 to `nodes`.
        threads: nodes that run at once.
        on_delivery: called with each message after its node has answered and before the reply is seen: where
            a simulation lets the world go on while updates are in flight.
    """

    def __init__(
        self,
        app: ClientApp,
        *,
        nodes: int,
        threads: int = 1,
        on_delivery: Callable[[Message], None] = lambda message: None,
    ) -> None:
        self._app = app
        self._on_delivery = on_delivery
        self._replies: dict[str, Message] = {}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="node")
        self._delivery = Lock()
        self._contexts = {
            node: Context(
                run_id=RUN_ID,
                node_id=node,
                node_config={"partition-id": node - 1, "num-partitions": nodes},
                state=RecordDict(),
                run_config={},
            )
            for node in range(1, nodes + 1)
        }
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = RUN_ID, SERVER_NODE, 0

    def set_run(self, run: Run) -> None:
        """Accept the run; there is only one."""

    @property
    def run(self) -> Run:
        """The one run of this process."""
        return Run.create_empty(RUN_ID)

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
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Run each message through its node's app; an app's exception becomes an error reply, as in Flower."""
        return list(self._pool.map(self._deliver, messages))

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies at hand, each once."""
        return [self._replies.pop(key) for key in message_ids if key in self._replies]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Push and pull: every node answers at once, so no timeout is needed."""
        return self.pull_messages(self.push_messages(messages))

    def _deliver(self, message: Message) -> str:
        key = str(uuid4())
        message.metadata.__dict__["_message_id"] = key
        node = message.metadata.dst_node_id
        try:
            reply = self._app(message, self._contexts[node])
        except Exception as problem:  # what Flower's runtime does too: a node's failure is a reply
            reply = Message(Error(code=1, reason=f"{type(problem).__name__}: {problem}"), reply_to=message)
        with self._delivery:
            self._on_delivery(message)
            self._replies[key] = reply
        return key
