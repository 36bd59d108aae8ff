"""Canonical JSON as its grammar: a reader to which any other spelling of a value is no JSON at all.

Source: RFC 8785; of numbers only integers that every reader holds, decimals travel in strings.
"""

import base64
import re
from functools import lru_cache
from typing import Any, ClassVar

from privacy.errors import PrivacyError

LARGEST = 2**53 - 1
DEEPEST = 32
_STRING = re.compile(
    r'"((?:[^"\\\x00-\x1f\ud800-\udfff]|\\(?:["\\bfnrt]|u00(?:0[0-7be f]|1[0-9a-f])))*+)"'.replace(" ", "")
)
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,15}")
_ESCAPE = re.compile(r'\\(?:u00(..)|(["\\bfnrt]))')
_SHORT = {'"': '"', "\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NAMES: dict[str, Any] = {"true": True, "false": False, "null": None}


class NotCanonical(PrivacyError):
    """The text is not the one spelling of a value."""

    code: ClassVar[str] = "audit_not_canonical"


def read(data: bytes) -> Any:
    """Return the value of canonical JSON: None, bool, int, str, list or dict.

    Raises:
        NotCanonical: the bytes are anything else.

    >>> read(b'{"a":["1",2,null]}')
    {'a': ['1', 2, None]}
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise NotCanonical("not UTF-8") from None
    value, end = _value(text, 0, DEEPEST)
    if end != len(text):
        raise NotCanonical(f"something stands after the value, at character {end}")
    return value


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    first = text[at : at + 1]
    if first == '"':
        return _string(text, at)
    if first in ("{", "["):
        if depth == 0:
            raise NotCanonical(f"nested deeper than {DEEPEST}")
        return _object(text, at + 1, depth - 1) if first == "{" else _list(text, at + 1, depth - 1)
    for name, value in _NAMES.items():
        if text.startswith(name, at):
            return value, at + len(name)
    return _whole(text, at)


def _whole(text: str, at: int) -> tuple[int, int]:
    found = _WHOLE.match(text, at)
    if found is None or abs(int(found[0])) > LARGEST:
        raise NotCanonical(f"no value at character {at}")
    return int(found[0]), found.end()


def _string(text: str, at: int) -> tuple[str, int]:
    found = _STRING.match(text, at)
    if found is None:
        raise NotCanonical(f"no string at character {at}")
    raw = found[1]
    return (_ESCAPE.sub(_unescaped, raw) if "\\" in raw else raw), found.end()


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _SHORT[found[2]]


def _list(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    values: list[Any] = []
    if text[at : at + 1] == "]":
        return values, at + 1
    while True:
        value, at = _value(text, at, depth)
        values.append(value)
        mark, at = text[at : at + 1], at + 1
        if mark == "]":
            return values, at
        if mark != ",":
            raise NotCanonical(f"no comma at character {at - 1}")


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    fields: dict[str, Any] = {}
    before = b""
    if text[at : at + 1] == "}":
        return fields, at + 1
    while True:
        name, at = _string(text, at)
        order = name.encode("utf-16-be")
        if fields and order <= before:
            raise NotCanonical(f"fields are not in order at character {at}")
        if text[at : at + 1] != ":":
            raise NotCanonical(f"no colon at character {at}")
        before = order
        fields[name], at = _value(text, at + 1, depth)
        mark, at = text[at : at + 1], at + 1
        if mark == "}":
            return fields, at
        if mark != ",":
            raise NotCanonical(f"no comma at character {at - 1}")


@lru_cache(maxsize=4096)
def decimal(text: str) -> float:
    """Return the number that a decimal string stands for.

    Raises:
        NotCanonical: it is not spelled as ECMAScript's String(x) does, or "inf".

    >>> decimal("0.000534"), decimal("1e-10"), decimal("inf")
    (0.000534, 1e-10, inf)
    """
    try:
        value = float(text)
    except ValueError:
        raise NotCanonical("no decimal") from None
    if text != spelled(value):
        raise NotCanonical("a decimal in another spelling")
    return value


def spelled(value: float) -> str:
    """Spell a number as ECMA-262's Number::toString does, infinity as "inf"."""
    if value != value or value == -float("inf"):
        return "no number"
    if value == float("inf"):
        return "inf"
    sign = "-" if value < 0 else ""
    mantissa, _, power = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(power or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    if 0 < point <= 21:
        whole, fraction = digits[:point] + "0" * (point - len(digits)), digits[point:]
        return sign + whole + ("." + fraction if fraction else "")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def raw_bytes(text: str) -> bytes:
    """Return the bytes that base64 with padding stands for.

    Raises:
        NotCanonical: it has another spelling.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise NotCanonical("no base64") from None
    if base64.b64encode(data).decode() != text:
        raise NotCanonical("base64 with stray bits")
    return data
