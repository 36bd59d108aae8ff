"""Hypothesis strategies for every kind of event."""

import math
from typing import Any, get_args

from hypothesis import strategies as st

from privacy.acts import (
    AccountantDeclared,
    Activity,
    AuditMeasured,
    CapChanged,
    CapScope,
    ConsentLogGap,
    ConsentRootAnchored,
    HazardMitigated,
    HazardRaised,
    KeyPurpose,
    KeyRotated,
    MetricReleased,
    NotCovered,
    NoticePublished,
    PeriodStarted,
    ReleaseWithdrawn,
    TuningAccounted,
    UncoveredData,
    WithdrawalReason,
)
from privacy.canonical import to_base64
from privacy.events import (
    Event,
    LineDeclared,
    NoPrivacyReason,
    NotPrivate,
    PrivacyEvent,
    ReleasePublished,
    RoundAborted,
    RoundCommitted,
    RoundTerms,
)

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/ -]{0,20}", fullmatch=True)
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
NUMBERS = st.integers(1, 2**53 - 1)
POSITIVE = st.floats(0, exclude_min=True, allow_infinity=False)
RATES = st.floats(0, 1, exclude_min=True)
MECHANISM = {
    "clipping_norm": POSITIVE, "noise_multiplier": st.floats(0, allow_infinity=False), "sampling_rate": RATES,
    "denominator": POSITIVE,
}  # fmt: skip
TRUST = st.sampled_from(["central", "secure_sum"])
TWO = {"proposed_by": st.just("one"), "approved_by": st.sampled_from(["two", "three"])}
KEYS = st.binary(min_size=32, max_size=32).map(to_base64)
SIGNATURES = st.binary(min_size=64, max_size=64).map(to_base64)


def one(literal: object) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(literal))


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        LineDeclared, line=NAMES, epsilon_budget=POSITIVE | st.just(math.inf), trust=TRUST,
        delta=st.floats(0, 1, exclude_min=True, exclude_max=True), unit=st.just("enrolled_subject"),
        neighboring_relation=st.just("add_or_remove_one"), declared_population=st.integers(2, 2**53 - 1),
        period_days=NUMBERS, releases=NUMBERS,
    ),
    st.builds(
        RoundTerms, line=NAMES, round=NUMBERS, mechanism=NAMES, dimension=NUMBERS,
        scale_bits=st.integers(0, 62), trust=TRUST, **MECHANISM,
    ),
    st.builds(PrivacyEvent, line=NAMES, round=NUMBERS, mechanism=st.just("gaussian"), **MECHANISM),
    st.builds(
        RoundCommitted, line=NAMES, round=NUMBERS, model_in=DIGESTS, model_out=DIGESTS, config_digest=DIGESTS,
        code_digest=DIGESTS, consent_commitment=DIGESTS,
    ),
    st.builds(RoundAborted, line=NAMES, round=NUMBERS),
    st.builds(ReleasePublished, line=NAMES, sequence=NUMBERS, manifest=DIGESTS),
    st.builds(NotPrivate, line=NAMES, reason=one(NoPrivacyReason)),
    st.builds(NoticePublished, purpose=NAMES, language=st.just("de-CH"), edition=NUMBERS, notice=DIGESTS, **TWO),
    st.builds(CapChanged, line=NAMES, scope=one(CapScope), epsilon=POSITIVE | st.just(math.inf), **TWO),
    st.builds(PeriodStarted, line=NAMES, period=st.integers(2, 99), starts=st.integers(0, 2**40)),
    st.builds(
        MetricReleased, line=NAMES, metric=NAMES, number=NUMBERS, mechanism=st.just("gaussian"),
        clipping_norm=POSITIVE, noise_multiplier=MECHANISM["noise_multiplier"], sampling_rate=RATES,
    ),
    st.builds(
        TuningAccounted, line=NAMES, number=NUMBERS, mechanism=st.just("gaussian"), clipping_norm=POSITIVE,
        noise_multiplier=MECHANISM["noise_multiplier"], sampling_rate=RATES, looks=st.integers(1, 1_000_000),
    ),
    st.builds(NotCovered, line=NAMES, activity=one(Activity), data=one(UncoveredData)),
    st.builds(
        AccountantDeclared, line=NAMES, accountant=NAMES, version=NAMES, check=NAMES, check_version=NAMES,
        error=POSITIVE,
    ),
    st.builds(HazardRaised, hazard=NAMES, component=NAMES, version=NAMES, reference=NAMES),
    st.builds(HazardMitigated, hazard=NAMES, mitigation=NAMES, test=NAMES, evidence=DIGESTS),
    st.builds(
        KeyRotated, origin=NAMES, purpose=one(KeyPurpose), old_key=KEYS, new_key=KEYS, old_signature=SIGNATURES,
        new_signature=SIGNATURES, **TWO,
    ),
    st.builds(ConsentRootAnchored, number=NUMBERS, commitment=DIGESTS),
    st.tuples(NUMBERS, NUMBERS).map(lambda ends: ConsentLogGap(first=min(ends), last=max(ends))),
    st.builds(ReleaseWithdrawn, line=NAMES, sequence=NUMBERS, reason=one(WithdrawalReason)),
    st.builds(
        AuditMeasured, line=NAMES, method=NAMES, epsilon_lower=MECHANISM["noise_multiplier"],
        delta=st.floats(0, 1, exclude_min=True, exclude_max=True), confidence=RATES, evidence=DIGESTS,
    ),
)  # fmt: skip
