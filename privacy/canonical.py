"""One value, one byte string: the canonical JSON of RFC 8785 that everything signed or logged is written in.

Floats never appear: two languages that disagree on one digit would disagree on a digest. A decimal travels as a
string, in the one spelling RFC 8785 gives a number.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, TypeAlias

from privacy.errors import PrivacyError

JSON: TypeAlias = "bool | int | str | Sequence[JSON] | Mapping[str, JSON] | None"
"""What can be encoded; what `decode` gives back is made of None, bool, int, str, list and dict."""

LARGEST_INTEGER = 2**53 - 1
"""The largest integer every JSON reader holds exactly."""

DEEPEST = 32
"""How deep lists and objects may nest."""


_WRITER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
"""Spells strings and integers as RFC 8785 does; order and soundness are for `encode` to see to."""


class CanonicalError(PrivacyError):
    """Bytes, or a value, that have no place in canonical JSON: the reader refuses them whole."""

    code: ClassVar[str] = "not_canonical"


def encode(value: JSON) -> bytes:
    """Write a value as the only bytes that stand for it.

    Raises:
        CanonicalError: it holds a float, an integer beyond ±(2**53 - 1), a lone surrogate, or nests too deep.

    Source: RFC 8785, without its section 3.2.2.3 for numbers that are no integers.

    >>> encode({"b": [1, True, None], "a": "€"}).decode()
    '{"a":"€","b":[1,true,null]}'
    """
    try:
        return _WRITER.encode(_ordered(value, DEEPEST)).encode()
    except UnicodeEncodeError as problem:
        raise CanonicalError("a string holds half of a surrogate pair, which UTF-8 cannot carry") from problem


def _ordered(value: JSON, depth: int) -> JSON:
    """Return a sound value with the keys of every object in canonical order."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise CanonicalError("an integer is beyond ±(2**53 - 1); write it as a string")
        return int(value)
    if depth == 0:
        raise CanonicalError(f"lists and objects nest deeper than {DEEPEST}")
    if isinstance(value, list | tuple):
        return [_ordered(entry, depth - 1) for entry in value]
    if isinstance(value, dict):
        return {key: _ordered(value[key], depth - 1) for key in _in_order(value)}
    raise CanonicalError(f"{type(value).__name__} is not canonical JSON; write a decimal as decimal(x)")


def _in_order(keys: Mapping[str, JSON]) -> list[str]:
    if not all(isinstance(key, str) for key in keys):
        raise CanonicalError("every key of an object must be a string")
    if all(map(str.isascii, keys)):
        return sorted(keys)
    return sorted(keys, key=lambda key: key.encode("utf-16-be"))


def decode(data: bytes) -> JSON:
    """Read canonical bytes, and nothing but canonical bytes.

    Whatever encodes to other bytes than it was read from is refused. That one rule covers floats, white space,
    other escapes, wrong order, duplicate keys, negative zero and trailing bytes.

    Raises:
        CanonicalError: the bytes are not what `encode` writes.
    """
    try:
        value: JSON = json.loads(data.decode())
    except (ValueError, RecursionError) as problem:
        raise CanonicalError("the bytes are no JSON in UTF-8") from problem
    if encode(value) != data:
        raise CanonicalError("the bytes are JSON, but not its canonical form (RFC 8785)")
    return value


def decimal(x: float) -> str:
    """Spell a number in its shortest round-trip form, as RFC 8785 and JavaScript's String(x) do.

    Args:
        x: finite, or ``math.inf``, which is spelled "inf".

    Raises:
        CanonicalError: it is NaN or negative infinity.

    >>> decimal(4.0), decimal(1e-7), decimal(0.1), decimal(math.inf)
    ('4', '1e-7', '0.1', 'inf')
    """
    x = float(x)
    if x == math.inf:
        return "inf"
    if not math.isfinite(x):
        raise CanonicalError(f"{x} has no canonical decimal")
    if x == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(x)).as_tuple()
    point = len(digits) + int(exponent)
    return "-" * sign + _placed("".join(map(str, digits)).rstrip("0"), point)


def _placed(digits: str, point: int) -> str:
    """Place the decimal point as ECMA-262 Number::toString does: 0.{digits} times ten to the point."""
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    if 0 < point <= 21:
        whole, fraction = digits[:point].ljust(point, "0"), digits[point:]
        return f"{whole}.{fraction}" if fraction else whole
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


def number(text: str) -> float:
    """Read a decimal back, refusing every spelling but the canonical one.

    Raises:
        CanonicalError: the text is not what `decimal` writes.
    """
    try:
        x = float(text)
    except ValueError as problem:
        raise CanonicalError("not a decimal") from problem
    if decimal(x) != text:
        raise CanonicalError(f"a decimal is spelled {decimal(x)}, and only so")
    return x


def to_base64(data: bytes) -> str:
    """Spell bytes in standard base64 with padding (RFC 4648, section 4)."""
    return base64.b64encode(data).decode()


def from_base64(text: str) -> bytes:
    """Read standard base64, refusing the spellings a lenient reader lets pass.

    Raises:
        CanonicalError: the text is not what `to_base64` writes.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as problem:
        raise CanonicalError("not base64") from problem
    if to_base64(data) != text:
        raise CanonicalError("base64 with stray bits or padding")
    return data
