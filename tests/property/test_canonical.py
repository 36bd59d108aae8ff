"""Canonical JSON: one value, one byte string, both ways; anything else is refused with our own error."""

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privacy.canonical import (
    DEEPEST,
    JSON,
    LARGEST_INTEGER,
    CanonicalError,
    decimal,
    decode,
    encode,
    from_base64,
    number,
    to_base64,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)

LOOSE = [
    b'{"a":1,"a":1}', b'{"b":1,"a":2}', b"1.0", b"1e2", b"-0", b"NaN", b"Infinity", b" 1", b"1 ", b"1\n", b"01",
    b'"\\u0041"', b'"\\/"', b'"\\u000A"', b'"\x7f\\u007f"', b"[1, 2]", b'{"a" :1}', b"9007199254740992",
    b"9" * 5000, b"\xef\xbb\xbf1", b'"\xff"', b'"\\ud800"', b"", b"nul", b"[1]]", b"[" * 100_000,
]  # fmt: skip
"""Bytes that a lenient reader lets pass, or that break a careless one."""


def accepted(read: Callable[[bytes], object]) -> list[bytes]:
    """Return the loose bytes that a reader accepts, or answers with an error that is not ours."""
    passed = []
    for data in LOOSE:
        try:
            read(data)
        except CanonicalError:
            continue
        except Exception:
            pass
        passed.append(data[:40])
    return passed


@given(VALUES)
def test_what_was_written_is_read_back_and_is_json(value: JSON) -> None:
    data = encode(value)
    assert decode(data) == value
    assert json.loads(data) == value


@given(st.binary(max_size=60))
@example(b'{"a":[null,true,"\xe2\x82\xac"]}')
def test_any_bytes_give_a_value_that_writes_them_or_our_error(data: bytes) -> None:
    try:
        value = decode(data)
    except CanonicalError:
        return
    assert encode(value) == data


@given(VALUES, st.data())
def test_another_layout_of_the_same_value_is_refused(value: JSON, data: st.DataObject) -> None:
    loose = json.dumps(
        value, indent=data.draw(st.sampled_from([None, 1])), ensure_ascii=data.draw(st.booleans())
    )
    if loose.encode() != encode(value):
        with pytest.raises(CanonicalError):
            decode(loose.encode())


def test_no_loose_spelling_is_accepted() -> None:
    assert accepted(decode) == []


@pytest.mark.parametrize("fault", [json.loads, lambda data: json.loads(data.decode(), parse_float=str)])
def test_a_lenient_reader_is_caught(fault: Callable[[bytes], object]) -> None:
    assert accepted(fault)


@pytest.mark.parametrize(
    "value", [1.5, math.nan, 2**53, -(2**53), "\ud800", {"\udfff": 1}, {1: 2}, b"x", {1}, [0.0]]
)
def test_a_value_without_canonical_form_is_refused(value: JSON) -> None:
    with pytest.raises(CanonicalError):
        encode(value)


def test_nesting_is_bounded_where_it_says() -> None:
    deepest: JSON = 1
    for _ in range(DEEPEST):
        deepest = [deepest]
    assert decode(encode(deepest)) == deepest
    with pytest.raises(CanonicalError):
        encode([deepest])
    with pytest.raises(CanonicalError):
        decode(b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1))


@given(st.floats(allow_nan=False).filter(lambda x: x != -math.inf))
def test_a_decimal_reads_back_as_the_same_float(x: float) -> None:
    assert number(decimal(x)) == x


@given(st.text(st.sampled_from("0123456789.-+einfaE_ "), max_size=12))
def test_a_decimal_has_one_spelling(text: str) -> None:
    try:
        x = number(text)
    except CanonicalError:
        return
    assert decimal(x) == text


@pytest.mark.parametrize(
    "text", ["1.0", "01", "1e2", "+1", "-0", "0.10", "1_0", " 1", "1E+21", "Infinity", "nan", "１"]
)
def test_another_spelling_of_a_decimal_is_refused(text: str) -> None:
    with pytest.raises(CanonicalError):
        number(text)


@pytest.mark.parametrize("text", ["QR==", "QQ=", "QQ", "QQ==\n", "Q Q==", "QUJ=", "__8=", "=", "QQ==QQ=="])
def test_another_spelling_of_base64_is_refused(text: str) -> None:
    with pytest.raises(CanonicalError):
        from_base64(text)


@given(st.binary(max_size=40), st.text("AB+/=Qx \n", max_size=8))
def test_base64_has_one_spelling(data: bytes, text: str) -> None:
    assert from_base64(to_base64(data)) == data
    try:
        read = from_base64(text)
    except CanonicalError:
        return
    assert to_base64(read) == text
