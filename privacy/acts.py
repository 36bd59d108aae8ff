"""What people and programs do around the rounds, as values: notices, caps, metrics, tuning, hazards, keys, audits.

Part of the compatibility contract of `privacy.events`: a kind keeps its fields for ever. Whatever changes a promise
names the two people behind it by pseudonymous ids, which must differ. No field counts people who took part.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from privacy.fields import (
    AtLeastZero,
    Delta,
    Digest,
    Epsilon,
    KeyText,
    Language,
    Moment,
    Name,
    Ordinal,
    Positive,
    Probability,
    Record,
    RecordError,
    SignatureText,
    one_of,
    whole,
)

Mechanism = Literal["gaussian"]
CapScope = Literal["line", "period", "release"]
Activity = Literal["tuning", "evaluation", "metrics"]
UncoveredData = Literal["public_benchmark", "public_knowledge", "private_data"]
KeyPurpose = Literal["log", "release", "notice", "receipt", "consent_log"]
WithdrawalReason = Literal["hazard", "replaced", "decision"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoPersons(Record):
    """An act that one person proposed and another approved.

    Args:
        proposed_by: pseudonymous id of who proposed it.
        approved_by: pseudonymous id of who approved it, somebody else.
    """

    proposed_by: Name
    approved_by: Name

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        if self.proposed_by == self.approved_by:
            raise RecordError(
                f"{type(self).__name__} needs two people: {self.proposed_by} cannot approve alone"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePublished(TwoPersons):
    """Publish what people are shown before they decide.

    Args:
        purpose: what consent is asked for.
        language: of the text.
        edition: rises with every material change.
        notice: SHA-256 of the notice's canonical content.
    """

    purpose: Name
    language: Language
    edition: Ordinal
    notice: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class CapChanged(TwoPersons):
    """Set or lower what a line may spend; a cap never rises, and none exceeds the declared budget.

    Args:
        line: name of the release line.
        scope: over what: the line's whole life, its current and every later period, or every single release.
        epsilon: most that may be spent over it, at the line's delta.
    """

    line: Name
    scope: Annotated[CapScope, one_of(CapScope)]
    epsilon: Epsilon


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodStarted(Record):
    """Begin a line's next budget period: what it spends from here on counts towards that one.

    Args:
        line: name of the release line.
        period: its number; the first began with the declaration.
        starts: seconds since 1970 UTC; a period is never shorter than the line declared.
    """

    line: Name
    period: Annotated[int, whole(2)]
    starts: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReleased(Record):
    """Record the intent to release a noisy metric, before its noise is drawn.

    Args:
        line: name of the release line that pays.
        metric: what is measured.
        number: of this metric in its line, from 1.
        mechanism: the noise, with sensitivity C.
        clipping_norm: C, bound of one person's L2 norm over everything in this metric.
        noise_multiplier: noise standard deviation over C.
        sampling_rate: q, probability with which each eligible device is in.
    """

    line: Name
    metric: Name
    number: Ordinal
    mechanism: Annotated[Mechanism, one_of(Mechanism)]
    clipping_norm: Positive
    noise_multiplier: AtLeastZero
    sampling_rate: Probability


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningAccounted(Record):
    """Record the intent to tune on people's data, paid for by the line.

    Args:
        line: name of the release line that pays.
        number: of the tuning run in its line, from 1.
        mechanism: the noise, with sensitivity C.
        clipping_norm: C, bound of one person's L2 norm in one look at the data.
        noise_multiplier: noise standard deviation over C.
        sampling_rate: q, probability with which each eligible device is in a look.
        looks: how often the data are looked at, a constant decided beforehand.
    """

    line: Name
    number: Ordinal
    mechanism: Annotated[Mechanism, one_of(Mechanism)]
    clipping_norm: Positive
    noise_multiplier: AtLeastZero
    sampling_rate: Probability
    looks: Annotated[int, whole(1, 1_000_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCovered(Record):
    """Stamp something a line did as not covered by its epsilon.

    Args:
        line: name of the release line.
        activity: what was done.
        data: on what; on private data it leaves a hole that blocks every later release.
    """

    line: Name
    activity: Annotated[Activity, one_of(Activity)]
    data: Annotated[UncoveredData, one_of(UncoveredData)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountantDeclared(Record):
    """Name the two accountants that bound a line's epsilon.

    Args:
        line: name of the release line.
        accountant: the one whose bound is reported, with its library.
        version: of that library.
        check: the independent one it must agree with, with its library.
        check_version: of that library.
        error: most by which the two may differ in epsilon.
    """

    line: Name
    accountant: Name
    version: Name
    check: Name
    check_version: Name
    error: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardRaised(Record):
    """Say that a component in use has a known flaw: until it is mitigated, nothing is released.

    Args:
        hazard: its name in this log.
        component: what is flawed.
        version: of the component.
        reference: where the flaw is described.
    """

    hazard: Name
    component: Name
    version: Name
    reference: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardMitigated(Record):
    """Record a tested mitigation against a hazard.

    Args:
        hazard: the name it was raised under.
        mitigation: what was done.
        test: the test that fails without it.
        evidence: SHA-256 of the source that mitigates.
    """

    hazard: Name
    mitigation: Name
    test: Name
    evidence: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated(TwoPersons):
    """Replace a key by another; both sign, so neither can be put in without its holder.

    Args:
        origin: the log's name, so that no rotation is replayed in another log.
        purpose: what the key signs; a log key signs every checkpoint that holds this leaf and those after it.
        old_key: the key replaced.
        new_key: the key that follows.
        old_signature: by the old key, over `privacy.rotation.statement`.
        new_signature: by the new key, over the same.
    """

    origin: Name
    purpose: Annotated[KeyPurpose, one_of(KeyPurpose)]
    old_key: KeyText
    new_key: KeyText
    old_signature: SignatureText
    new_signature: SignatureText


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRootAnchored(Record):
    """Bind the private consent log, on a fixed clock, without saying even how long it is.

    Args:
        number: of the tick, from 1.
        commitment: salted commitment to the consent log's checkpoint.
    """

    number: Ordinal
    commitment: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentLogGap(Record):
    """Say that the consent log's newest heads were lost with a database; it goes on from the head before them.

    Args:
        first: number of the first anchor whose head is lost.
        last: number of the newest anchor.
    """

    first: Ordinal
    last: Ordinal

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        if self.first > self.last:
            raise RecordError(f"no gap runs from anchor {self.first} to {self.last}: exchange them")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWithdrawn(Record):
    """Flag a published release: devices stop using it."""

    line: Name
    sequence: Ordinal
    reason: Annotated[WithdrawalReason, one_of(WithdrawalReason)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditMeasured(Record):
    """Record an empirical lower bound of epsilon; a line that claims less may release nothing.

    Args:
        line: name of the release line.
        method: how it was measured.
        epsilon_lower: what an attack on planted canaries shows epsilon to be at least.
        delta: at which.
        confidence: with which.
        evidence: SHA-256 of the measurement's record.
    """

    line: Name
    method: Name
    epsilon_lower: AtLeastZero
    delta: Delta
    confidence: Probability
    evidence: Digest
