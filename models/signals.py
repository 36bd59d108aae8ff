"""Signals: how much what happens on a device moves a score. Public, one small table for everyone, versioned."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.errors import ModelError

Shifts = Mapping[str, Mapping[str, float]]


class SignalsError(ModelError):
    """The table is not one of finite numbers under plain names: the publisher mends it."""

    code = "signals_malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """The global weights of local features.

    Args:
        version: of the table, from 1; a release that weighs anew counts up.
        kinds: weight of each kind of event in a history, a view being 1; below zero it speaks against what
            the item is like, 0 says nothing at all.
        interest: how far a chosen category lifts its items, in standard deviations of a taste.
        shifts: by facet of the situation or the person, "hour=evening" or "plan=free", how far it lifts the
            items of a category.
    """

    version: int
    kinds: Mapping[str, float]
    interest: float
    shifts: Shifts = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.version) is not int or self.version < 1:
            raise SignalsError(f"signals.version must be a whole number from 1, not {self.version!r}")
        named: dict[str, Any] = {"interest": self.interest}
        named |= {f"kinds.{kind}": weight for kind, weight in self.kinds.items()}
        for facet, row in self.shifts.items():
            if not re.fullmatch(r"[a-z_]{1,32}=[\w -]{1,64}", facet):
                raise SignalsError(f'signals.shifts holds {facet!r}; write a facet as "hour=evening"')
            named |= {f"shifts.{facet}.{category}": by for category, by in row.items()}
        for name, value in named.items():
            if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > 100:
                raise SignalsError(f"signals.{name} must be a number within ±100, not {value!r}")
        if not all(re.fullmatch(r"[a-z_]{1,32}", kind) for kind in self.kinds):
            raise SignalsError("a kind of event is named by small letters and underscores")

    def to_json(self) -> dict[str, Any]:
        """Return the table as plain JSON."""
        return {
            "interest": float(self.interest),
            "kinds": {kind: float(weight) for kind, weight in self.kinds.items()},
            "shifts": {
                facet: {name: float(by) for name, by in row.items()} for facet, row in self.shifts.items()
            },
            "version": self.version,
        }


def signals_from_json(value: object) -> Signals:
    """Read the table.

    Raises:
        SignalsError: a part is missing, unknown or of another type.
    """
    if not isinstance(value, dict) or value.keys() != {"interest", "kinds", "shifts", "version"}:
        raise SignalsError("signals hold interest, kinds, shifts and version alone")
    tables = [value["kinds"], value["shifts"]]
    if isinstance(value["shifts"], dict):
        tables += value["shifts"].values()
    if not all(isinstance(table, dict) for table in tables):
        raise SignalsError("signals.kinds and every row of signals.shifts must be objects")
    return Signals(**value)


DEFAULT = Signals(
    version=1,
    kinds={
        "view": 1.0,
        "click": 1.0,
        "like": 2.0,
        "purchase": 2.0,
        "skip": -0.5,
        "dislike": -2.0,
        "impression": 0.0,
        "open": 0.0,
    },
    interest=1.0,
)
"""What a catalogue says that says nothing: set by hand, not learnt from anyone."""
