"""Canonical JSON against the published vectors of RFC 8785 (appendix B, and its author's test data)."""

import math
import struct

import pytest

from privacy.canonical import JSON, CanonicalError, decimal, decode, encode, number

APPENDIX_B = {
    "0000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), APPENDIX_B.items())
def test_a_decimal_is_spelled_as_appendix_b_says(bits: str, text: str) -> None:
    (x,) = struct.unpack(">d", bytes.fromhex(bits))
    assert decimal(x) == text
    assert number(text) == x


def test_negative_zero_is_zero_and_infinity_has_one_spelling() -> None:
    assert decimal(-0.0) == "0"
    assert decimal(math.inf) == "inf"
    assert number("inf") == math.inf


@pytest.mark.parametrize("x", [math.nan, -math.inf])
def test_what_has_no_decimal_is_refused(x: float) -> None:
    with pytest.raises(CanonicalError):
        decimal(x)


def test_keys_go_by_utf_16_code_units() -> None:
    weird = {
        "\u20ac": "Euro Sign", "1": "One", "\u0080": "Control\u007f", "\U0001f602": "Smiley",
        "\u00f6": "Latin Small Letter O With Diaeresis", "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "</script>": "Browser Challenge",
    }  # fmt: skip
    expected = (
        '{"1":"One","</script>":"Browser Challenge","\u0080":"Control\u007f",'
        '"\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign","\U0001f602":"Smiley",'
        '"\ufb33":"Hebrew Letter Dalet With Dagesh"}'
    )
    assert encode(weird) == expected.encode()
    assert decode(expected.encode()) == weird


def test_objects_nest_and_stay_sorted() -> None:
    structures: JSON = {
        "1": {"f": {"f": "hi", "F": 5}, "\n": 56}, "10": {}, "": "empty", "a": {}, "111": [{}], "A": {},
    }  # fmt: skip
    expected = b'{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{}],"A":{},"a":{}}'
    assert encode(structures) == expected


def test_strings_are_escaped_as_the_readme_shows() -> None:
    assert encode('\u20ac$\u000f\u000aA\'B"\\\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()
