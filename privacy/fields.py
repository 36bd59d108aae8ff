"""What a field of a record may hold: said once, beside the field, and checked whenever a record comes to be.

A record is a frozen dataclass whose annotations carry their rules. It can only be built valid, and its wire form
follows from it: floats as canonical decimals, everything else as it is.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, get_args, get_type_hints

from privacy.canonical import JSON, LARGEST_INTEGER, CanonicalError, decimal, number
from privacy.errors import PrivacyError
from privacy.terms import NeighboringRelation, Trust, Unit

R = TypeVar("R", bound="Record")


class RecordError(PrivacyError):
    """A record with a missing, unknown, mistyped or senseless field: it is refused whole."""

    code: ClassVar[str] = "record_refused"


class Rule(NamedTuple):
    """What a field holds, in words and as a check; `real` fields travel as decimal strings."""

    says: str
    holds: Callable[[Any], bool]
    real: bool = False


def text(pattern: str, says: str) -> Rule:
    """Allow strings that match a pattern as a whole."""
    return Rule(says, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


def whole(low: int, high: int = LARGEST_INTEGER) -> Rule:
    """Allow integers of a closed range; True is no integer here."""
    return Rule(f"an integer from {low} to {high}", lambda value: type(value) is int and low <= value <= high)


def real(says: str, holds: Callable[[float], bool]) -> Rule:
    """Allow numbers with a property; NaN has none, and True is no number."""
    return Rule(says, lambda value: _is_number(value) and holds(value), real=True)


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return not math.isnan(value)
    return type(value) is int and abs(value) <= LARGEST_INTEGER


def one_of(literal: object) -> Rule:
    """Allow the names of a Literal."""
    names = get_args(literal)
    return Rule(f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names)


Name = Annotated[str, text(r"[A-Za-z0-9][A-Za-z0-9._:/ -]{0,99}", "a plain name of at most 100 characters")]
Digest = Annotated[str, text(r"[0-9a-f]{64}", "a SHA-256 in lower-case hexadecimal")]
Ordinal = Annotated[int, whole(1)]
Positive = Annotated[float, real("a positive finite number", lambda x: 0 < x < math.inf)]
AtLeastZero = Annotated[float, real("a finite number, zero or more", lambda x: 0 <= x < math.inf)]
Epsilon = Annotated[float, real("a positive number or inf", lambda x: x > 0)]
Probability = Annotated[float, real("a number above 0 and up to 1", lambda x: 0 < x <= 1)]
Delta = Annotated[float, real("a number strictly between 0 and 1", lambda x: 0 < x < 1)]
Moment = Annotated[int, whole(0)]
Language = Annotated[str, text(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}", "a BCP 47 language tag")]
KeyText = Annotated[str, text(r"[A-Za-z0-9+/]{43}=", "the base64 of 32 bytes")]
SignatureText = Annotated[str, text(r"[A-Za-z0-9+/]{86}==", "the base64 of 64 bytes")]
ProtectedUnit = Annotated[Unit, one_of(Unit)]
Relation = Annotated[NeighboringRelation, one_of(NeighboringRelation)]
TrustModel = Annotated[Trust, one_of(Trust)]


@dataclass(frozen=True, slots=True)
class Record:
    """A record of checked fields, and its form on the wire."""

    def __post_init__(self) -> None:
        for name, rule in rules(type(self)).items():
            if not rule.holds(getattr(self, name)):
                raise RecordError(f"{type(self).__name__}.{name} must be {rule.says}")

    def to_wire(self) -> dict[str, JSON]:
        """Return the fields as canonical JSON holds them."""
        return {
            name: decimal(getattr(self, name)) if rule.real else getattr(self, name)
            for name, rule in rules(type(self)).items()
        }


_rules: dict[type[Record], dict[str, Rule]] = {}


def rules(record: type[Record]) -> dict[str, Rule]:
    """Return the rule of every field of a kind of record, read once from its annotations."""
    if record not in _rules:
        hints = get_type_hints(record, include_extras=True)
        _rules[record] = {field.name: get_args(hints[field.name])[1] for field in fields(record)}
    return _rules[record]


def from_wire(record: type[R], body: Mapping[str, JSON]) -> R:
    """Build a record from its wire form.

    Raises:
        RecordError: fields are missing, unknown, of another type, not canonical or out of range.
    """
    expected = rules(record)
    if body.keys() != expected.keys():
        raise RecordError(f"{record.__name__} has the fields {', '.join(expected)}: no other, and no fewer")
    return record(**{name: _value(record, name, rule, body[name]) for name, rule in expected.items()})


def _value(record: type[Record], name: str, rule: Rule, value: JSON) -> Any:
    if not rule.real:
        return value
    try:
        if isinstance(value, str):
            return number(value)
    except CanonicalError as problem:
        raise RecordError(f"{record.__name__}.{name} is not a canonical decimal") from problem
    raise RecordError(f"{record.__name__}.{name} travels as a decimal string")
