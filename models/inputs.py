"""What the server tells every device before a round: all of it public."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.ballot import BallotInput
from models.errors import ModelError
from models.history import Float
from models.objective import GradientInput


class InputError(ModelError):
    """A round's public input is not what its statistic needs: the device answers nothing."""

    code: ClassVar[str] = "round_input_malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearness:
    """Which events of one history count as near, and how much they weigh beside all the others.

    Args:
        window: largest distance in events, at least 1.
        tau: decay of the weight e^(-(distance - 1) / tau) in events.
        share: part of the whole that nearby events make up, in [0, 1].
    """

    window: int
    tau: float
    share: float

    def __post_init__(self) -> None:
        if not (self.window >= 1 and self.tau > 0 and 0 <= self.share <= 1):
            raise InputError(f"window must be at least 1, tau positive and share in [0, 1], not {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PopularityInput:
    """Ask which items a person met.

    Args:
        items: size of the catalogue.
    """

    items: int

    def __post_init__(self) -> None:
        if type(self.items) is not int or self.items < 1:
            raise InputError(f"a catalogue needs at least one item, not {self.items}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the sum that the round releases."""
        return (self.items,)


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentsInput:
    """Ask which directions of the public basis occur together in a history.

    Args:
        projection: (items, k) float32, the item's scale times its row of the basis.
        near: how closeness in time counts.
        spared: most of their latest events that people keep out, to judge by them later.
    """

    projection: Float
    near: Nearness
    spared: int = 0

    def __post_init__(self) -> None:
        _check_table("projection", self.projection)
        _check_spared(self.spared)

    @property
    def width(self) -> int:
        """Number of directions k."""
        return int(self.projection.shape[1])

    @property
    def items(self) -> int:
        """Size of the catalogue."""
        return len(self.projection)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the sum that the round releases: a symmetric matrix as a vector."""
        side = self.projection.shape[1]
        return (side * (side + 1) // 2,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextInput:
    """Ask in the company of which tastes each item occurs.

    Args:
        tastes: (items, r) float32, the item tastes learnt so far.
        scale: (items,) float32 positive, how much each item's row counts.
        near: how closeness in time counts.
        spared: most of their latest events that people keep out, to judge by them later.
    """

    tastes: Float
    scale: Float
    near: Nearness
    spared: int = 0

    def __post_init__(self) -> None:
        _check_table("tastes", self.tastes)
        _check_spared(self.spared)
        if self.scale.shape != (len(self.tastes),) or not (np.isfinite(self.scale) & (self.scale > 0)).all():
            raise InputError("scale must hold one positive number per item")

    @property
    def width(self) -> int:
        """Number of tastes r."""
        return int(self.tastes.shape[1])

    @property
    def items(self) -> int:
        """Size of the catalogue."""
        return len(self.tastes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the sum that the round releases."""
        return self.tastes.shape


RoundInput = PopularityInput | MomentsInput | ContextInput | BallotInput
Question = RoundInput | GradientInput
"""Everything a round may ask."""


def _check_table(name: str, table: Float) -> None:
    if table.ndim != 2 or 0 in table.shape or table.dtype != np.float32 or not np.isfinite(table).all():
        raise InputError(f"{name} must be a finite float32 table, not {table.dtype}{list(table.shape)}")


def _check_spared(spared: int) -> None:
    if type(spared) is not int or spared < 0:
        raise InputError(f"spared events are counted from 0, not {spared!r}")


_KINDS: dict[str, type[Question]] = {
    "popularity": PopularityInput,
    "moments": MomentsInput,
    "context": ContextInput,
    "ballot": BallotInput,
    "gradient": GradientInput,
}


def to_parts(question: Question) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Split a round's input into its arrays and its scalars, as a message carries them.

    Returns:
        The arrays by name, and a JSON-ready dict of the rest with the statistic's name under "statistic".
    """
    arrays: dict[str, NDArray[Any]] = {}
    scalars: dict[str, Any] = {"statistic": next(k for k, kind in _KINDS.items() if type(question) is kind)}
    for field in fields(question):
        value = getattr(question, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        elif isinstance(value, Nearness):
            scalars[field.name] = {part.name: getattr(value, part.name) for part in fields(value)}
        else:
            scalars[field.name] = value
    return arrays, scalars


def from_parts(arrays: dict[str, NDArray[Any]], scalars: dict[str, Any]) -> Question:
    """Put a round's input together again.

    Raises:
        InputError: an unknown statistic, a missing or surplus part, or a value out of range.
    """
    try:
        rest = dict(scalars)
        kind: Callable[..., Question] = _KINDS[rest.pop("statistic")]
        if "near" in rest:
            rest["near"] = Nearness(**rest["near"])
        return kind(**arrays, **rest)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"a round's input does not fit its statistic: {error}") from error
