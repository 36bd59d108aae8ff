"""Every kind of event that a log may hold, as a grammar over its leaf's text: what it does not match is no event.

The fields of an event have plain alphabets and its keys one order, so one regular expression a kind is shape,
canonical form and reading at once, in a few microseconds a leaf.
"""

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from privacy.audit.faults import Broken
from privacy.audit.forms import LARGEST, NotCanonical, decimal


class Entry(NamedTuple):
    """An entry of the log.

    Args:
        at: its index.
        kind: of event.
        says: its fields; whole numbers as int, decimals as float.
    """

    at: int
    kind: str
    says: dict[str, Any]

    @property
    def where(self) -> str:
        """The entry's place, for people."""
        return f"entry {self.at} ({self.kind})"


class Field(NamedTuple):
    """How a field is spelled, with its name left open, and what it stands for."""

    pattern: str
    read: Callable[[str], Any] | None = None


def _text(pattern: str) -> Field:
    return Field(f'"(?P<%s>{pattern})"')


def _one_of(*names: str) -> Field:
    return _text("|".join(names))


def _whole(low: int, high: int = LARGEST) -> Field:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise NotCanonical(f"{value} is not from {low} to {high}")
        return value

    return Field(r"(?P<%s>0|[1-9][0-9]{0,15})", read)


def _real(holds: Callable[[float], bool]) -> Field:
    @lru_cache(maxsize=1024)
    def read(text: str) -> float:
        value = decimal(text)
        if not holds(value):
            raise NotCanonical(f"{text} is out of range")
        return value

    return Field(r'"(?P<%s>[0-9a-z.+-]{1,30})"', read)


_TYPES = {
    "name": _text(r"[A-Za-z0-9][A-Za-z0-9._:/ -]{0,99}"),
    "digest": _text(r"[0-9a-f]{64}"),
    "language": _text(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}"),
    "key": _text(r"[A-Za-z0-9+/]{43}="),
    "signature": _text(r"[A-Za-z0-9+/]{86}=="),
    "ordinal": _whole(1),
    "moment": _whole(0),
    "two": _whole(2),
    "bits": _whole(0, 62),
    "looks": _whole(1, 1_000_000),
    "positive": _real(lambda x: 0 < x < math.inf),
    "not_negative": _real(lambda x: 0 <= x < math.inf),
    "epsilon": _real(lambda x: x > 0),
    "delta": _real(lambda x: 0 < x < 1),
    "probability": _real(lambda x: 0 < x <= 1),
    "unit": _one_of("enrolled_subject"),
    "relation": _one_of("add_or_remove_one"),
    "trust": _one_of("central", "secure_sum"),
    "mechanism": _one_of("gaussian"),
    "scope": _one_of("line", "period", "release"),
    "stamp": _one_of("no_noise", "seeded_randomness"),
    "activity": _one_of("tuning", "evaluation", "metrics"),
    "data": _one_of("public_benchmark", "public_knowledge", "private_data"),
    "purpose": _one_of("log", "release", "notice", "receipt", "consent_log"),
    "withdrawal": _one_of("hazard", "replaced", "decision"),
}

_PERSONS = "proposed_by:name approved_by:name"
_NOISE = "mechanism:mechanism clipping_norm:positive noise_multiplier:not_negative sampling_rate:probability"
KINDS = {
    "line_declared": "line:name epsilon_budget:epsilon delta:delta unit:unit neighboring_relation:relation "
    "trust:trust declared_population:two period_days:ordinal releases:ordinal",
    "round_terms": "line:name round:ordinal mechanism:name dimension:ordinal clipping_norm:positive "
    "noise_multiplier:not_negative sampling_rate:probability denominator:positive scale_bits:bits trust:trust",
    "privacy_event": f"line:name round:ordinal {_NOISE} denominator:positive",
    "round_committed": "line:name round:ordinal model_in:digest model_out:digest config_digest:digest "
    "code_digest:digest consent_commitment:digest",
    "round_aborted": "line:name round:ordinal",
    "release_published": "line:name sequence:ordinal manifest:digest",
    "not_private": "line:name reason:stamp",
    "notice_published": f"purpose:name language:language edition:ordinal notice:digest {_PERSONS}",
    "cap_changed": f"line:name scope:scope epsilon:epsilon {_PERSONS}",
    "period_started": "line:name period:two starts:moment",
    "metric_released": f"line:name metric:name number:ordinal {_NOISE}",
    "tuning_accounted": f"line:name number:ordinal {_NOISE} looks:looks",
    "not_covered": "line:name activity:activity data:data",
    "accountant_declared": "line:name accountant:name version:name check:name check_version:name error:positive",
    "hazard_raised": "hazard:name component:name version:name reference:name",
    "hazard_mitigated": "hazard:name mitigation:name test:name evidence:digest",
    "key_rotated": "origin:name purpose:purpose old_key:key new_key:key old_signature:signature "
    f"new_signature:signature {_PERSONS}",
    "consent_root_anchored": "number:ordinal commitment:digest",
    "consent_log_gap": "first:ordinal last:ordinal",
    "release_withdrawn": "line:name sequence:ordinal reason:withdrawal",
    "audit_measured": "line:name method:name epsilon_lower:not_negative delta:delta confidence:probability "
    "evidence:digest",
}
"""Kind to its fields and their types; another shape is another kind."""


class _Shape(NamedTuple):
    leaf: re.Pattern[str]
    reads: tuple[tuple[str, Callable[[str], Any]], ...]


def _shape(kind: str, spec: str) -> _Shape:
    fields = {name: _TYPES[kind_of] for name, kind_of in (part.split(":") for part in spec.split())}
    parts = {name: field.pattern.replace("%s", name) for name, field in fields.items()} | {
        "kind": f'"{kind}"'
    }
    body = ",".join(f'"{name}":{parts[name]}' for name in sorted(parts))
    reads = tuple((name, field.read) for name, field in fields.items() if field.read is not None)
    return _Shape(re.compile(r"\{" + body + r"\}"), reads)


_SHAPES = {kind: _shape(kind, spec) for kind, spec in KINDS.items()}
_KIND = '"kind":"'


def read_entry(at: int, leaf: bytes) -> Entry:
    """Read the entry of a log from its leaf.

    Raises:
        Broken: it is no event of a known kind.
    """
    try:
        text = leaf.decode("ascii")
        start = text.index(_KIND) + len(_KIND)
        kind = text[start : text.index('"', start)]
        shape = _SHAPES[kind]
    except (ValueError, KeyError):
        raise Broken("log.entry", f"entry {at}", "it is of no kind this version knows") from None
    found = shape.leaf.fullmatch(text)
    if found is None:
        raise Broken("log.entry", f"entry {at}", f"a field of this {kind} is missing, unknown or misspelled")
    says: dict[str, Any] = found.groupdict()
    try:
        for name, read in shape.reads:
            says[name] = read(says[name])
    except NotCanonical as problem:
        raise Broken("log.entry", f"entry {at}", f"{name} of this {kind}: {problem}") from None
    return Entry(at, kind, says)
