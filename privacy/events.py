"""What ran, as values: the events of the public log. What they cost is a function of them, never one of them.

This file is a compatibility contract. A kind keeps its fields for ever; another shape is another kind, so that an old
reader refuses what it does not know. No field counts people who took part: only constants declared beforehand stand
here, since an exact count is a release that one person can flip.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from privacy.acts import (
    AccountantDeclared,
    AuditMeasured,
    CapChanged,
    ConsentLogGap,
    ConsentRootAnchored,
    HazardMitigated,
    HazardRaised,
    KeyRotated,
    Mechanism,
    MetricReleased,
    NotCovered,
    NoticePublished,
    PeriodStarted,
    ReleaseWithdrawn,
    TuningAccounted,
)
from privacy.canonical import decode, encode
from privacy.fields import (
    AtLeastZero,
    Delta,
    Digest,
    Epsilon,
    Name,
    Ordinal,
    Positive,
    Probability,
    ProtectedUnit,
    Record,
    RecordError,
    Relation,
    TrustModel,
    from_wire,
    one_of,
    whole,
)
from privacy.terms import Guarantee

NoPrivacyReason = Literal["no_noise", "seeded_randomness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDeclared(Record):
    """Promise a release line's whole budget before its first round.

    Args:
        line: name of the release line.
        epsilon_budget: most epsilon the line may ever spend, inf where no promise is made.
        delta: delta at which epsilon is stated.
        unit: whose whole contribution is protected.
        neighboring_relation: how two neighbouring populations differ.
        trust: who must be trusted with single updates.
        declared_population: N, a constant chosen in advance, not a count of anyone present.
        period_days: days the budget is for.
        releases: most releases within the period.
    """

    line: Name
    epsilon_budget: Epsilon
    delta: Delta
    unit: ProtectedUnit
    neighboring_relation: Relation
    trust: TrustModel
    declared_population: Annotated[int, whole(2)]
    period_days: Ordinal
    releases: Ordinal

    def guarantee(self) -> Guarantee:
        """Return what the line may spend over its life."""
        return Guarantee(
            epsilon=self.epsilon_budget,
            delta=self.delta,
            unit=self.unit,
            neighboring_relation=self.neighboring_relation,
            trust=self.trust,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTerms(Record):
    """State what a round will do before anyone is asked.

    Args:
        line: name of the release line.
        round: number of the round in its line, from 1.
        mechanism: name of what is summed, e.g. "popularity".
        dimension: length of the summed vector.
        clipping_norm: C, bound of one person's L2 norm.
        noise_multiplier: noise standard deviation over C; 0 is no noise.
        sampling_rate: q, probability with which each eligible device is in.
        denominator: D, the constant that divides the noisy sum: q x declared population.
        scale_bits: contributions are integers in steps of 2**-scale_bits.
        trust: who must be trusted with single updates.
    """

    line: Name
    round: Ordinal
    mechanism: Name
    dimension: Ordinal
    clipping_norm: Positive
    noise_multiplier: AtLeastZero
    sampling_rate: Probability
    denominator: Positive
    scale_bits: Annotated[int, whole(0, 62)]
    trust: TrustModel


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyEvent(Record):
    """Record the intent to spend, before noise is drawn: a crash may waste budget, never forget it.

    Args:
        line: name of the release line.
        round: number of the round in its line.
        mechanism: the noise, with sensitivity C.
        clipping_norm: C, bound of one person's L2 norm.
        noise_multiplier: noise standard deviation over C.
        sampling_rate: q, probability with which each eligible device is in.
        denominator: D, the constant that divides the noisy sum.
    """

    line: Name
    round: Ordinal
    mechanism: Annotated[Mechanism, one_of(Mechanism)]
    clipping_norm: Positive
    noise_multiplier: AtLeastZero
    sampling_rate: Probability
    denominator: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundCommitted(Record):
    """Bind a round's result to what it came from.

    Args:
        line: name of the release line.
        round: number of the round in its line.
        model_in: SHA-256 of the model before.
        model_out: SHA-256 of the model after.
        config_digest: SHA-256 of the scenario.
        code_digest: SHA-256 of the code.
        consent_commitment: salted commitment to the consents the round was fenced on.
    """

    line: Name
    round: Ordinal
    model_in: Digest
    model_out: Digest
    config_digest: Digest
    code_digest: Digest
    consent_commitment: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundAborted(Record):
    """Close a round without a result; why is nobody's business, since the reason may hang on one person."""

    line: Name
    round: Ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePublished(Record):
    """Publish a release: devices refuse one whose manifest is not logged here.

    Args:
        line: name of the release line.
        sequence: number of the release in its line, from 1.
        manifest: SHA-256 of the signed manifest's bytes.
    """

    line: Name
    sequence: Ordinal
    manifest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPrivate(Record):
    """Stamp a line as not private: no later event takes that back."""

    line: Name
    reason: Annotated[NoPrivacyReason, one_of(NoPrivacyReason)]


Event: TypeAlias = (
    LineDeclared
    | RoundTerms
    | PrivacyEvent
    | RoundCommitted
    | RoundAborted
    | ReleasePublished
    | NotPrivate
    | NoticePublished
    | CapChanged
    | PeriodStarted
    | MetricReleased
    | TuningAccounted
    | NotCovered
    | AccountantDeclared
    | HazardRaised
    | HazardMitigated
    | KeyRotated
    | ConsentRootAnchored
    | ConsentLogGap
    | ReleaseWithdrawn
    | AuditMeasured
)

KINDS: dict[str, type[Event]] = {
    "line_declared": LineDeclared,
    "round_terms": RoundTerms,
    "privacy_event": PrivacyEvent,
    "round_committed": RoundCommitted,
    "round_aborted": RoundAborted,
    "release_published": ReleasePublished,
    "not_private": NotPrivate,
    "notice_published": NoticePublished,
    "cap_changed": CapChanged,
    "period_started": PeriodStarted,
    "metric_released": MetricReleased,
    "tuning_accounted": TuningAccounted,
    "not_covered": NotCovered,
    "accountant_declared": AccountantDeclared,
    "hazard_raised": HazardRaised,
    "hazard_mitigated": HazardMitigated,
    "key_rotated": KeyRotated,
    "consent_root_anchored": ConsentRootAnchored,
    "consent_log_gap": ConsentLogGap,
    "release_withdrawn": ReleaseWithdrawn,
    "audit_measured": AuditMeasured,
}
_NAMES = {event: kind for kind, event in KINDS.items()}


def kind_of(event: Event | type[Event]) -> str:
    """Return the name of an event's kind in the log.

    Raises:
        RecordError: it is of no kind that the log holds.

    >>> kind_of(RoundAborted)
    'round_aborted'
    """
    kind = _NAMES.get(event if isinstance(event, type) else type(event))
    if kind is None:
        raise RecordError(f"{type(event).__name__} is no kind of event; the log holds {', '.join(KINDS)}")
    return kind


def encode_event(event: Event) -> bytes:
    """Write an event as the canonical bytes that become its leaf.

    Raises:
        RecordError: it is of no kind that the log holds.

    >>> encode_event(RoundAborted(line="demo", round=3))
    b'{"kind":"round_aborted","line":"demo","round":3}'
    """
    return encode({"kind": kind_of(event), **event.to_wire()})


def decode_event(data: bytes) -> Event:
    """Read an event from its canonical bytes.

    Raises:
        CanonicalError: the bytes are not canonical JSON.
        RecordError: the kind is unknown, or a field is missing, unknown, mistyped or out of range.
    """
    body = decode(data)
    kind = body.get("kind") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(kind, str) or kind not in KINDS:
        raise RecordError(f"an event is an object of a known kind: {', '.join(KINDS)}")
    return from_wire(KINDS[kind], {name: value for name, value in body.items() if name != "kind"})
