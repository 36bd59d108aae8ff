"""The runtime: one guarded ONNX session that ranks and explains; holds nothing about the person."""

import contextlib
import ctypes
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import ArrayLike, NDArray

from client.device.guard import read_model
from client.device.tables import ModelRefused, Tables, read_tables
from client.errors import ClientError

Deltas = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Positions and how far each is shifted."""


OUTPUTS = ("items", "scores", "events", "bias", "local")
LARGEST = float(np.finfo(np.float32).max)


class RequestError(ClientError):
    """The request is not one a ranking can answer: the caller mends its arguments.

    The message names no item: what a person met must not reach a log.
    """

    code = "request_malformed"


@dataclass(frozen=True, slots=True)
class Ranked:
    """The best unseen items, best first, and what each score is made of.

    Args:
        items: (n,) int64 catalogue positions; fewer than asked for when fewer are unseen.
        scores: (n,) float64, each the sum of its row of events, its bias and its local part within 1e-6.
        events: (n, H) float64, the part of each event in the order they were given.
        bias: (n,) float64, the part of popularity.
        local: (n,) float64, the part of the person's own shifts.
    """

    items: NDArray[np.int64]
    scores: NDArray[np.float64]
    events: NDArray[np.float64]
    bias: NDArray[np.float64]
    local: NDArray[np.float64]


class Executor(Protocol):
    """Whatever answers as the release's graph does."""

    @property
    def tables(self) -> Tables:
        """The tables of the release."""

    def rank(
        self,
        history: ArrayLike,
        *,
        ages: ArrayLike,
        kinds: ArrayLike,
        deltas: Mapping[int, float] | Deltas,
        seen: ArrayLike,
        k: int,
    ) -> Ranked:
        """Rank the whole catalogue for one person."""


class Runtime:
    """Rank with one model: what comes out is a function of the model's bytes and the arguments alone."""

    def __init__(self, model: bytes) -> None:
        """Load a model whose origin is already verified.

        Args:
            model: the model's bytes; guarded here again before the ONNX runtime sees them.

        Raises:
            GuardError: the bytes are not a plain ranking graph.
            ModelRefused: it is another format, or the ONNX runtime cannot load it.
        """
        guarded = read_model(model)
        self.metadata = guarded.metadata
        self.tables = read_tables(guarded)
        self.items = self.tables.items
        ort.disable_telemetry_events()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        rows = guarded.tensors["rows"]
        try:
            # The largest table stays where it is, in the model's bytes: 6.4 MB of 100,000 items, not copied.
            self._shared = ort.OrtValue.ortvalue_from_numpy(
                np.frombuffer(rows.data, np.int8).reshape(rows.shape)
            )
            options.add_initializer("rows", self._shared)
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no base class
            raise ModelRefused(f"the ONNX runtime refuses the model: {type(error).__name__}") from None
        give_back()

    def rank(
        self,
        history: ArrayLike,
        *,
        ages: ArrayLike,
        kinds: ArrayLike,
        deltas: Mapping[int, float] | Deltas,
        seen: ArrayLike,
        k: int,
    ) -> Ranked:
        """Rank the whole catalogue for one person.

        Args:
            history: (H,) catalogue positions of the events.
            ages: (H,) age of each event in events, 0 the latest.
            kinds: (H,) weight of each event's kind, finite; a negative one speaks against what it is like.
            deltas: local shift of an item's score by its position, finite; or positions and shifts as two
                arrays, where repeated positions add up.
            seen: (S,) positions never to show.
            k: items wanted, at least 1.

        Raises:
            RequestError: lengths, positions or numbers are out of their range.
            ModelRefused: the model failed on a request in range.
        """
        if k < 1:
            raise RequestError("k must be at least 1")
        met, ages, kinds = self._positions(history), _numbers(ages, at_least=0), _numbers(kinds)
        if not len(met) == len(ages) == len(kinds):
            raise RequestError("history, ages and kinds must have one entry per event each")
        shifted, shifts = deltas if isinstance(deltas, tuple) else (list(deltas), list(deltas.values()))
        if len(shifted) != len(shifts):
            raise RequestError("every shifted item needs one shift")
        feed = {
            "history": met,
            "ages": ages,
            "kinds": kinds,
            "delta_items": self._positions(shifted),
            "delta_values": _numbers(shifts),
            "seen": self._positions(seen),
            "k": np.array([min(k, self.items)], np.int64),
        }
        try:
            items, scores, parts, bias, local = self._session.run(OUTPUTS, feed)
        except Exception as error:  # onnxruntime's errors share no base class and quote positions
            raise ModelRefused(f"the model fails on a request: {type(error).__name__}") from None
        if not self._fits(items, len(met), scores, parts, bias, local):
            raise ModelRefused("the model's outputs are not those of a ranking")
        if not math.isfinite(parts.sum()):
            raise ModelRefused("the model's reasons are no numbers")
        shown = np.isfinite(scores)
        if shown.all():
            return Ranked(items, scores, parts, bias, local)
        return Ranked(items[shown], scores[shown], parts[shown], bias[shown], local[shown])

    def _fits(
        self,
        items: NDArray[Any],
        history: int,
        scores: NDArray[Any],
        parts: NDArray[Any],
        *rest: NDArray[Any],
    ) -> bool:
        """Tell whether outputs have the shapes and types of a ranking; the guard does not run a graph."""
        rows = items.shape
        same = len(rows) == 1 and all(column.shape == rows for column in (scores, *rest))
        numbers = all(column.dtype == np.float64 for column in (scores, parts, *rest))
        if not same or not numbers or parts.shape != (*rows, history) or items.dtype != np.int64:
            return False
        return self._inside(items)

    def _positions(self, values: ArrayLike) -> NDArray[np.int64]:
        """Return catalogue positions as the graph takes them."""
        positions = np.asarray(values)
        if positions.size == 0:
            return np.zeros(0, np.int64)
        if positions.ndim != 1 or positions.dtype.kind not in "iu":
            raise RequestError("item positions must be one list of whole numbers")
        positions = positions.astype(np.int64, copy=False)
        if not self._inside(positions):
            raise RequestError(f"an item position is outside the catalogue of {self.items} items")
        return positions

    def _inside(self, positions: NDArray[np.int64]) -> bool:
        """Tell whether all lie in the catalogue; a negative one, read without its sign, lies far beyond it."""
        return not len(positions) or bool(np.ascontiguousarray(positions).view(np.uint64).max() < self.items)


def give_back() -> None:
    """Return to the system what loading took and freed, where the C library can."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _numbers(values: ArrayLike, *, at_least: float = -LARGEST) -> NDArray[np.float32]:
    """Return weights, ages or shifts as the graph takes them."""
    numbers = np.asarray(values, np.float32)
    if numbers.ndim != 1 or (numbers.size and not at_least <= numbers.min() <= numbers.max() <= LARGEST):
        raise RequestError(f"ages, weights and shifts must be finite numbers of at least {at_least}")
    return numbers
